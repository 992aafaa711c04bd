"""Studies that may have scanned the same people: the list, and one pair side by side with its decision."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from meta_app.common.exceptions import StaleEdit, UserError
from meta_app.common.forms import read_number
from meta_app.extraction.list_selectors import extraction_counts
from meta_app.extraction.models import Group, SampleOverlap
from meta_app.extraction.overlap_checks import SPREADS, Likeness, Sample, compare, likenesses, sample_of
from meta_app.extraction.overlap_selectors import asked_overlaps, speaking_extractions
from meta_app.extraction.overlap_services import overlap_decide
from meta_app.extraction.services import extractions_read
from meta_app.projects.permissions import ADJUDICATE, EXTRACT, Place, enter_project


@dataclass(frozen=True)
class OverlapLine:
    """A pair with what it has in common, and the question of the team where there is one already."""

    likeness: Likeness
    asked: SampleOverlap | None

    @property
    def decided(self) -> bool:
        return self.asked is not None and self.asked.decision != SampleOverlap.Decision.OPEN


@require_GET
def overlaps(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    asked = asked_overlaps(place.project).by_key
    extractions = speaking_extractions(place)
    found = likenesses([sample_of(extraction) for extraction in extractions])
    lines = [OverlapLine(likeness, asked.get(likeness.key)) for likeness in found]
    alike = {likeness.key for likeness in found}
    told = {study for key in (*alike, *asked) for study in key}
    extractions_read(place=place, extractions=[item for item in extractions if item.study_id in told])
    context = {
        "place": place,
        "may_extract": place.may(EXTRACT),
        "counts": extraction_counts(place, extractions),
        "open": [line for line in lines if line.likeness.strength != "copied" and not line.decided],
        "decided": [line for line in lines if line.decided],
        "copied": [line for line in lines if line.likeness.strength == "copied" and not line.decided],
        "former": [row for key, row in asked.items() if key not in alike],
    }
    return render(request, "extraction/overlaps.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def overlap(request: HttpRequest, project_id: int, first_id: int, second_id: int) -> HttpResponse:
    """Both samples side by side, as far as this person may see them, and what the team decided."""
    place = enter_project(request.user, project_id, ADJUDICATE) if request.method == "POST" else None
    place = place or enter_project(request.user, project_id)
    pair = _pair(place, first_id, second_id)
    asked = asked_overlaps(place.project).by_key.get((first_id, second_id))
    if request.method != "POST":
        return _page(request, place, pair, asked)
    if asked is None:
        raise Http404
    typed = {name: request.POST.get(name, "")[:2000] for name in ("decision", "handling", "reason")}
    try:
        version = read_number(request.POST.get("version", "")) or 0
        overlap_decide(place=place, overlap=asked, version=version, **typed)
    except UserError as error:
        now = error.details["theirs"] if isinstance(error, StaleEdit) else asked
        return _page(request, place, pair, now, typed, error)
    messages.success(request, f"Decided: {asked.get_decision_display().lower()}.")
    return redirect("extraction:overlaps", project_id)


def _pair(place: Place, first_id: int, second_id: int) -> tuple[Sample, Sample]:
    """The two samples; 404 where either study is not visible to this person."""
    chosen = {
        extraction.study_id: extraction
        for extraction in speaking_extractions(place)
        if extraction.study_id in (first_id, second_id)
    }
    if first_id >= second_id or len(chosen) < 2:
        raise Http404
    extractions_read(place=place, extractions=chosen.values())
    return sample_of(chosen[first_id]), sample_of(chosen[second_id])


def _page(
    request: HttpRequest,
    place: Place,
    pair: tuple[Sample, Sample],
    asked: SampleOverlap | None,
    typed: dict[str, str] | None = None,
    refusal: UserError | None = None,
) -> HttpResponse:
    stored = {name: getattr(asked, name) for name in ("decision", "handling", "reason")} if asked else {}
    context = {
        "place": place,
        "first": pair[0],
        "second": pair[1],
        "likeness": compare(*pair),
        "facts": facts_of(*pair),
        "asked": asked,
        "typed": typed or stored,
        "refusal": refusal,
        "stale": refusal if isinstance(refusal, StaleEdit) else None,
        "decisions": [choice for choice in SampleOverlap.Decision.choices if choice[0] != "open"],
        "handlings": [
            ("keep_all", "Keep both: datasets of one cohort"),
            ("keep_first", f"Keep {pair[0].label} only"),
            ("keep_second", f"Keep {pair[1].label} only"),
        ],
        "may_decide": asked is not None and place.may(ADJUDICATE),
    }
    return render(request, "extraction/overlap.html", context, status=refusal.status if refusal else 200)


def facts_of(first: Sample, second: Sample) -> list[dict[str, Any]]:
    """Rows of the comparison: name, both values, and whether they say the same."""
    rows = [_row("Authors", ", ".join(first.authors.values()), ", ".join(second.authors.values()))]
    names = {"the site": "Site", "the time of recruitment": "Recruited", "the scanner": "Scanner"}
    rows += [_row(name, first.places.get(key, ""), second.places.get(key, "")) for key, name in names.items()]
    kinds = [kind for kind in Group.Kind.values if any(group.kind == kind for group in first.groups + second.groups)]
    for kind in kinds:
        sides = [[group for group in sample.groups if group.kind == kind] for sample in (first, second)]
        title = Group.Kind(kind).label
        for name, words in _GROUP_FACTS.items():
            rows.append(_row(f"{title}: {name}", *("; ".join(filter(None, map(words, side))) for side in sides)))
    return [row for row in rows if row["first"] or row["second"]]


def _row(name: str, first: str, second: str) -> dict[str, Any]:
    return {"name": name, "first": first, "second": second, "equal": bool(first) and first == second}


def _people(group: Group) -> str:
    women = f", {group.n_female} women" if group.n_female is not None else ""
    return f"{group.n} people{women}" if group.n is not None else ""


def _spread_words(stem: str, unit: str) -> Any:
    def words(group: Group) -> str:
        mean, sd = getattr(group, f"{stem}_mean"), getattr(group, f"{stem}_sd")
        told = unit or (group.get_duration_unit_display() if group.duration_unit else "")
        return f"{mean:g}{f' ± {sd:g}' if sd is not None else ''} {told}".strip() if mean is not None else ""

    return words


_GROUP_FACTS = {"people": _people} | {stem: _spread_words(stem, unit) for stem, _name, unit in SPREADS}
