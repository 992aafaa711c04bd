"""The pages, downloads and API routes of agreed datasets."""

import csv
import hashlib
import io
import json
import re

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from meta_app.common.domain import canonical_json
from meta_app.datasets.exports import DOWNLOADS
from meta_app.datasets.models import AgreedDataset
from meta_app.datasets.services import agreed_dataset_freeze
from meta_app.extraction.models import Group, Peak, SampleOverlap, Study


def page(name, project, *more):
    return reverse(f"datasets:{name}", args=[project.pk, *more])


@pytest.fixture
def agreed(place, make_study):
    make_study()
    return agreed_dataset_freeze(place=place)[0]


def test_before_anything_is_complete_the_page_says_what_is_missing(sign_in, owner, project, make_study):
    make_study(state="draft")
    answer = sign_in(owner).get(page("versions", project))
    assert "a dataset can be frozen once its study is complete" in answer.text
    assert "0 of 1 extraction locked" in answer.text
    assert page("freeze", project) not in answer.text


def test_an_owner_freezes_and_lands_on_the_version(sign_in, owner, project, make_study):
    make_study()
    client = sign_in(owner)
    assert "Freeze version 1" in client.get(page("versions", project)).text
    answer = client.post(page("freeze", project), follow=True)
    assert "Version 1 is frozen" in answer.text
    assert "L insula" in answer.text


def test_coordinates_and_statistics_of_a_version_are_printed_with_a_minus_sign(sign_in, owner, place, make_study):
    Peak.objects.filter(dataset__extraction=make_study(peaks=1)).update(y=-12.5, sign=-1, statistic=-3.29)
    agreed_dataset_freeze(place=place)
    shown = sign_in(owner).get(page("version", place.project, 1)).text
    row = re.search(r"<tr><th[^>]*>Cao 2017[^<]*</th>(<td class=\"number\">−38<.*?)</tr>", shown)[1]
    assert re.findall(r'class="number">([^<]*)', row) == ["−38", "−12.5", "1", "t = −3.29"]


def test_freezing_again_makes_no_new_version_and_says_so(sign_in, owner, project, agreed):
    answer = sign_in(owner).post(page("freeze", project), follow=True)
    assert "Nothing has changed: this is version 1" in answer.text
    assert AgreedDataset.objects.count() == 1


def test_freezing_nothing_is_answered_with_what_to_do(sign_in, owner, project):
    answer = sign_in(owner).post(page("freeze", project), follow=True)
    assert "Nothing was frozen" in answer.text


def test_an_undecided_pair_of_studies_stands_where_the_button_was_and_links_to_its_decision(
    sign_in, owner, project, make_study
):
    first, second = (make_study(label).study for label in ("Jiang 2017", "Hui 2020"))
    Group.objects.filter(kind="patients").update(n_female=5, age_mean=60.92, age_sd=9.29)
    client = sign_in(owner)
    refused = client.post(page("freeze", project))
    assert refused.status_code == 400
    assert "are these the same people? Jiang 2017 and Hui 2020" in refused.text
    for answer in (refused, client.get(page("versions", project))):
        assert page("freeze", project) not in answer.text
        assert "Decide 1 pair of studies" in answer.text
        assert f'href="{reverse("extraction:overlap", args=[project.pk, first.pk, second.pk])}"' in answer.text


def test_the_pages_of_what_is_left_out_lead_back_to_the_versions_where_freezing_was_refused(
    sign_in, owner, project, make_study
):
    for label in ("Jiang 2017", "Hui 2020"):
        make_study(label)
    Group.objects.filter(kind="patients").update(n_female=5, age_mean=60.92, age_sd=9.29)
    Study.objects.bulk_create(Study(project=project, label=f"Study {n}") for n in range(60))
    refused = sign_in(owner).post(page("freeze", project))
    assert refused.status_code == 400
    assert f'href="{page("versions", project)}?left=2#left-out"' in refused.text
    assert 'aria-label="Pages of the list: left out"' in refused.text


def test_what_was_decided_about_studies_of_the_same_people_stands_on_the_version_with_its_reason(
    sign_in, viewer, project, place, make_study
):
    first, second = (make_study(label).study for label in ("Jiang 2017", "Hui 2020"))
    agreed_dataset_freeze(place=place)
    SampleOverlap.objects.create(
        project=project, first=first, second=second, decision="same", handling="keep_second", reason="It reports more."
    )
    agreed_dataset_freeze(place=place)
    client = sign_in(viewer)
    text = client.get(page("version", project, 2)).text
    assert "<b>Jiang 2017 and Hui 2020</b>: the same people, Hui 2020 is kept. It reports more." in text
    assert "Decisions about studies of the same people changed" in text
    assert "Studies of possibly the same people" not in client.get(page("version", project, 1)).text


