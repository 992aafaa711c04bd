"""The audit trail: only grows, the database refuses anything else, and a check names the first entry that is wrong."""

import datetime
import importlib
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from meta_app.audit.domain import as_stored, entry_hash
from meta_app.audit.models import AuditChain, AuditEntry
from meta_app.audit.services import record

triggers = importlib.import_module("meta_app.audit.migrations.0002_entries_never_change")


def write(project, number=3):
    return [
        record(
            project_id=project.pk, actor=None, action="study.created", subject=f"Study {k}", after={"year": 2000 + k}
        )
        for k in range(1, number + 1)
    ]


def check(project=None):
    lines = []
    try:
        call_command("check_audit", project=project and project.pk, stdout=type("Out", (), {"write": lines.append})())
    except CommandError as error:
        return "\n".join([*lines, str(error)])
    return "\n".join(lines)


def tamper(entry, **changes):
    AuditEntry.objects.filter(pk=entry.pk).update(**changes)


def test_an_untouched_chain_holds_and_prints_its_head(project):
    entries = write(project)
    assert "3 entries, all fit" in check()
    assert entries[-1].hash in check(project)


def test_each_entry_can_be_computed_again_from_what_the_database_gives_back(project):
    odd = {
        "float": 1e22, "small": 1e-7, "negative zero": -0.0, "third": 1 / 3, "nan": float("nan"), "zero\0": "a\0b",
        "decimal": Decimal("15.50"), "when": datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.UTC),
        "words": "疼痛 “quoted” \\ \u2028", "nested": [{"b": 1, "a": [None, True]}],
    }  # fmt: skip
    record(
        project_id=project.pk, actor=None, action="x.y", subject="Zhāng\0 2016", before=odd, after=[odd], reason="é\0"
    )
    assert "1 entry, all fit" in check(project)


def test_numbers_are_stored_as_every_database_gives_them_back():
    assert as_stored({"a": 1e22, "b": [float("inf"), 0.5]}) == {"a": 10**22, "b": ["inf", 0.5]}
    assert str(as_stored(-0.0)) == "0.0"
    assert isinstance(as_stored(1e22), int)


@pytest.mark.parametrize(
    "change",
    [{"after": {"year": 1999}}, {"subject": "Another"}, {"reason": "made up"}, {"blind_study_id": 7},
     {"at": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)}],
)  # fmt: skip
def test_a_changed_entry_is_named(project, change):
    entries = write(project)
    tamper(entries[1], **change)
    assert "Entry 2 was changed after it was written." in check(project)
    assert "broken in project" in check()


def test_a_changed_entry_with_a_new_hash_breaks_the_entry_after_it(project):
    entries = write(project)
    entries[1].subject = "Another"
    tamper(entries[1], subject="Another", hash=entries[1].expected_hash())
    assert "Entry 3 does not follow the entry before it." in check(project)


def test_a_chain_written_anew_to_its_end_does_not_fit_its_head(project):
    entries = write(project)
    entries[2].subject = "Another"
    tamper(entries[2], subject="Another", hash=entries[2].expected_hash())
    assert "The head of the chain does not fit entry 3" in check(project)


def test_missing_entries_are_named_in_the_middle_and_at_the_end(project):
    entries = write(project, 5)
    entries_of = AuditEntry.objects.filter(project_id=project.pk)
    entries_of.filter(number__gt=3)._raw_delete("default")
    assert "Entries 4 to 5 missing at the end" in check(project)
    AuditEntry.objects.filter(pk=entries[1].pk)._raw_delete("default")
    assert "Entry 2 is missing: after entry 1 comes entry 3." in check(project)


def test_entries_past_the_head_or_without_a_head_are_found(project):
    write(project)
    AuditChain.objects.filter(pk=project.pk).update(length=2)
    assert "Entry 3 was added past the head" in check(project)
    AuditChain.objects.all().delete()
    assert "Entry 1 was added past the head of the chain, which counts 0 entries." in check()


def test_a_changed_head_is_found(project):
    write(project)
    AuditChain.objects.update(head="f" * 64)
    assert "The head of the chain does not fit entry 3" in check(project)


def test_projects_have_chains_of_their_own(project):
    from meta_app.projects.models import Project

    other = Project.objects.create(name="Other")
    write(project, 2)
    assert write(other, 1)[0].number == 1
    tamper(AuditEntry.objects.get(project_id=other.pk), subject="Another")
    assert "2 entries, all fit" in check()
    assert f"broken in project {other.pk}." in check()


def test_the_model_refuses_to_change_or_delete_an_entry(project):
    entry = write(project, 1)[0]
    with pytest.raises(PermissionDenied):
        entry.save()
    with pytest.raises(PermissionDenied):
        entry.delete()


def test_a_write_that_is_rolled_back_leaves_no_entry(project):
    with transaction.atomic():
        write(project, 1)
        transaction.set_rollback(True)
    assert not AuditEntry.objects.filter(project_id=project.pk).exists()


@pytest.fixture
def guarded(project):
    """The triggers that the test database is without, until the test is rolled back."""
    write(project, 2)
    statements = triggers.SQLITE if connection.vendor == "sqlite" else triggers.POSTGRESQL
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    return AuditEntry.objects.filter(project_id=project.pk)


@pytest.mark.parametrize(
    "attack",
    [
        lambda entries: entries.update(subject="Another"),
        lambda entries: entries._raw_delete("default"),
        lambda entries: AuditEntry.objects.bulk_update(
            [AuditEntry(pk=entry.pk, subject="Another") for entry in entries], ["subject"]
        ),
    ],
    ids=["update", "delete", "bulk update"],
)
def test_the_database_refuses_to_change_or_delete_entries(guarded, attack):
    with pytest.raises(DatabaseError, match="never changes"), transaction.atomic():
        attack(guarded)
    assert [entry.subject for entry in guarded] == ["Study 1", "Study 2"]


def test_with_its_triggers_the_chain_still_grows(guarded, project):
    write(project, 1)
    assert "3 entries, all fit" in check(project)


def test_a_hash_is_the_sha256_of_canonical_json():
    """By hand: printf '%s' '{"a":"é","previous_hash":"0"}' | sha256sum."""
    import hashlib

    assert entry_hash({"a": "é"}, "0") == hashlib.sha256('{"a":"é","previous_hash":"0"}'.encode()).hexdigest()
