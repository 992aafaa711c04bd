"""The built-in form and the built-in checklist exist once, whoever comes first."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from meta_app.extraction.form_services import form_for_new
from meta_app.extraction.models import Extraction, ExtractionForm, Study
from meta_app.quality import services
from meta_app.quality.models import Instrument, QualityScore
from meta_app.quality.selectors import built_in_instrument
from meta_app.quality.services import score_start

from .score_cast import place_of


@pytest.fixture
def studies(project):
    return [Study.objects.create(project=project, label=label) for label in ("Cao 2017", "Hong 2019")]


def copy_of(row, **changed):
    """A second row with the same values, as a second first user stored it."""
    values = {field.name: getattr(row, field.name) for field in row._meta.concrete_fields if not field.primary_key}
    return type(row).objects.create(**values | changed)


def test_a_second_built_in_row_is_refused_by_the_database(project, reviewer, studies):
    score_start(place=place_of(reviewer), study=studies[0])
    for row in (form_for_new(project=project), Instrument.objects.get(project=None)):
        with pytest.raises(IntegrityError), transaction.atomic():
            copy_of(row)


def test_who_comes_second_takes_what_the_first_stored(reviewer, second_reviewer, studies, monkeypatch):
    """The second looked before the first had stored it."""
    unsaved = built_in_instrument()
    assert unsaved.pk is None
    first = score_start(place=place_of(reviewer), study=studies[0])
    monkeypatch.setattr(services, "project_instrument", lambda project: unsaved)
    second = score_start(place=place_of(second_reviewer), study=studies[1])
    assert second.instrument == first.instrument
    assert Instrument.objects.filter(project=None).count() == 1


def test_the_migration_keeps_the_oldest_and_what_used_a_copy_takes_it(project, reviewer, studies):
    first = score_start(place=place_of(reviewer), study=studies[0])
    form = form_for_new(project=project)
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX built_in_forms_are_unique")
        cursor.execute("DROP INDEX built_in_instruments_are_unique")
    copies = copy_of(form), copy_of(first.instrument)
    changed = copy_of(first.instrument, cutoff=12)
    score = QualityScore.objects.create(study=studies[1], instrument=copies[1], position="A", author=reviewer)
    extraction = Extraction.objects.create(study=studies[1], form=copies[0], position="A", author=reviewer)
    for name in ("extraction.migrations.0004_built_in_once", "quality.migrations.0003_built_in_once"):
        import_module(f"meta_app.{name}").keep_the_oldest(apps, SimpleNamespace(connection=connection))
    score.refresh_from_db()
    extraction.refresh_from_db()
    assert (extraction.form, score.instrument) == (form, first.instrument)
    assert list(ExtractionForm.objects.filter(project=None, name=form.name, version=form.version)) == [form]
    names = dict(Instrument.objects.filter(project=None).values_list("pk", "name"))
    assert names == {
        first.instrument.pk: first.instrument.name,
        changed.pk: f"{first.instrument.name[:30]}-{changed.pk}",
    }
