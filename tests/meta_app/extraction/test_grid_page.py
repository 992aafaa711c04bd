"""The page of a dataset's peaks: who may open it, what it says without JavaScript."""

import pytest

from meta_app.extraction.models import Peak
from tests.meta_app.extraction.peak_cast import insula, make_dataset


@pytest.fixture
def dataset(project, reviewer):
    dataset = make_dataset(project, reviewer)
    Peak.objects.create(dataset=dataset, position=1, cells=insula())
    return dataset


@pytest.fixture
def address(project, dataset):
    return f"/projects/{project.pk}/extraction/datasets/{dataset.pk}/"


def test_the_page_prints_the_sign_convention_and_the_space_above_the_grid(sign_in, reviewer, address):
    text = sign_in(reviewer).get(address).content.decode()
    assert "positive = patients &gt; controls" in text
    assert "<strong>MNI</strong>" in text
    assert text.index("positive = patients") < text.index("<coordinate-grid")


def test_the_page_shows_the_saved_rows_without_javascript(sign_in, reviewer, address):
    assert "L insula" in sign_in(reviewer).get(address).content.decode()


def test_of_many_rows_the_page_shows_the_first_without_javascript_and_says_so(sign_in, reviewer, address, dataset):
    rows = [Peak(dataset=dataset, position=place, cells=insula(label=f"Place {place}")) for place in range(2, 103)]
    Peak.objects.bulk_create(rows)
    text = sign_in(reviewer).get(address).content.decode()
    assert "These are the first 100 rows; the grid shows all." in text
    assert "Place 100<" in text
    assert "Place 101<" not in text


def test_the_page_holds_no_inline_script_or_style(sign_in, reviewer, address):
    text = sign_in(reviewer).get(address).content.decode()
    assert "<style" not in text
    assert "style=" not in text
    assert "<script>" not in text


def test_a_locked_extraction_says_how_to_reopen_it(sign_in, reviewer, address, dataset):
    dataset.extraction.state = "complete"
    dataset.extraction.save()
    assert "Reopen it" in sign_in(reviewer).get(address).content.decode()


def test_nobody_is_led_to_sign_in(sign_in, address):
    assert sign_in(None).get(address).status_code == 302


@pytest.mark.parametrize("who", ["outsider", "second_reviewer", "owner", "adjudicator", "viewer"])
def test_nobody_but_the_author_finds_the_page_of_a_draft(request, sign_in, address, who):
    assert sign_in(request.getfixturevalue(who)).get(address).status_code == 404


def test_the_page_takes_the_same_queries_for_any_number_of_rows(
    sign_in, reviewer, address, dataset, django_assert_max_num_queries
):
    Peak.objects.bulk_create(Peak(dataset=dataset, position=place, cells=insula()) for place in range(2, 60))
    client = sign_in(reviewer)
    with django_assert_max_num_queries(14):
        client.get(address)
