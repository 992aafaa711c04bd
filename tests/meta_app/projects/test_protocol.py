"""The protocol: each save is a new version, and nobody overwrites what they have not seen."""

import pytest

from meta_app.common.exceptions import StaleEdit
from meta_app.projects.models import Protocol
from meta_app.projects.services import protocol_save


def typed(version, **values):
    return {"version": version, "question": "Where?", "eligibility": "n >= 10\n\n  whole brain ", **values}


def edit(project):
    return f"/projects/{project.pk}/protocol/edit/"


def test_the_first_save_makes_version_one_with_a_rule_for_each_line(project, owner, sign_in):
    assert sign_in(owner).post(edit(project), typed(0)).status_code == 302
    saved = Protocol.objects.get(project=project)
    assert (saved.version, saved.author, saved.eligibility) == (1, owner, ["n >= 10", "whole brain"])


def test_an_amendment_needs_a_reason_and_leaves_the_old_version_as_it_was(project, owner, sign_in):
    client = sign_in(owner)
    first = client.get(edit(project)).content.decode()
    client.post(edit(project), typed(0))
    assert ["Why this changes" in page for page in (first, client.get(edit(project)).text)] == [False, True]
    refused = client.post(edit(project), typed(1, question="When?"))
    assert "Say why" in refused.text
    assert refused.status_code == 400
    assert "When?" in refused.content.decode()
    assert client.post(edit(project), typed(1, question="When?", change_reason="Asked twice.")).status_code == 302
    assert list(Protocol.objects.order_by("version").values_list("version", "question")) == [
        (1, "Where?"),
        (2, "When?"),
    ]


def test_lists_of_both_versions_are_shown_as_the_lines_they_were_typed_in(project, owner, sign_in):
    client = sign_in(owner)
    client.post(edit(project), typed(0, eligibility="adults\nat least 10 in a group"))
    page = client.post(edit(project), typed(0, eligibility="adults")).content.decode()
    assert "adults\nat least 10 in a group</td>" in page


def test_a_stale_save_is_answered_with_409_and_both_versions(project, owner, sign_in):
    client = sign_in(owner)
    client.post(edit(project), typed(0, question="First"))
    response = client.post(edit(project), typed(0, question="Mine, typed in another tab"))
    page = response.content.decode()
    assert response.status_code == 409
    assert "Mine, typed in another tab" in page
    assert "First" in page
    assert '<input type="hidden" name="version" value="1"' in page
    assert Protocol.objects.count() == 1


def test_the_history_shows_who_changed_what_and_why(project, owner, viewer, sign_in):
    client = sign_in(owner)
    client.post(edit(project), typed(0))
    client.post(edit(project), typed(1, question="When?", change_reason="Reviewers asked."))
    page = sign_in(viewer).get(f"/projects/{project.pk}/protocol/").content.decode()
    assert "Reviewers asked." in page
    assert "Amend" not in page
    old = sign_in(viewer).get(f"/projects/{project.pk}/protocol/1/").content.decode()
    assert "Where?" in old
    assert "an older one" in old


def test_a_version_that_never_was_is_not_found(project, owner, sign_in):
    assert sign_in(owner).get(f"/projects/{project.pk}/protocol/7/").status_code == 404


def test_two_first_versions_at_the_same_moment_leave_one(project, owner, monkeypatch):
    protocol_save(project=project, author=owner, version=0, values={"question": "First"})
    seen = iter([None, Protocol.objects.get()])
    monkeypatch.setattr("meta_app.projects.services.current_protocol", lambda project: next(seen))
    with pytest.raises(StaleEdit) as caught:
        protocol_save(project=project, author=owner, version=0, values={"question": "Second"})
    assert caught.value.details["theirs"].question == "First"
    assert Protocol.objects.count() == 1


def test_the_owner_is_asked_for_a_protocol_until_there_is_one(project, owner, reviewer, sign_in):
    assert "to write" in sign_in(owner).get("/").content.decode()
    assert "to write" not in sign_in(reviewer).get("/").content.decode()
    protocol_save(project=project, author=owner, version=0, values={})
    assert "to write" not in sign_in(owner).get("/").content.decode()