def test_changes_since_the_last_version_are_told_before_and_after_freezing(sign_in, owner, project, agreed, make_study):
    make_study("Zhang 2016")
    client = sign_in(owner)
    assert "Study added: Zhang 2016 (1 dataset, 2 peaks)" in client.get(page("versions", project)).text
    assert "Study added: Zhang 2016 (1 dataset, 2 peaks)" in client.post(page("freeze", project), follow=True).text


def test_shared_cohorts_are_flagged(sign_in, viewer, project, place, make_study):
    make_study("Cao 2017", identity="ruijin")
    make_study("Cao 2018", identity="ruijin")
    agreed_dataset_freeze(place=place)
    answer = sign_in(viewer).get(page("version", project, 1))
    assert "1 shared cohort" in answer.text
    assert "Cao 2017 / ReHo; Cao 2018 / ReHo" in answer.text


def test_the_json_download_is_the_frozen_text_byte_for_byte(sign_in, viewer, project, agreed):
    answer = sign_in(viewer).get(page("download", project, 1, "agreed-dataset.json"))
    assert answer.content.decode() == agreed.content
    assert "agreed-dataset-v1.json" in answer["Content-Disposition"]


def test_tables_hold_numbers_as_numbers_and_formulas_as_text(sign_in, viewer, project, place, make_study):
    make_study()
    Peak.objects.filter(position=1).update(label='=HYPERLINK("http://x")')
    agreed_dataset_freeze(place=place)
    client = sign_in(viewer)
    text = client.get(page("download", project, 1, "peaks.csv")).content.decode("utf-8-sig")
    row = next(csv.DictReader(io.StringIO(text)))
    assert (row["x"], row["label"]) == ("-38", '\'=HYPERLINK("http://x")')
    book = load_workbook(io.BytesIO(client.get(page("download", project, 1, "agreed-dataset.xlsx")).content))
    columns = [cell.value for cell in book["peaks"][1]]
    cells = dict(zip(columns, book["peaks"][2], strict=True))
    assert (cells["x"].value, cells["x"].data_type) == (-38, "n")
    assert (cells["label"].value, cells["label"].data_type) == ('=HYPERLINK("http://x")', "s")
    assert book["studies"]["A2"].value == "Cao 2017"


def test_two_versions_are_compared_on_a_page(sign_in, viewer, project, place, agreed):
    Group.objects.filter(kind="patients").update(n=17)
    agreed_dataset_freeze(place=place)
    text = sign_in(viewer).get(page("changes", project, 2, 1)).text
    for words in ("From version 1 to version 2", "1 change<", "n analysed", ">18<", ">17<"):
        assert words in text
    assert "These are one version" in sign_in(viewer).get(page("changes", project, 2, 2)).text


def test_every_download_is_offered_on_the_page_and_given(sign_in, viewer, project, agreed):
    client = sign_in(viewer)
    text = client.get(page("version", project, 1)).text
    for name in DOWNLOADS:
        address = page("download", project, 1, name)
        assert address in text
        assert client.get(address).status_code == 200


def test_the_frozen_json_has_the_hash_that_the_page_shows(sign_in, viewer, project, agreed):
    content = sign_in(viewer).get(page("download", project, 1, "agreed-dataset.json")).content
    assert hashlib.sha256(content).hexdigest() == agreed.sha256


def test_an_unknown_version_or_file_is_not_found(sign_in, owner, project, agreed):
    client = sign_in(owner)
    assert client.get(page("version", project, 9)).status_code == 404
    assert client.get(page("download", project, 1, "secrets.txt")).status_code == 404


def test_the_pages_of_five_thousand_peaks_take_a_fixed_number_of_queries(
    sign_in, owner, project, place, make_study, django_assert_max_num_queries
):
    for number in range(20):
        make_study(f"Study {number:02}", peaks=250)
    agreed_dataset_freeze(place=place)
    client = sign_in(owner)
    with django_assert_max_num_queries(29):
        assert "5000" in client.get(page("versions", project)).text
    with django_assert_max_num_queries(16):
        assert "Peaks 4901 to 5000 of 5000" in client.get(page("version", project, 1) + "?peaks=50").text


