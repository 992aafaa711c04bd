"""Names, labels and keys of references. The authors of the review's Table 1 stand as its reference list prints them."""

import pytest

from meta_app.library.domain import (
    bare_doi,
    label_question,
    new_label_question,
    read_authors,
    spread_labels,
    study_label,
    title_key,
)


@pytest.mark.parametrize(
    ("printed", "families"),
    [
        ("Cao S, Song G, Zhang Y, et al.", ["Cao", "Song", "Zhang"]),
        ("Cao, S., Song, G.", ["Cao", "Song"]),
        ("Cao, Song; Song, Guodong", ["Cao", "Song"]),
        ("Cao, S. and Song, G.", ["Cao", "Song"]),
        ("Anna Müller and Jan van der Berg", ["Müller", "van der Berg"]),
        ("S. Cao", ["Cao"]),
        ("Cao Songtao", ["Cao"]),
        ("Müller, Anna", ["Müller"]),
        ("曹松;宋根;;张一", ["曹", "宋", "张"]),
        ("曹松，宋根、欧阳锋", ["曹", "宋", "欧阳"]),
        ("曹松 宋根", ["曹", "宋"]),
        ("", []),
    ],
)
def test_the_family_names_of_authors_are_found(printed, families):
    assert [author.family for author in read_authors(printed)] == families


def test_a_label_is_the_first_family_name_and_the_year():
    assert study_label(read_authors("Cao S, Song G"), 2017) == "Cao 2017"
    assert study_label(read_authors("曹松;宋根"), 2017) == "曹 2017"
    assert study_label([], None) == ""


def test_labels_that_are_taken_get_letters():
    assert spread_labels(["Cao 2017", "Cao 2017", "Gu 2019"], ["gu 2019"]) == ["Cao 2017a", "Cao 2017b", "Gu 2019b"]
    assert spread_labels(["Cao 2017"], ["Cao 2017", "Cao 2017b"]) == ["Cao 2017c"]
    assert spread_labels(["Cao 2017"], ["Cao 2017a", "Cao 2017b"]) == ["Cao 2017c"]
    assert len(set(spread_labels(["Li 2020"] * 60, []))) == 60


@pytest.mark.parametrize(
    ("label", "authors", "hint"),
    [
        ("Hui et al 2020", "Dai H, Jiang C, Wu G, et al", "family name is Dai"),
        ("Li 2022", "Niu L, Hu Y, Yuan CD", "family name is Niu"),
        ("Song 2017", "Cao, Song", "family name is Cao"),
        ("Song 2017", "Cao S, Song G", "author 2"),
        ("Meyer 2017", "Cao S, Song G", "No author is called Meyer"),
    ],
)
def test_a_label_that_is_no_family_name_of_the_first_author_is_asked_about(label, authors, hint):
    assert hint in label_question(label, authors)


@pytest.mark.parametrize(
    ("label", "authors"),
    [
        ("Cao et al., 2017b", "Cao S, Song G"),
        ("Mueller 2017", "Mueller A"),
        ("Muller 2017", "Müller A"),
        ("Liang 2014", "Haowen L, Lizu X, Yunhai Q"),
        ("Cao 2019", "WanYu C"),
        ("曹 2017", "曹松;宋根"),
        ("Cao 2017", "曹松;宋根"),
        ("Cao 2017", ""),
    ],
)
def test_a_label_that_fits_or_cannot_be_told_is_not_asked_about(label, authors):
    assert label_question(label, authors) == ""


def test_a_given_name_printed_first_is_asked_about_before_a_label_is_made_of_it():
    assert "What is the family name" in new_label_question(read_authors("Haowen L, Lizu X"))
    assert "Is Yi the family name" in new_label_question(read_authors("Yi Z"))
    assert new_label_question(read_authors("Cao S, Song G")) == ""


def test_dois_and_titles_that_say_the_same_have_one_key():
    assert bare_doi("HTTPS://DOI.ORG/10.1000/ABC.") == "10.1000/ABC"
    assert title_key("Brain <sub>activity</sub> in Pain!") == title_key("Brain activity in pain")
    assert title_key("Editorial") == ""
