"""Small forms of a score, and the form of a checklist: one block of fields for each item."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.text import slugify

from meta_app.common.forms import StyledForm
from meta_app.quality.domain import CATEGORIES, Item, Wording

WORDS = ("title", "full", "half", "zero")
NEW = "new"
MOST_ITEMS = 60


class VersionForm(StyledForm, forms.Form):
    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


class ReopenForm(VersionForm):
    reason = forms.CharField(max_length=500, widget=forms.Textarea({"rows": 2}))


class SettleForm(VersionForm):
    choice = forms.ChoiceField(choices=[("A", "A"), ("B", "B"), ("other", "Other points")])
    points = forms.FloatField(required=False)
    reason = forms.CharField(required=False, max_length=500)


class InstrumentForm(StyledForm, forms.Form):
    """What stands around the items."""

    version_before = forms.CharField(widget=forms.HiddenInput)
    name = forms.CharField(label="Name", max_length=120)
    cutoff = forms.DecimalField(
        label="Cut-off (points)",
        min_value=0,
        max_value=20,
        max_digits=4,
        decimal_places=1,
        help_text="Studies whose agreed total is below this are excluded. A cut-off in the protocol comes first.",
    )
    reason = forms.CharField(
        label="Why this changes", max_length=1000, required=False, widget=forms.Textarea({"rows": 2}),
        help_text="Shown to both reviewers and kept with the version.",
    )  # fmt: skip


@dataclass(frozen=True)
class Block:
    """The fields of one item as typed, with what is wrong at each."""

    key: str
    values: dict[str, Any]
    problems: dict[str, str]


def blocks_of(items: Iterable[Item], problems: dict[str, str] | None = None) -> list[Block]:
    problems = problems or {}
    return [Block(item.key, _as_typed(item), _problems_of(item.key, problems)) for item in items]


def _as_typed(item: Item) -> dict[str, Any]:
    vbm = {f"vbm_{name}": text for name, text in asdict(item.vbm).items()} if item.vbm else {}
    return {"category": item.category, "points": f"{item.points:g}", **asdict(item.wording), **vbm}


def _problems_of(key: str, problems: dict[str, str]) -> dict[str, str]:
    return {place.partition(":")[2]: text for place, text in problems.items() if place.partition(":")[0] == key}


def read_items(post: QueryDict) -> list[Item]:
    """The items as typed; a block that is taken out or left blank is dropped, one with no number has 0 points."""
    keys = post.getlist("key")[:MOST_ITEMS]
    items = [_read_item(post, key) for key in keys if not post.get(f"{key}-remove")]
    return [item for item in items if item is not None]


def _read_item(post: QueryDict, key: str) -> Item | None:
    words = {name: post.get(f"{key}-{name}", "").strip() for name in WORDS}
    vbm = {name: post.get(f"{key}-vbm_{name}", "").strip() for name in WORDS}
    if key == NEW and not any(words.values()):
        return None
    category = post.get(f"{key}-category", "")
    return Item(
        key=slugify(words["title"])[:40].strip("-") or "item" if key == NEW else key,
        category=category if category in CATEGORIES else "sample",
        points=_number(post.get(f"{key}-points", "")),
        wording=Wording(**words),
        vbm=Wording(**vbm) if any(vbm.values()) else None,
    )


def _number(text: str) -> float:
    try:
        number = float(text.strip().replace(",", "."))
    except ValueError:
        return 0.0
    return number if 0 < number < 100 else 0.0