def many_of(agreed, number):
    """The version after, of which each study is the first one under another label."""
    content = json.loads(agreed.content)
    one = json.dumps(content["studies"][0])
    content["studies"] = [
        json.loads(one.replace("Cao 2017", f"Simulated {key:04}")) | {"reports": []} for key in range(number)
    ]
    for study in content["studies"][:400]:
        study["cohorts"][0]["identity"] = study["label"][:13]
    left_out = [{"study": f"S {key}", "dataset": None, "reason": "A reason."} for key in range(999)]
    return AgreedDataset.objects.create(
        project=agreed.project, version=2, content=canonical_json(content), agreement=agreed.agreement,
        sha256="0" * 64, counts=agreed.counts, frozen_by=agreed.frozen_by, left_out=left_out,
    )  # fmt: skip


def test_the_page_of_a_version_of_five_thousand_studies_is_a_page_of_each_of_its_lists(
    sign_in, owner, project, agreed, django_assert_max_num_queries
):
    many_of(agreed, 5000)
    client = sign_in(owner)
    with django_assert_max_num_queries(16):
        text = client.get(page("version", project, 2)).text
    assert len(text) < 120_000
    assert 'href="?page=2#datasets-title"' in text
    last = client.get(page("version", project, 2) + "?page=100&peaks=100&left=20&changes=101&shared=1").text
    for words in (
        "Simulated 4999",
        "Peaks 9901 to 10000 of 10000",
        "S 998",
        "Study added: Simulated 4999",
        "40 shared cohorts",
    ):
        assert words in last
    assert 'href="?page=100&amp;peaks=99&amp;left=20&amp;changes=101&amp;shared=1#peaks-title"' in last
    assert len(client.get(page("changes", project, 2, 1)).text) < 60_000


def test_the_page_of_what_would_be_frozen_stays_short_with_five_thousand_studies(
    sign_in, owner, project, agreed, django_assert_max_num_queries
):
    Study.objects.bulk_create(Study(project=project, label=f"Simulated {number:04}") for number in range(5000))
    client = sign_in(owner)
    with django_assert_max_num_queries(29):
        text = client.get(page("versions", project)).text
    assert len(text) < 60_000
    assert "5000 lines left out" in text
    assert 'aria-label="Pages of the list: left out"' in text
    assert "Simulated 0050" not in text
    assert "<details open><summary>5000 lines left out" in (
        second := client.get(page("versions", project) + "?left=2").text
    )
    assert "Simulated 0050" in second


READS = (("versions", ()), ("version", (1,)), ("changes", (1, 1)), ("download", (1, "peaks.csv")))


def test_nobody_is_sent_to_sign_in(sign_in, project, agreed):
    for name, more in READS:
        assert "sign-in" in sign_in().get(page(name, project, *more)).url
    assert "sign-in" in sign_in().post(page("freeze", project)).url


def test_an_outsider_finds_nothing(sign_in, outsider, project, agreed):
    for name, more in READS:
        assert sign_in(outsider).get(page(name, project, *more)).status_code == 404
    assert sign_in(outsider).post(page("freeze", project)).status_code == 404


@pytest.mark.parametrize("role", ["reviewer", "viewer"])
def test_only_owners_and_adjudicators_freeze(sign_in, project, agreed, role, request):
    assert sign_in(request.getfixturevalue(role)).post(page("freeze", project)).status_code == 403


def test_an_adjudicator_freezes(sign_in, project, agreed, adjudicator):
    assert sign_in(adjudicator).post(page("freeze", project)).status_code == 302


def test_the_api_lists_versions_without_their_content(sign_in, viewer, project, agreed):
    answer = sign_in(viewer).get(reverse("api_datasets:datasets", args=[project.pk])).json()
    assert (answer["count"], answer["results"][0]["version"]) == (1, 1)
    assert answer["results"][0]["counts"]["peaks"] == 2
    assert "content" not in answer["results"][0]


def test_the_api_gives_one_version_whole(sign_in, viewer, project, agreed):
    answer = sign_in(viewer).get(reverse("api_datasets:dataset", args=[project.pk, 1])).json()
    assert answer["content"] == json.loads(agreed.content)


@pytest.mark.parametrize(("name", "more"), [("datasets", ()), ("dataset", (1,))])
def test_the_api_refuses_nobody_and_outsiders(sign_in, outsider, project, agreed, name, more):
    address = reverse(f"api_datasets:{name}", args=[project.pk, *more])
    assert sign_in().get(address).status_code in {401, 403}
    assert sign_in(outsider).get(address).status_code == 404
