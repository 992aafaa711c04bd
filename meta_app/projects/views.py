"""Pages: my work, a project's overview, protocol, team and settings."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from meta_app.common.exceptions import StaleEdit, UserError
from meta_app.projects import selectors, services
from meta_app.projects.domain import rules_of, sentences_of
from meta_app.projects.forms import MemberForm, ProjectForm, ProtocolForm, RoleForm, SettingsForm, rule_forms
from meta_app.projects.models import Project, Protocol
from meta_app.projects.permissions import MANAGE, Place, enter_project

TWO_REVIEWERS = 2
"""What the form of a new project proposes."""
require_page_or_post = require_http_methods(["GET", "POST"])


@require_safe
def my_work(request: HttpRequest) -> HttpResponse:
    return render(request, "projects/my_work.html", {"work": selectors.my_work(request.user)})


@require_page_or_post
def project_new(request: HttpRequest) -> HttpResponse:
    form = ProjectForm(request.POST or None, initial={"extractors_needed": TWO_REVIEWERS})
    if form.is_valid():
        project = services.project_create(owner=request.user, values=form.cleaned_data)
        return redirect("projects:overview", project.pk)
    return render(request, "projects/project_new.html", {"form": form}, status=400 if form.is_bound else 200)


@require_safe
def overview(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    context = {
        "protocol": selectors.current_protocol(place.project),
        "members": selectors.members(place.project),
    }
    return render(request, "projects/overview.html", context)


@require_page_or_post
def settings(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, MANAGE)
    project = Project.objects.get(pk=place.project.pk)
    form = SettingsForm(request.POST or None, instance=project, initial={"version": project.version})
    if not form.is_valid():
        return render(request, "projects/settings.html", {"form": form}, status=400 if form.is_bound else 200)
    values = dict(form.cleaned_data)
    try:
        services.project_update(project=project, editor=request.user, version=values.pop("version"), values=values)
    except StaleEdit as stale:
        return settings_conflict(request, stale)
    messages.success(request, "The settings are saved.")
    return redirect("projects:settings", project.pk)


def settings_conflict(request: HttpRequest, stale: StaleEdit) -> HttpResponse:
    theirs = stale.details["theirs"]
    form = SettingsForm(initial=stale.details["yours"] | {"version": stale.details["version"]})
    context = {"form": form, "stale": stale, "differences": differences(form, stale.details["yours"], theirs)}
    return render(request, "projects/settings.html", context, status=stale.status)


@require_safe
def protocol(request: HttpRequest, project_id: int, version: int | None = None) -> HttpResponse:
    place = enter_project(request.user, project_id)
    history = list(selectors.protocol_history(place.project))
    shown = next((one for one in history if version in (None, one.version)), None)
    if version is not None and shown is None:
        raise Http404
    rows = shown.eligibility if shown else []
    context = {
        "criteria": [(sentence, bool(rules_of([row]))) for row, sentence in zip(rows, sentences_of(rows), strict=True)]
    }
    context |= {"protocol": shown, "history": history, "may_edit": place.may(MANAGE), "newest": history[:1]}
    return render(request, "projects/protocol.html", context)


@require_page_or_post
def protocol_edit(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, MANAGE)
    if request.method == "POST":
        return protocol_post(request, place)
    newest = selectors.current_protocol(place.project)
    version = newest.version if newest else 0
    rules = newest.eligibility if newest else []
    form = ProtocolForm(
        instance=newest or Protocol(),
        initial={"version": version, "change_reason": "", "eligibility": for_people(rules)},
    )
    context = {"form": form, "rules": rule_forms(rules), "version": version}
    return render(request, "projects/protocol_edit.html", context)


def for_people(eligibility: list[Any]) -> list[str]:
    """The criteria that no program checks."""
    return [row for row in eligibility if isinstance(row, str)]


def protocol_post(request: HttpRequest, place: Place) -> HttpResponse:
    form, rules = ProtocolForm(request.POST), rule_forms(data=request.POST)
    if not all([form.is_valid(), rules.is_valid()]):
        return render(request, "projects/protocol_edit.html", {"form": form, "rules": rules}, status=400)
    values = {**form.cleaned_data, "eligibility": [*form.cleaned_data["eligibility"], *rules.rows()]}
    try:
        made = services.protocol_save(
            project=place.project, author=request.user, version=values.pop("version"), values=values
        )
    except StaleEdit as stale:
        return protocol_conflict(request, stale)
    messages.success(request, f"Version {made.version} of the protocol is saved.")
    return redirect("projects:protocol", place.project.pk)


def protocol_conflict(request: HttpRequest, stale: StaleEdit) -> HttpResponse:
    yours, theirs, version = stale.details["yours"], stale.details["theirs"], stale.details["version"]
    form = ProtocolForm(initial=yours | {"version": version, "eligibility": for_people(yours["eligibility"])})
    rules = rule_forms(yours["eligibility"])
    context = {
        "form": form,
        "rules": rules,
        "version": version,
        "stale": stale,
        "differences": differences(form, yours, theirs),
    }
    return render(request, "projects/protocol_edit.html", context, status=stale.status)


def differences(form: Any, yours: dict[str, Any], theirs: Any) -> list[dict[str, Any]]:
    """The fields in which two people's versions differ, for the page that shows both."""
    return [
        {
            "label": form.fields[name].label or name.replace("_", " ").capitalize(),
            "yours": as_typed(mine),
            "theirs": as_typed(other),
        }
        for name, mine in yours.items()
        if (other := getattr(theirs, name, None)) != mine
    ]


