"""Pages: the list of runs, the launch page with its live pre-flight, and the run page with its live progress."""

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRefresh

from meta_app.analyses import engine, services
from meta_app.analyses.domain import CORRECTIONS, Preflight, filters_of
from meta_app.analyses.forms import LaunchForm
from meta_app.analyses.models import Run
from meta_app.analyses.selectors import (
    permutations_done,
    project_runs,
    runs_ahead,
    runs_outdated,
    time_left,
    time_taken,
    worker_silent,
)
from meta_app.common.exceptions import UserError
from meta_app.common.forms import read_number
from meta_app.datasets.domain import Snapshot
from meta_app.datasets.models import AgreedDataset
from meta_app.datasets.selectors import agreed_datasets
from meta_app.extraction.models import Dataset
from meta_app.projects.permissions import LAUNCH, Place, enter_project


@require_GET
def runs(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    found = list(project_runs(place.project)[:200])
    context = {
        "project": place.project,
        "runs": found,
        "outdated": runs_outdated(place.project, found),
        "has_dataset": agreed_datasets(place.project).exists(),
        "may_launch": place.may(LAUNCH),
    }
    return render(request, "analyses/runs.html", context)


@require_GET
@never_cache
def runs_of_dataset(request: HttpRequest, project_id: int) -> HttpResponse:
    """The runs of one version of the agreed dataset, or of all, with those that a newer version has outdated."""
    place = enter_project(request.user, project_id)
    version = read_number(request.GET.get("dataset", ""))
    found = project_runs(place.project).filter(status=Run.Status.DONE)
    if version is not None:
        found = found.filter(agreed_dataset__version=version)
    found = list(found[:200])
    context = {"project": place.project, "version": version, "runs": found}
    context["outdated"] = runs_outdated(place.project, found)
    return render(request, "analyses/_runs_of_dataset.html", context)


@require_http_methods(["GET", "POST"])
def run_new(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, LAUNCH)
    versions = list(agreed_datasets(place.project))
    if not versions:
        return render(request, "analyses/run_new.html", {"project": place.project, "versions": versions})
    dataset = _chosen_version(request, place)
    snapshot = dataset.snapshot
    form = LaunchForm(request.POST or None, snapshot=snapshot, initial={"dataset": dataset.version})
    problem = None
    if request.method == "POST" and form.is_valid():
        try:
            return _launch(request, dataset, form)
        except UserError as error:
            problem = error
    context = {
        "project": place.project,
        "versions": versions,
        "dataset": dataset,
        "form": form,
        "problem": problem,
        "seen": _seen(snapshot, form),
    }
    return render(request, "analyses/run_new.html", context, status=400 if request.method == "POST" else 200)


def _chosen_version(request: HttpRequest, place: Place) -> AgreedDataset:
    """The version named in the form or the address, else the newest."""
    version = request.POST.get("dataset") or request.GET.get("dataset") or ""
    all_versions = AgreedDataset.objects.filter(project=place.project)
    if not version:
        return get_object_or_404(all_versions.order_by("-version")[:1])
    return get_object_or_404(all_versions, version=read_number(version))


def _launch(request: HttpRequest, dataset: AgreedDataset, form: LaunchForm) -> HttpResponse:
    data = form.cleaned_data
    launched = services.run_launch(
        user=request.user,
        agreed_dataset=dataset,
        filters=form.filters,
        model=form.model,
        seed=data["seed"],
        name=data["name"],
    )
    if not launched.is_new:
        messages.info(request, _joined_text(launched.run, request.user))
    return redirect("analyses:run", dataset.project_id, launched.run.pk)


def _joined_text(run: Run, user) -> str:
    who = "you" if run.launched_by_id == user.pk else str(run.launched_by)
    state = "is finished" if run.status == Run.Status.DONE else "is already under way"
    return f"The same analysis, launched by {who}, {state}: this is it, and you follow it now. Nothing runs twice."


def _seen(snapshot: Snapshot, form: LaunchForm) -> Preflight | None:
    """What the form would analyse; None while the form has an error."""
    if not form.is_bound:
        form = LaunchForm(form.first_values() | {"dataset": 0}, snapshot=snapshot)
    return engine.preflight(snapshot, form.filters, form.model) if form.is_valid() else None


@require_GET
@never_cache
def run_preflight(request: HttpRequest, project_id: int) -> HttpResponse:
    """The right half of the launch page, sent anew on every change of the form."""
    place = enter_project(request.user, project_id, LAUNCH)
    snapshot = _chosen_version(request, place).snapshot
    form = LaunchForm(request.GET, snapshot=snapshot)
    return render(request, "analyses/_preflight.html", {"seen": _seen(snapshot, form), "form": form})


def _run_of(place: Place, run_id: int) -> Run:
    return get_object_or_404(project_runs(place.project), pk=run_id)


@require_GET
@never_cache
def run(request: HttpRequest, project_id: int, run_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    run = get_object_or_404(
        Run.objects.select_related("agreed_dataset", "specification", "launched_by"), project=place.project, pk=run_id
    )
    content = json.loads(run.specification.content)
    filters, model = filters_of(content), engine.model_of(content)
    context = {
        **_progress_context(place, run),
        "outdated": runs_outdated(place.project, [run]).get(run.pk),
        "seen": engine.preflight(run.agreed_dataset.snapshot, filters, model),
        "filters": filters,
        "comparison": dict(Dataset.Comparison.choices).get(filters.comparison, filters.comparison),
        "model": model,
        "correction": CORRECTIONS[model.correction],
        "core": content["core"],
        "followers": list(run.followers.all()),
    }
    return render(request, "analyses/run.html", context)


def _progress_context(place: Place, run: Run) -> dict[str, object]:
    return {
        "project": place.project,
        "run": run,
        "events": list(run.events.all()),
        "ahead": runs_ahead(run) if run.status == Run.Status.QUEUED else 0,
        "done": permutations_done(run) if run.status == Run.Status.PERMUTING else 0,
        "time_left": time_left(run),
        "time_taken": time_taken(run),
        "silent": worker_silent(run),
        "may_launch": place.may(LAUNCH),
    }


@require_GET
@never_cache
def run_progress(request: HttpRequest, project_id: int, run_id: int) -> HttpResponse:
    """The live part of the run page, asked for once a second; the whole page is reloaded when the run is over."""
    place = enter_project(request.user, project_id)
    run = _run_of(place, run_id)
    if not run.is_live and request.htmx:
        return HttpResponseClientRefresh()
    return render(request, "analyses/_progress.html", _progress_context(place, run))


@require_POST
def run_cancel(request: HttpRequest, project_id: int, run_id: int) -> HttpResponse:
    return _change(request, project_id, run_id, services.run_cancel)


@require_POST
def run_retry(request: HttpRequest, project_id: int, run_id: int) -> HttpResponse:
    return _change(request, project_id, run_id, services.run_retry)


@require_POST
def run_extend(request: HttpRequest, project_id: int, run_id: int) -> HttpResponse:
    """More permutations: a new run that takes over the blocks of this one."""
    run = _run_of(enter_project(request.user, project_id, LAUNCH), run_id)
    try:
        permutations = read_number(request.POST.get("permutations", "")) or 0
        launched = services.run_extend(user=request.user, run=run, permutations=permutations)
    except UserError as error:
        messages.error(request, error.message)
        return redirect("analyses:run", project_id, run_id)
    if not launched.is_new:
        messages.info(request, _joined_text(launched.run, request.user))
    return redirect("analyses:run", project_id, launched.run.pk)


def _change(request: HttpRequest, project_id: int, run_id: int, service) -> HttpResponse:
    run = _run_of(enter_project(request.user, project_id, LAUNCH), run_id)
    try:
        service(run=run, user=request.user)
    except UserError as error:
        messages.error(request, error.message)
    return redirect(reverse("analyses:run", args=[project_id, run_id]))
