"""No page offers a link that refuses the person who sees it, or leads nowhere."""

import re

import pytest

from .agreement.readers import PEAKS, both_locked, enter, new_study, tree

HREF = re.compile(r'<a\b[^>]*\bhref="(([^"#?]+)[^"#]*)')


def walk(client, start):
    """Every address that links lead to within the project, each by one of its queries, with its status."""
    found, ahead = {}, {start: start}
    while ahead:
        path, address = ahead.popitem()
        response = client.get(address)
        found[path] = response.status_code
        if "text/html" not in response["Content-Type"]:
            continue
        for link, path in HREF.findall(response.content.decode()):
            if path.startswith(start) and path not in found:
                ahead.setdefault(path, link.replace("&amp;", "&"))
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