def as_typed(value: Any) -> Any:
    """A list as the lines it was typed in."""
    return "\n".join(sentences_of(value)) if isinstance(value, list) else value


@require_page_or_post
def team(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    if request.method == "POST":
        place = enter_project(request.user, project_id, MANAGE)
        return member_add(request, place)
    return team_page(request, place, MemberForm())


def team_page(request: HttpRequest, place: Place, form: MemberForm, status: int = 200) -> HttpResponse:
    may_manage = place.may(MANAGE)
    rows = [
        (member, RoleForm(initial={"role": member.role, "role_before": member.role}, auto_id=f"id_{member.pk}_%s"))
        for member in selectors.members(place.project)
    ]
    context = {"rows": rows, "form": form, "may_manage": may_manage}
    return render(request, "projects/team.html", context, status=status)


def member_add(request: HttpRequest, place: Place) -> HttpResponse:
    form = MemberForm(request.POST)
    if not form.is_valid():
        return team_page(request, place, form, status=400)
    try:
        added = services.member_add(project=place.project, editor=request.user, **form.cleaned_data)
    except UserError as error:
        form.add_error("username", error.message)
        return team_page(request, place, form, status=error.status)
    messages.success(request, f"{added.user} is now {added.get_role_display().lower()} in this project.")
    return redirect("projects:team", place.project.pk)


@require_POST
def member_role(request: HttpRequest, project_id: int, membership_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, MANAGE)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose one of the four roles. Nothing was changed.")
        return team_page(request, place, MemberForm(), status=400)
    try:
        services.member_change_role(
            project=place.project, editor=request.user, membership_id=membership_id, **form.cleaned_data
        )
    except UserError as error:
        messages.error(request, error.message)
        return team_page(request, place, MemberForm(), status=error.status)
    messages.success(request, "The role is changed.")
    return redirect("projects:team", place.project.pk)


@require_POST
def member_remove(request: HttpRequest, project_id: int, membership_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, MANAGE)
    try:
        services.member_remove(project=place.project, editor=request.user, membership_id=membership_id)
    except UserError as error:
        messages.error(request, error.message)
        return team_page(request, place, MemberForm(), status=error.status)
    if membership_id == place.membership.pk:
        messages.success(request, f"You have left {place.project}. What you completed stays.")
        return redirect("projects:my_work")
    messages.success(
        request, "The person is no longer in this project. What they completed stays; open work went back to the pool."
    )
    return redirect("projects:team", place.project.pk)
