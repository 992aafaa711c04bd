"""The PRISMA page: enter, check, draw, download; nobody overwrites what they have not seen."""

import csv
import io

import pytest

from meta_app.screening.models import EnteredFlow

TYPED = {
    "version": "0",
    "databases-name": ["PubMed", "Scopus", "PsycInfo", ""],
    "databases-n": ["373", "722", "326", ""],
    "duplicates": "526",
    "screened": "895",
}


def page(project, tail=""):
    return f"/projects/{project.pk}/prisma/{tail}"


def test_an_empty_page_says_what_to_do(project, reviewer, viewer, sign_in):
    assert "No counts yet" in sign_in(reviewer).get(page(project)).content.decode()
    shown = sign_in(viewer).get(page(project)).content.decode()
    assert "No counts yet" in shown
    assert 'id="flow-form"' not in shown


@pytest.mark.parametrize("person", ["owner", "reviewer", "adjudicator"])
def test_counts_are_saved_with_who_saved_them(project, sign_in, person, request):
    user = request.getfixturevalue(person)
    assert sign_in(user).post(page(project), TYPED).status_code == 302
    flow = EnteredFlow.objects.get(project=project)
    assert (flow.version, flow.edited_by, flow.counts["duplicates"]) == (1, user, 526)
    assert [row["name"] for row in flow.counts["databases"]] == ["PubMed", "Scopus", "PsycInfo"]


def test_a_viewer_neither_saves_nor_previews_and_an_outsider_finds_nothing(project, viewer, outsider, sign_in):
    for user, status in ((viewer, 403), (outsider, 404), (None, 302)):
        assert sign_in(user).post(page(project), TYPED).status_code == status
        assert sign_in(user).post(page(project, "preview/"), TYPED).status_code == status
    for user, status in ((outsider, 404), (None, 302)):
        for kind in ("svg", "png", "csv"):
            assert sign_in(user).get(page(project, f"diagram.{kind}")).status_code == status
    assert not EnteredFlow.objects.exists()


def test_the_page_names_the_sum_that_fails_with_its_numbers(project, owner, sign_in):
    client = sign_in(owner)
    client.post(page(project), TYPED | {"duplicates": "524"})
    shown = client.get(page(project)).content.decode()
    assert "1 of 4 sums fails" in shown
    assert "1421 records against 1419, 2 unaccounted for" in shown
    assert "to mend in the flow diagram" in client.get("/").content.decode()


def test_a_count_that_cannot_be_read_is_refused_at_its_field_and_nothing_is_lost(project, owner, sign_in):
    response = sign_in(owner).post(page(project), TYPED | {"screened": "about 900"})
    shown = response.content.decode()
    assert response.status_code == 400
    assert "“about 900” is not a whole number" in shown
    assert 'value="about 900"' in shown
    assert 'value="PsycInfo"' in shown
    assert not EnteredFlow.objects.exists()


def test_a_stale_save_gets_409_with_both_versions(project, owner, reviewer, sign_in):
    sign_in(owner).post(page(project), TYPED)
    for version in ("0", ""):
        response = sign_in(reviewer).post(page(project), TYPED | {"duplicates": "500", "version": version})
        shown = response.content.decode()
        assert response.status_code == 409
        assert "olga saved these counts while you were editing" in shown
        assert '<td class="wrap-lines">500</td><td class="wrap-lines">526</td>' in shown
        assert 'name="version" value="1"' in shown
    again = sign_in(reviewer).post(page(project), TYPED | {"duplicates": "500", "version": "1"})
    assert again.status_code == 302
    flow = EnteredFlow.objects.get()
    assert (flow.version, flow.counts["duplicates"]) == (2, 500)


def test_the_preview_checks_and_draws_without_saving(project, owner, sign_in):
    shown = sign_in(owner).post(page(project, "preview/"), TYPED, headers={"HX-Request": "true"}).content.decode()
    assert "not saved yet" in shown
    assert "data:image/svg+xml;base64," in shown
    assert "<html" not in shown
    bad = sign_in(owner).post(page(project, "preview/"), TYPED | {"screened": "x"}).content.decode()
    assert "The diagram waits: 1 count cannot be read" in bad
    assert not EnteredFlow.objects.exists()


def test_downloads_are_what_they_say(project, owner, viewer, sign_in):
    sign_in(owner).post(page(project), TYPED | {"reasons-name": ["=HYPERLINK(1)"], "reasons-n": ["3"]})
    client = sign_in(viewer)
    assert client.get(page(project, "diagram.svg")).content.startswith(b"<?xml")
    assert client.get(page(project, "diagram.png")).content.startswith(b"\x89PNG")
    table = client.get(page(project, "diagram.csv")).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert {"box": "databases", "source_or_reason": "PubMed", "count": "373", "unit": "records"} in rows
    assert [row["source_or_reason"] for row in rows if row["box"] == "reasons"] == ["'=HYPERLINK(1)"]
    assert client.get(page(project, "diagram.exe")).status_code == 404


def test_the_screening_page_says_what_comes_and_what_to_do_today(project, viewer, sign_in):
    shown = sign_in(viewer).get(f"/projects/{project.pk}/screening/").content.decode()
    assert "comes later" in shown
    assert page(project) in shown
