"""The API of the grid: read, save whole tables by version, check. Each refusal is tested."""

import pytest

from meta_app.extraction.models import Dataset, Peak
from meta_app.extraction.peak_services import peaks_recompute
from tests.meta_app.extraction.peak_cast import insula


@pytest.fixture
def address(project, dataset):
    return f"/api/projects/{project.pk}/extraction/datasets/{dataset.pk}/peaks/"


def put(client, address, rows, version=1, peaks_state="peaks"):
    body = {"version": version, "peaks_state": peaks_state, "rows": rows}
    return client.put(address, body, content_type="application/json")


def check(client, address, rows, peaks_state="peaks"):
    return client.post(f"{address}check/", {"peaks_state": peaks_state, "rows": rows}, content_type="application/json")


@pytest.fixture
def author(sign_in, reviewer):
    return sign_in(reviewer)


def test_the_author_reads_what_was_saved(author, address):
    assert put(author, address, [insula()]).json()["version"] == 2
    table = author.get(address).json()
    assert table["rows"] == [insula()]
    assert (table["version"], table["peaks_state"], table["read_only_because"]) == (2, "peaks", "")


def test_a_row_is_kept_as_reported_beside_what_was_computed_from_it(author, address):
    raw = insula(x="−３８*", space="Talairach", cluster_size="1,200 mm³", page="5")
    put(author, address, [raw])
    peak = Peak.objects.get()
    assert peak.cells == raw
    assert (peak.x_reported, peak.y_reported, peak.z_reported) == (-38, 12, -4)
    assert peak.x == pytest.approx(-40, abs=1)
    assert (peak.statistic_kind, peak.statistic, peak.sign) == ("t", 4.52, 1)
    assert (peak.cluster_size, peak.cluster_unit, peak.page) == (1200, "mm3", "5")


def test_a_row_with_a_bad_cell_is_kept_with_its_text_and_without_a_number(author, address):
    put(author, address, [insula(x="abc")])
    peak = Peak.objects.get()
    assert (peak.cells["x"], peak.x_reported, peak.x) == ("abc", None, None)


def test_saving_replaces_moves_and_removes_rows(author, address):
    put(author, address, [insula(y=str(y)) for y in (10, 12, 14)])
    put(author, address, [insula(y="14"), insula(y="10")], version=2)
    assert list(Peak.objects.order_by("position").values_list("position", "y")) == [(1, 14), (2, 10)]


def test_empty_rows_at_the_end_are_dropped(author, address):
    assert put(author, address, [insula(), {}, {"label": "  "}]).json()["rows"] == 1


def test_a_stale_save_is_refused_with_both_versions_and_changes_nothing(author, address):
    put(author, address, [insula(note="first tab")])
    response = put(author, address, [insula(note="second tab")], version=1)
    assert response.status_code == 409
    details = response.json()["details"]
    assert details["yours"]["rows"] == [insula(note="second tab")]
    assert details["theirs"]["rows"] == [insula(note="first tab")]
    assert details["version"] == 2
    assert Peak.objects.get().note == "first tab"


def test_a_locked_extraction_is_refused_with_how_to_reopen(author, address, dataset):
    put(author, address, [insula()])
    dataset.extraction.state = "complete"
    dataset.extraction.save()
    response = put(author, address, [], version=2)
    assert response.status_code == 403
    assert "Reopen it" in response.json()["error"]
    assert Peak.objects.count() == 1


def test_rows_contradicting_the_state_are_refused(author, address):
    response = put(author, address, [insula()], peaks_state="no_peaks")
    assert response.status_code == 400
    assert "Delete what is there, or choose “Peaks”" in response.json()["error"]


def test_no_peaks_is_an_explicit_state(author, address):
    put(author, address, [], peaks_state="no_peaks")
    assert Dataset.objects.get().peaks_state == "no_peaks"


@pytest.mark.parametrize("row", [{"colour": "red"}, {"x": -38}, "text", {"x": "1" * 3000}, {"note": "a\x00b"}])
def test_a_row_that_is_no_row_is_refused(author, address, row):
    assert put(author, address, [row]).status_code == 400
    assert Dataset.objects.get().version == 1


def test_nobody_is_refused(sign_in, address):
    assert put(sign_in(None), address, []).status_code in (401, 403)
    assert sign_in(None).get(address).status_code in (401, 403)
    assert check(sign_in(None), address, []).status_code in (401, 403)


def test_an_outsider_finds_nothing(sign_in, outsider, address):
    client = sign_in(outsider)
    answers = [client.get(address), put(client, address, []), check(client, address, [])]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


@pytest.mark.parametrize("who", ["second_reviewer", "owner", "adjudicator", "viewer"])
def test_nobody_but_the_author_sees_a_draft(request, sign_in, address, who):
    client = sign_in(request.getfixturevalue(who))
    answers = [client.get(address), put(client, address, []), check(client, address, [])]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


@pytest.mark.parametrize("who", ["second_reviewer", "viewer"])
def test_a_locked_extraction_is_read_by_all_and_written_by_none(request, sign_in, address, dataset, who):
    dataset.extraction.state = "complete"
    dataset.extraction.save()
    client = sign_in(request.getfixturevalue(who))
    assert client.get(address).json()["read_only_because"]
    assert put(client, address, []).status_code == 403


def test_a_dataset_of_another_project_is_not_found(author, reviewer, dataset):
    assert author.get(f"/api/projects/{dataset.pk + 99}/extraction/datasets/{dataset.pk}/peaks/").status_code == 404


def test_a_check_answers_places_and_problems_and_saves_nothing(author, address):
    answer = check(author, address, [insula(), insula(x="abc")]).json()
    assert answer["rows"][0]["mni"] == [-38, 12, -4]
    assert "insula" in answer["rows"][0]["region"].lower()
    assert answer["rows"][1]["mni"] is None
    assert [(problem["row"], problem["field"]) for problem in answer["problems"]] == [(2, "x")]
    assert not Peak.objects.exists()


def test_reading_and_checking_take_the_same_queries_for_any_number_of_rows(
    author, address, django_assert_max_num_queries
):
    put(author, address, [insula(y=str(y)) for y in range(40)])
    with django_assert_max_num_queries(6):
        author.get(address)
    with django_assert_max_num_queries(6):
        check(author, address, [insula(y=str(y)) for y in range(60)])


def test_saving_takes_the_same_queries_for_any_number_of_rows(author, address, django_assert_max_num_queries):
    with django_assert_max_num_queries(22):
        put(author, address, [insula(y=str(y), note="n") for y in range(40)])


def test_a_change_of_space_computes_every_row_again(author, address, dataset):
    put(author, address, [insula(), insula(y="14", space="MNI")])
    dataset.space = "talairach"
    dataset.save()
    peaks_recompute(dataset=dataset)
    first, second = Peak.objects.order_by("position")
    assert first.x == pytest.approx(-40, abs=1)
    assert (second.x, second.y) == (-38, 14)
