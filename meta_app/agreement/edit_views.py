"""What settles differences: decisions, letters, agreeing, reopening.

A decision answers with its card and the count that is left, so that the page stays where it is; without JavaScript it
leads back to the page. A stale one answers 409 with what was decided meanwhile on the same card.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from meta_app.agreement import services
from meta_app.agreement.forms import (
    BulkForm,
    DecisionForm,
    DoubtForm,
    LetterForm,
    MissedForm,
    ReasonForm,
    VersionForm,
    read_other_peak,
    read_other_value,
    sentence_of,
    typed_cells,
)
from meta_app.agreement.models import Comparison, Difference
from meta_app.agreement.presentation import asked_field, card, fields_by_place, names_of
from meta_app.agreement.selectors import (
    default_space,
    get_comparison,
    get_difference,
    get_opened_study,
    why_not_settle,
    with_letters,
)
from meta_app.agreement.views import comparison_page, frame
from meta_app.common.exceptions import UserError
from meta_app.common.words import counted
from meta_app.extraction.services import studies_read
from meta_app.projects.permissions import ADJUDICATE, Place, enter_project


@require_POST
def make(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    """Compare a study that was opened before comparing existed here."""
    place = enter_project(request.user, project_id, ADJUDICATE)
    study = get_opened_study(place, study_id)
    if refusal := why_not_settle(place, study):
        raise PermissionDenied(refusal)
    services.comparison_make(study=study, actor=place.membership.user)
    return redirect("agreement:comparison", project_id, study_id)


@require_POST
def decide(request: HttpRequest, project_id: int, study_id: int, difference_id: int) -> HttpResponse:
    place, difference = _enter(request, project_id, study_id, difference_id)

    def act() -> None:
        data = _read(DecisionForm(request.POST))
        value = _other(difference, request) if data["choice"] == Difference.Choice.OTHER else None
        services.difference_decide(place=place, difference=difference, value=value, **data)

    return _answer(request, place, difference, act)


@require_POST
def undo(request: HttpRequest, project_id: int, study_id: int, difference_id: int) -> HttpResponse:
    place, difference = _enter(request, project_id, study_id, difference_id)
    return _answer(
        request, place, difference,
        lambda: services.difference_undo(place=place, difference=difference, **_read(VersionForm(request.POST))),
    )  # fmt: skip


@require_POST
def letter(request: HttpRequest, project_id: int, study_id: int, difference_id: int) -> HttpResponse:
    place, difference = _enter(request, project_id, study_id, difference_id)
    return _answer(
        request, place, difference,
        lambda: services.letter_add(place=place, difference=difference, **_read(LetterForm(request.POST))),
    )  # fmt: skip


@require_POST
def bulk(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    def act(place: Place, comparison: Comparison) -> str:
        data = _read(BulkForm(request.POST))
        decided = services.differences_decide(place=place, comparison=comparison, **data)
        return f"{counted(decided, 'difference')} of {data['section']} settled as {data['choice']}."

    return _change(request, project_id, study_id, act)


@require_POST
def agree(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    def act(place: Place, comparison: Comparison) -> str:
        services.comparison_agree(place=place, comparison=comparison, **_read(VersionForm(request.POST)))
        return f"{comparison.study} is agreed. The next frozen dataset takes it in."

    return _change(request, project_id, study_id, act)


@require_POST
def reopen(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    def act(place: Place, comparison: Comparison) -> str:
        services.comparison_reopen(place=place, comparison=comparison, **_read(ReasonForm(request.POST)))
        return f"{comparison.study} is open again. Decisions are kept; undo those that change."

    return _change(request, project_id, study_id, act, show="settled")


@require_POST
def doubt(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    def act(place: Place, comparison: Comparison) -> str:
        difference = services.difference_doubt(place=place, comparison=comparison, **_read(DoubtForm(request.POST)))
        return f"{difference} is to be settled now: type another value with a reason, or ask the authors."

    return _change(request, project_id, study_id, act, show="open")


@require_POST
def peak(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    """Add a peak that both overlooked: back to its card, or the page with the refusal and what was typed."""
    place, comparison = _enter_comparison(request, project_id, study_id)
    try:
        data = _read(MissedForm(request.POST))
        added, warnings = services.peak_add(place=place, comparison=comparison, cells=typed_cells(request.POST), **data)
    except UserError as error:
        return comparison_page(request, place, get_comparison(place, study_id), error)
    messages.success(request, " ".join([f"{added.label} is added to {added.section}.", *warnings]))
    return _to_card(added)


def _to_card(difference: Difference) -> HttpResponse:
    study = difference.comparison.study
    address = reverse("agreement:comparison", args=[study.project_id, study.pk])
    return redirect(f"{address}?show=all&section={quote(difference.section)}#d{difference.pk}")


def _change(
    request: HttpRequest, project_id: int, study_id: int, act: Callable[[Place, Comparison], str], show: str = ""
) -> HttpResponse:
    """A write of the whole comparison: back to its page with what `act` says, or the page with the refusal."""
    place, comparison = _enter_comparison(request, project_id, study_id)
    try:
        messages.success(request, act(place, comparison))
    except UserError as error:
        return comparison_page(request, place, get_comparison(place, study_id), error)
    address = reverse("agreement:comparison", args=[project_id, study_id])
    return redirect(f"{address}?show={show}" if show else address)


@require_POST
def names(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    place, comparison = _enter_comparison(request, project_id, study_id)
    services.names_reveal(place=place, comparison=comparison)
    return comparison_page(request, place, comparison, names=names_of(comparison))


def _enter_comparison(request: HttpRequest, project_id: int, study_id: int) -> tuple[Place, Comparison]:
    """Only who may settle this study gets in: an adjudicator who is neither of its reviewers."""
    place = enter_project(request.user, project_id, ADJUDICATE)
    comparison = get_comparison(place, study_id)
    if refusal := why_not_settle(place, comparison.study):
        raise PermissionDenied(refusal)
    studies_read(place=place, studies=[comparison.study_id])
    return place, comparison


def _enter(request: HttpRequest, project_id: int, study_id: int, difference_id: int) -> tuple[Place, Difference]:
    place, _comparison = _enter_comparison(request, project_id, study_id)
    return place, get_difference(place, study_id, difference_id)


def _read(form: Form) -> dict[str, Any]:
    if not form.is_valid():
        raise UserError(sentence_of(form), {name: " ".join(errors) for name, errors in form.errors.items()})
    return form.cleaned_data


def _other(difference: Difference, request: HttpRequest) -> Any:
    if difference.kind == Difference.Kind.PEAK:
        return read_other_peak(request.POST, default_space(difference))
    asked = asked_field(difference, fields_by_place(difference.comparison))
    if asked is None:
        raise UserError("Nothing was decided: take A or B here.")
    return read_other_value(asked, request.POST)


def _answer(request: HttpRequest, place: Place, difference: Difference, act: Callable[[], Any]) -> HttpResponse:
    """The card after the write, or with the refusal and what was typed."""
    refusal = None
    try:
        act()
    except UserError as error:
        refusal = error
    comparison = get_comparison(place, difference.comparison.study_id)
    if not request.htmx and refusal is None:
        return _to_card(difference)
    if not request.htmx:
        return comparison_page(request, place, comparison, refusal)
    fresh = with_letters(Difference.objects.filter(pk=difference.pk)).get()
    fresh.comparison = comparison
    typed = request.POST if refusal else None
    shown = card(fresh, fields_by_place(comparison), comparison, refusal, typed)
    context = frame(place, comparison) | {"card": shown, "project": place.project, "answer": True}
    return render(request, "agreement/_answer.html", context, status=refusal.status if refusal else 200)
