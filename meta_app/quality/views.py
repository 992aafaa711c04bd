"""The list of studies to score, the page of one study, and the checklist."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from meta_app.common.exceptions import UserError
from meta_app.common.forms import read_search
from meta_app.extraction.models import Study
from meta_app.library.selectors import report_files
from meta_app.projects.permissions import ADJUDICATE, EXTRACT, MANAGE, Place, enter_project
from meta_app.quality import services
from meta_app.quality.domain import (
    CATEGORIES,
    Item,
    Wording,
    exclusion_reason,
    highest_total,
    instrument_changes,
    sensitivity,
    sums,
)
from meta_app.quality.engine import bland_altman, icc_2_1, item_agreement, total_agreement
from meta_app.quality.exports import as_csv, as_xlsx, item_rows
from meta_app.quality.figures import distribution, traffic_light
from meta_app.quality.forms import InstrumentForm, ReopenForm, SettleForm, VersionForm, blocks_of, read_items
from meta_app.quality.models import Instrument, ItemScore, QualityScore
from meta_app.quality.selectors import (
    COMPLETE,
    CONSENSUS,
    SCORERS,
    agreed_rows,
    agreed_totals,
    followed_studies,
    get_consensus,
    get_own_score,
    get_scored_study,
    instrument_history,
    items_of,
    known_modalities,
    locked_pairs,
    open_items,
    project_cutoff,
    project_instrument,
    quality_exclusions,
    score_lines,
    score_total,
    study_scores,
    used_items,
    whole_scores,
)

STUDIES_ON_A_PAGE = 50
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "svg": "image/svg+xml",
}


@require_safe
def scores(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    words = read_search(request.GET)
    studies = followed_studies(place, words)
    page = Paginator(studies, STUDIES_ON_A_PAGE).get_page(request.GET.get("page"))
    totals = agreed_totals(place.project)
    if words:
        totals = {key: totals[key] for key in studies.values_list("pk", flat=True) if key in totals}
    context = {
        "place": place,
        "page": page,
        "words": words,
        "lines": score_lines(place, page.object_list),
        "agreed": len(totals),
        "excluded": len(quality_exclusions(place.project, totals)),
        "instrument": project_instrument(place.project),
        "cutoff": project_cutoff(place.project),
    }
    return render(request, "quality/scores.html", context)


# One study


@dataclass(frozen=True)
class ItemRow:
    """An item of the checklist with what stands in the visible scores."""

    item: Item
    wordings: list[tuple[str, Wording]]
    own: ItemScore | None
    left: ItemScore | None
    right: ItemScore | None
    agreed: ItemScore | None

    @property
    def points(self) -> list[tuple[float, str]]:
        """Each possible number of points with its anchor."""
        return [(points, self.item.anchor(points)) for points in self.item.steps]


@require_safe
def study(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    found = get_scored_study(place, study_id)
    services.scores_read(place=place, studies=[found.pk])
    return study_page(request, place, found)


def study_page(
    request: HttpRequest, place: Place, study: Study, refusal: UserError | None = None, reason: str = ""
) -> HttpResponse:
    visible = study_scores(place, study)
    reviewers = [score for score in visible.values() if score.position != CONSENSUS]
    own = next((score for score in reviewers if score.author_id == place.membership.user_id), None)
    consensus = visible.get(CONSENSUS)
    (line,) = score_lines(place, [study])
    shown = consensus or own
    instrument = shown.instrument if shown else project_instrument(place.project)
    cutoff = project_cutoff(place.project)
    total = score_total(consensus) if consensus and consensus.state == COMPLETE else None
    context = {
        "place": place,
        "study": study,
        "line": line,
        "own": own,
        "own_total": score_total(own) if own else None,
        "own_open": len(open_items(own)) if own else 0,
        "consensus": consensus,
        "total": total,
        "excluded": exclusion_reason(total, cutoff.points) if total is not None else "",
        "cutoff": cutoff,
        "instrument": instrument,
        "newest": project_instrument(place.project),
        "sections": _sections(place, study, instrument, visible, own),
        "editable": bool(own and own.state != COMPLETE and place.may(EXTRACT)),
        "reopenable": bool(own and own.state == COMPLETE and place.may(EXTRACT)),
        "may_settle": bool(consensus) and (own is not None or place.may(ADJUDICATE)),
        "b_is_left": bool(consensus) and _b_is_left(study),
        "refusal": refusal,
        "reason": reason,
        "report_files": report_files(place, study.reports.all()),
    }
    return render(request, "quality/study.html", context, status=refusal.status if refusal else 200)


def _sections(
    place: Place,
    study: Study,
    instrument: Instrument,
    visible: dict[str, QualityScore],
    own: QualityScore | None,
) -> list[tuple[str, float, list[ItemRow]]]:
    """(category, its points, rows)."""
    modalities = known_modalities(place, study)
    items = items_of(instrument)
    rows_of = {position: {row.item: row for row in score.item_scores.all()} for position, score in visible.items()}
    sides = ("B", "A") if _b_is_left(study) else ("A", "B")

    def row(item: Item) -> ItemRow:
        of = {position: rows.get(item.key) for position, rows in rows_of.items()}
        left, right = (of.get(side) if study.scores_opened else None for side in sides)
        mine = of.get(own.position) if own else None
        return ItemRow(item, item.wordings(modalities), mine, left, right, of.get(CONSENSUS))

    points = sums(items)
    return [
        (title, points[key], [row(item) for item in items if item.category == key]) for key, title in CATEGORIES.items()
    ]


def _b_is_left(study: Study) -> bool:
    """By chance, but the same each time, so that the place on the page tells nothing."""
    return sha256(f"quality {study.pk}".encode()).digest()[0] % 2 == 1


@require_POST
def start(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, EXTRACT)
    found = get_scored_study(place, study_id)
    try:
        services.score_start(place=place, study=found)
    except UserError as error:
        return study_page(request, place, found, error)
    return redirect("quality:study", project_id, study_id)


@require_POST
def complete(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    said = "Your score of {score.study} is complete and locked."
    return _change(request, project_id, study_id, VersionForm(request.POST), services.score_complete, said)


@require_POST
def reopen(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    said = "Your score of {score.study} is a draft again, revision {score.revision}."
    return _change(request, project_id, study_id, ReopenForm(request.POST), services.score_reopen, said)


def _change(
    request: HttpRequest,
    project_id: int,
    study_id: int,
    form: VersionForm,
    write: Callable[..., QualityScore],
    said: str,
) -> HttpResponse:
    place = enter_project(request.user, project_id, EXTRACT)
    score = get_own_score(place, study_id)
    reason = request.POST.get("reason", "")
    try:
        if not form.is_valid():
            raise UserError("Nothing was changed: say why, in up to 500 characters, or reload the page.")
        changed = write(place=place, score=score, **form.cleaned_data)
    except UserError as error:
        return study_page(request, place, get_scored_study(place, study_id), error, reason)
    messages.success(request, said.format(score=changed))
    return redirect("quality:study", project_id, study_id)


@require_POST
def settle(request: HttpRequest, project_id: int, study_id: int, item: str) -> HttpResponse:
    place = enter_project(request.user, project_id, EXTRACT | ADJUDICATE)
    consensus = get_consensus(place, study_id)
    form = SettleForm(request.POST)
    try:
        if not form.is_valid():
            raise UserError("Nothing was settled: choose A, B or other points, with a reason of up to 500 characters.")
        services.consensus_settle(place=place, consensus=consensus, item=item, **form.cleaned_data)
    except UserError as error:
        return study_page(request, place, get_scored_study(place, study_id), error)
    address = redirect("quality:study", project_id, study_id)
    address["Location"] += f"#item-{item}"
    return address


# All studies together


@require_safe
def summary(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    items = items_of(project_instrument(place.project))
    cutoff = project_cutoff(place.project)
    rows, pairs = agreed_rows(place.project), locked_pairs(place)
    services.scores_read(place=place, studies=[one.study_id for one in (*rows, *pairs)])
    totals = [pair.totals for pair in pairs]
    bars = distribution(rows, highest_total(items), cutoff.points)
    context = {
        "rows": rows,
        "bars": bars,
        "most": max((bar.studies for bar in bars), default=0),
        "cutoff": cutoff,
        "sensitivity": sensitivity({row.label: row.total for row in rows}, cutoff.points),
        "pairs": len(pairs),
        "agreements": [found for item in items if (found := item_agreement(item, [(one.a, one.b) for one in pairs]))],
        "total": total_agreement(items, totals),
        "icc": icc_2_1(totals),
        "differences": bland_altman([a for a, _ in totals], [b for _, b in totals]),
        "figure": traffic_light(rows, items, _figure_title(place)) if rows else "",
    }
    return render(request, "quality/summary.html", context)


def _figure_title(place: Place) -> str:
    return f"Agreed points by {project_instrument(place.project)}; cut-off {project_cutoff(place.project)}."


@require_safe
def download(request: HttpRequest, project_id: int, kind: str) -> HttpResponse:
    place = enter_project(request.user, project_id)
    if kind not in MEDIA_TYPES:
        raise Http404
    if kind == "svg":
        items = items_of(project_instrument(place.project))
        agreed = agreed_rows(place.project)
        told = {row.study_id for row in agreed}
        content: bytes = traffic_light(agreed, items, _figure_title(place)).encode()
    else:
        scores = whole_scores(place)
        told = {score.study_id for score in scores}
        rows = item_rows(scores)
        content = as_csv(rows) if kind == "csv" else as_xlsx(rows)
    services.scores_read(place=place, studies=told)
    response = HttpResponse(content, content_type=MEDIA_TYPES[kind])
    response["Content-Disposition"] = f'attachment; filename="quality-scores-{project_id}.{kind}"'
    return response


# The checklist


@require_safe
def instrument(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    history = instrument_history(place.project)
    shown = history[0]
    items = items_of(shown)
    changes = [
        (version, instrument_changes(items_of(before), items_of(version))) for version, before in pairwise(history)
    ]
    context = {
        "instrument": shown,
        "sections": [
            (title, sums(items)[key], [item for item in items if item.category == key])
            for key, title in CATEGORIES.items()
        ],
        "changes": changes,
        "cutoff": project_cutoff(place.project),
        "may_edit": place.may(MANAGE),
        "scorers": SCORERS,
    }
    return render(request, "quality/instrument.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def instrument_edit(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, MANAGE)
    current = project_instrument(place.project)
    if request.method != "POST":
        initial = {"version_before": str(current), "name": current.name, "cutoff": current.cutoff}
        return _instrument_form(request, place, InstrumentForm(initial=initial), list(items_of(current)))
    form, items = InstrumentForm(request.POST), read_items(request.POST)
    if not form.is_valid():
        return _instrument_form(request, place, form, items, status=400)
    try:
        made = services.instrument_save(place=place, items=items, **form.cleaned_data)
    except UserError as error:
        for field in form.fields.keys() & error.details.keys():
            form.add_error(field, error.details[field])
        return _instrument_form(request, place, form, items, error, status=error.status)
    messages.success(request, f"{made} is the checklist from now on. Studies that nobody has locked are scored by it.")
    return redirect("quality:instrument", project_id)


def _instrument_form(
    request: HttpRequest, place: Place, form: InstrumentForm, items: list[Item], refusal: Any = None, status: int = 200
) -> HttpResponse:
    problems = refusal.details if refusal else {}
    context = {
        "form": form,
        "blocks": blocks_of(items, problems),
        "categories": CATEGORIES,
        "sums": [(title, sums(items)[key], problems.get(key, "")) for key, title in CATEGORIES.items()],
        "used": used_items(place.project),
        "lost": [text for key, text in problems.items() if key in used_items(place.project) and ":" not in key],
        "refusal": refusal,
    }
    return render(request, "quality/instrument_edit.html", context, status=status)
