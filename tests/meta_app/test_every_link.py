"""No page offers a link that refuses the person who sees it or leads nowhere, or a form that cannot be sent back."""

import re

import pytest

from .agreement.readers import PEAKS, both_locked, enter, new_study, tree

HREF = re.compile(r'<a\b[^>]*\bhref="(([^"#?]+)[^"#]*)')
EMPTY_HIDDEN = re.compile(r'<input type="hidden"(?![^>]*\bvalue=)[^>]*>')


def walk(client, start):
    """Every address that links lead to within the project, each by one of its queries, with its status.

    In place of the status a hidden field that goes out without a value: a version that a form was opened on, say.
    """
    found, ahead = {}, {start: start}
    while ahead:
        path, address = ahead.popitem()
        response = client.get(address)
        found[path] = response.status_code
        if "text/html" not in response["Content-Type"]:
            continue
        text = response.content.decode()
        if empty := EMPTY_HIDDEN.search(text):
            found[path] = empty[0]
        for link, there in HREF.findall(text):
            if there.startswith(start) and there not in found:
                ahead.setdefault(there, link.replace("&amp;", "&"))
    return found


@pytest.mark.parametrize("role", ["owner", "viewer"])
def test_every_link_of_a_project_without_anything_leads_somewhere(project, role, request, sign_in):
    found = walk(sign_in(request.getfixturevalue(role)), f"/projects/{project.pk}/")
    assert len(found) > 12
    assert {address: status for address, status in found.items() if status != 200} == {}


@pytest.mark.parametrize("role", ["owner", "reviewer", "adjudicator", "viewer"])
def test_every_link_of_a_review_under_way_leads_somewhere(project, reviewer, second_reviewer, role, request, sign_in):
    both_locked(project, reviewer, second_reviewer, b=tree(patients={"n": 19}, peaks=PEAKS[:3]))
    enter(new_study(project, "Zhang 2019"), reviewer, "A")
    found = walk(sign_in(request.getfixturevalue(role)), f"/projects/{project.pk}/")
    assert len(found) > 15
    assert {address: status for address, status in found.items() if status != 200} == {}
