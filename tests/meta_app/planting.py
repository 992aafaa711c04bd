"""What reviewer B enters about a study: a word or a number of B's own in every column of every table, read from the
models, so that a new column is planted without a line here.
"""

import datetime
import itertools
from collections import defaultdict
from dataclasses import dataclass

from django.db import models

from meta_app.audit.models import AuditEntry
from meta_app.audit.services import record
from meta_app.extraction.models import Cohort, Dataset, Extraction, ExtractionEvent, Group, Peak
from meta_app.quality.models import ItemScore


@dataclass(frozen=True)
class Hand:
    """What somebody types; two hands share no word, number, choice or count."""

    word: str
    number: int
    decimal: str
    answer: str
    """Which of the form's questions is answered."""
    peaks: int
    saves: int
    moved: dict[str, object]
    """What saving moves by itself."""
    choices: dict[str, str]
    alters: bool
    """Whether choices and ticks differ from their defaults."""


FIRST = Hand(
    word="sentinel-b", number=73_100_000, decimal="7310.5", answer="diagnostic_criteria", peaks=7, saves=1, moved={},
    choices={
        "comparison": "patients_controls", "modality": "resting_fmri", "design": "two_sample", "peaks_state": "peaks",
        "space": "mni", "software": "spm",
    },
    alters=False,
)  # fmt: skip
OTHER = Hand(
    word="b-else", number=41, decimal="0.5", answer="site", peaks=3, saves=4,
    moved={"version": 9, "updated_at": datetime.datetime(2031, 5, 4, 3, 2, 1, tzinfo=datetime.UTC)},
    choices={
        "comparison": "before_after", "modality": "vbm", "design": "one_sample", "peaks_state": "sign_only",
        "space": "talairach", "software": "fsl",
    },
    alters=True,
)  # fmt: skip
KEPT = {"version", "revision", "position", "state", "origin"}
"""What is not typed, or is told to everybody."""
FIRST_KEY = 7_000_001
"""Rows are numbered from here, so that both hands leave rows of the same numbers."""
SHARED_AT = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)


class Planter:
    def __init__(self, hand):
        self.hand = hand
        self.numbers = itertools.count(hand.number + 1)
        self.keys = defaultdict(lambda: itertools.count(FIRST_KEY))
        quote = {name: f"{hand.word}-{name}" for name in ("quote", "page", "reported")}
        self.sources = {"n": quote} if not hand.alters else {"age_mean": quote, "n_female": quote}

    def row(self, model, **given):
        """A row with a value of B's own in every column that can hold one."""
        values = {model._meta.pk.name: next(self.keys[model]), **given}
        for field in model._meta.concrete_fields:
            told = field.name in given or field.attname in given
            if not told and not field.primary_key and not field.is_relation and field.name not in KEPT:
                value = self.filling(field, model)
                if value is not None:
                    values[field.name] = value
        return model(**values)

    def filling(self, field, model):
        """A value of one's own for a column; None where it cannot hold one."""
        word = f"{self.hand.word}-{model._meta.model_name}-{field.name}".replace("_", "-")
        if field.choices:
            others = [value for value, _words in field.choices if value != field.get_default()]
            return others[-1] if self.hand.alters else None
        if isinstance(field, models.BooleanField):
            return not field.default if self.hand.alters else None
        if isinstance(field, models.CharField | models.TextField | models.SlugField):
            return word[: field.max_length] if (field.max_length or 99) >= len(self.hand.word) else None
        if isinstance(field, models.DecimalField):
            return self.hand.decimal
        if isinstance(field, models.FloatField):
            return next(self.numbers) + 0.5
        if isinstance(field, models.IntegerField) and not isinstance(field, models.SmallIntegerField):
            return next(self.numbers)
        if isinstance(field, models.JSONField):
            return [word] if field.default is list else {self.hand.answer: word}
        return None

    def extraction(self, extraction):
        """B's tree: values, sources with quotes, cohorts, groups, datasets, peaks and their cells, notes, history."""
        full = self.row(
            Extraction, study=extraction.study, position="B", author=extraction.author, form=extraction.form
        )
        for name in ("values", "note"):
            setattr(extraction, name, getattr(full, name))
        extraction.sources = self.sources
        extraction.save()
        cohort = self.saved(Cohort, extraction=extraction, sources=self.sources)
        groups = [
            self.saved(Group, cohort=cohort, kind=kind, sources=self.sources) for kind in ("patients", "controls")
        ]
        dataset = self.saved(
            Dataset, extraction=extraction, cohort=cohort, group_a=groups[0], group_b=groups[1], sources=self.sources,
            **self.hand.choices,
        )  # fmt: skip
        word = self.hand.word
        cells = {
            "label": f"{word}-cell",
            "x": str(self.hand.number + 999),
            "y": "0",
            "z": "0",
            "note": f"{word}-cell-note",
        }
        sign = -1 if self.hand.alters else 1
        Peak.objects.bulk_create(
            self.row(Peak, dataset=dataset, position=number, cells=cells, sign=sign)
            for number in range(1, self.hand.peaks + 1)
        )
        for _ in range(self.hand.saves):
            self.saved(ExtractionEvent, extraction=extraction, actor=extraction.author, kind="started", revision=1)

    def saved(self, model, **given):
        row = self.row(model, **given)
        row.save(force_insert=True)
        return row

    def score(self, score):
        score.note = f"{self.hand.word}-score-note"
        score.save()
        for row in score.item_scores.all():
            full = self.row(ItemScore, score=score, item=row.item)
            typed = {name: getattr(full, name) for name in ("points", "quote", "page", "note")}
            ItemScore.objects.filter(pk=row.pk).update(**typed)

    def audit(self, study, actor):
        """B's entries, for each save two."""
        word = self.hand.word
        for stage in ("extraction", "quality") * self.hand.saves:
            record(
                project_id=study.project_id, actor=actor, action=f"{stage}.saved",
                subject=f"{study.label}, {word}-subject", before={"n": f"{word}-before"}, after={"n": f"{word}-after"},
                reason=f"{word}-reason", blind_study=study.pk, blind_stage=stage,
            )  # fmt: skip


def tell_everybody(study):
    """An audit entry that all read; after B's own."""
    shared = record(project_id=study.project_id, actor=None, action="study.changed", subject=study.label)
    AuditEntry.objects.filter(pk=shared.pk).update(at=SHARED_AT)


def rows_of_b(study):
    """Every table below an extraction or a score, with B's rows."""
    b = study.extractions.get(position="B")
    scores = study.quality_scores.filter(position="B")
    return [
        Extraction.objects.filter(pk=b.pk),
        b.events.all(),
        b.cohorts.all(),
        Group.objects.filter(cohort__extraction=b),
        b.datasets.all(),
        Peak.objects.filter(dataset__extraction=b),
        scores,
        ItemScore.objects.filter(score__in=scores),
    ]


def plant(study, hand=FIRST):
    extraction, planter = study.extractions.get(position="B"), Planter(hand)
    planter.extraction(extraction)
    planter.score(study.quality_scores.get(position="B"))
    planter.audit(study, extraction.author)
    for rows in rows_of_b(study):
        names = {field.name for field in rows.model._meta.concrete_fields}
        moved = {name: value for name, value in hand.moved.items() if name in names}
        if moved:
            rows.update(**moved)
