"""What papers report otherwise, against published worked numbers and sums by hand."""

import pytest

from meta_app.extraction.conversions import CONVERSIONS, t_quantile


def converted(way, **given):
    return CONVERSIONS[way].convert(given)


def test_a_standard_error_is_multiplied_by_the_root_of_n():
    # By hand: 2.1 x sqrt(16) = 8.4.
    found = converted("se", mean=64.4, se=2.1, n=16)
    assert found.values == {"mean": 64.4, "sd": 8.4}
    assert (found.reported, found.formula) == ("64.4, SE 2.1, n = 16", "SD = SE × √n")


@pytest.mark.parametrize(
    ("mean", "lower", "upper", "n", "sd"), [(32.1, 30.0, 34.2, 25, 5.09), (28.3, 26.5, 30.1, 22, 4.06)]
)
def test_confidence_intervals_become_the_sds_of_the_cochrane_handbook(mean, lower, upper, n, sd):
    """Cochrane Handbook 6.5.2.2, the worked example of two small groups."""
    assert round(converted("ci", mean=mean, lower=lower, upper=upper, n=n).values["sd"], 2) == sd


@pytest.mark.parametrize(("df", "t"), [(1, 12.706), (2, 4.303), (4, 2.776), (21, 2.080), (24, 2.064), (120, 1.980)])
def test_quantiles_of_t_are_those_of_printed_tables(df, t):
    assert round(t_quantile(0.975, df), 3) == t


@pytest.mark.parametrize(("n", "d2"), [(5, 2.326), (10, 3.078), (25, 3.931)])
def test_the_range_is_as_many_sds_as_the_tables_of_expected_ranges_say(n, d2):
    """The d2 constants of control charts: Wan 2014 approximates them to 2 per cent."""
    sd = converted("range", least=0, median=50, greatest=100, n=n).values["sd"]
    assert 100 / sd == pytest.approx(d2, rel=0.02)


@pytest.mark.parametrize(("n", "sds"), [(5, 0.990), (9, 1.144), (21, 1.260)])
def test_the_quartiles_are_as_many_sds_apart_as_in_table_2_of_wan_2014(n, sds):
    sd = converted("quartiles", q1=0, median=50, q3=100, n=n).values["sd"]
    assert 100 / sd == pytest.approx(sds, rel=0.005)


def test_the_means_of_luo_2018_by_hand():
    # n = 16: 4 / (4 + 8) = 1/3; (1 + 13) / 2 / 3 + 4 x 2/3 = 5. n = 39: 0.71 x (2 + 8) / 2 + 0.29 x 4 = 4.71.
    assert converted("range", least=1, median=4, greatest=13, n=16).values["mean"] == 5.0
    assert converted("quartiles", q1=2, median=4, q3=8, n=39).values["mean"] == 4.71


def test_what_is_made_of_a_median_says_that_it_is_not_for_skewed_values():
    for found in (
        converted("range", least=1, median=4, greatest=13, n=16),
        converted("quartiles", q1=2, median=4, q3=8, n=39),
    ):
        assert "for a normal distribution (not for skewed values)" in found.formula


@pytest.mark.parametrize(
    ("way", "mean", "sd"), [("months", 2.0, 0.5), ("weeks", 0.46, 0.115), ("days", 0.0657, 0.0164)]
)
def test_times_become_years(way, mean, sd):
    assert converted(way, mean=24, sd=6).values == {"mean": mean, "sd": sd}


def test_women_come_from_per_cent_and_from_the_ratio():
    assert converted("percent", percent=52.2, n=23).values == {"women": 12}
    assert converted("ratio", men=9, women=8, n=17).values == {"women": 8}
    assert converted("ratio", men=1, women=2, n=30).values == {"women": 20}


@pytest.mark.parametrize(
    ("way", "given", "sentence"),
    [
        ("se", {"mean": 1, "se": 0, "n": 9}, "must be above 0"),
        ("se", {"mean": 1, "se": 1, "n": 1}, "at least 2"),
        ("ci", {"mean": 1, "lower": 3, "upper": 2, "n": 9}, "lower cannot be above upper"),
        ("quartiles", {"q1": 5, "median": 4, "q3": 6, "n": 9}, "q1 cannot be above median"),
        ("percent", {"percent": 120, "n": 9}, "between 0 and 100"),
        ("percent", {"percent": 50, "n": 17}, "8.5 women"),
        ("ratio", {"men": 0, "women": 0, "n": 9}, "two parts"),
    ],
)
def test_impossible_numbers_are_refused_with_the_reason(way, given, sentence):
    with pytest.raises(ValueError, match=sentence):
        converted(way, **given)


@pytest.fixture
def ask(sign_in, reviewer, project):
    def asked(way, user=reviewer, **numbers):
        body = {"way": way, "numbers": numbers}
        address = f"/api/projects/{project.pk}/extractions/convert/"
        return sign_in(user).post(address, body, content_type="application/json")

    return asked


def test_the_api_answers_values_with_the_formula_and_reads_decimal_commas(ask):
    body = ask("se", mean="64,4", se="2.1", n="16").json()
    assert body == {"values": {"mean": 64.4, "sd": 8.4}, "reported": "64.4, SE 2.1, n = 16", "formula": "SD = SE × √n"}


def test_a_threshold_comes_from_p(ask):
    # The 0.999 quantile of t at 36 df, from printed tables: 3.333.
    assert round(ask("p", p="0.001", df="36").json()["values"]["t"], 3) == 3.333


@pytest.mark.parametrize(
    ("way", "numbers", "sentence"),
    [
        ("se", {"mean": "64", "se": "", "n": "16"}, "Standard error: type one number."),
        ("p", {"p": "0.7", "df": "20"}, "between 0 and 0.5"),
        ("guess", {}, "choose how it is reported"),
    ],
)
def test_what_cannot_be_converted_is_told(ask, way, numbers, sentence):
    answer = ask(way, **numbers)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]


def test_converting_needs_the_right_to_extract(ask, viewer, outsider):
    assert ask("se", viewer).status_code == 403
    assert ask("se", outsider).status_code == 404
