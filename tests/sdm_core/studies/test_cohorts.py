"""Datasets that share people: named, counted once, kept, averaged.  Made-up studies."""

import numpy as np
import pytest

from sdm_core import AnalysisSpecification, InputError, PeakTable, StudyTable
from sdm_core.pipeline import Composites
from sdm_core.pipeline.provenance import tables_sha256
from sdm_core.studies import cohort_counts, cohort_warnings, keep_largest, members_of


def table(cohorts=("a", "", "a", "b", "b"), sizes=(20, 30, 25, 40, 40)):
    rows = zip(range(5), cohorts, sizes, strict=True)
    return StudyTable.from_rows([{"study": f"s{i}", "n1": n, "t_thr": 3, "cohort": cohort} for i, cohort, n in rows])


def peaks(studies):
    return PeakTable.from_rows([{"study": f"s{i}", "x": 0, "y": 0, "z": i, "statistic": 4} for i in range(5)], studies)


def test_a_dataset_without_a_cohort_is_one_of_its_own():
    assert members_of(table()) == {"a": [0, 2], "s1": [1], "b": [3, 4]}


def test_cohorts_may_be_numbers():
    assert members_of(table((1, "", 1, 2, 2))) == {"1": [0, 2], "s1": [1], "2": [3, 4]}


def test_a_table_without_the_column_has_as_many_cohorts_as_datasets():
    studies = StudyTable.from_rows([{"study": name, "n1": 20, "t_thr": 3} for name in "ab"])
    assert members_of(studies) == {"a": [0], "b": [1]}
    assert cohort_warnings(studies, "keep_all") == []


def test_people_of_a_cohort_are_counted_once():
    found = cohort_counts(table())
    assert (found["datasets"], found["cohorts_counted"]) == (5, 3)
    assert (found["people"], found["people_of_all_datasets"]) == (25 + 30 + 40, 155)
    assert found["cohorts"] == ["a", "b"]
    assert found["shared_cohorts"] == {"a": ["s0", "s2"], "b": ["s3", "s4"]}


@pytest.mark.parametrize(
    ("handling", "words"), [("keep_all", "as if independent"), ("keep_one", "Only s2"), ("average", "Their mean")]
)
def test_shared_cohorts_are_named_with_what_is_done(handling, words):
    first, second = cohort_warnings(table(), handling)
    assert "s0, s2" in str(first)
    assert words in str(first)
    assert "s3, s4" in str(second)


def test_the_largest_of_a_cohort_is_kept_and_of_equals_the_first():
    studies = table()
    kept, own = keep_largest(studies, peaks(studies))
    assert kept.names == ("s1", "s2", "s3")
    assert own.mm[:, 2].tolist() == [1, 2, 3]


def test_the_mean_of_a_cohort_has_borensteins_variance_by_hand():
    composites = Composites.of(table(), AnalysisSpecification(cohorts="average", cohort_correlation=0.4))
    effects, variances = composites.combine(np.array([0.2, 1, 0.6, 2, 4.0]), np.array([0.04, 1, 0.09, 0.25, 0.25]))
    assert composites.names == ("a", "s1", "b")
    assert effects == pytest.approx([0.4, 1, 3])
    # (0.04 + 0.09 + 2 x 0.4 x 0.2 x 0.3) / 4; and 0.25 x (1 + 0.4) / 2.
    assert variances == pytest.approx([0.0445, 1, 0.175])


def test_composites_are_made_only_where_asked_for_and_needed():
    assert Composites.of(table(), AnalysisSpecification()) is None
    assert Composites.of(table("abcde"), AnalysisSpecification(cohorts="average")) is None


def test_averages_of_simulated_correlated_datasets_have_the_stated_variance():
    rng, r = np.random.default_rng(0), 0.5
    errors = rng.multivariate_normal([0, 0], [[0.04, r * 0.06], [r * 0.06, 0.09]], 20000)
    composites = Composites.of(table(), AnalysisSpecification(cohorts="average", cohort_correlation=r))
    data = np.zeros((5, 20000))
    data[[0, 2]] = errors.T
    means, variances = composites.combine(data, np.tile(np.array([0.04, 1, 0.09, 1, 1])[:, None], 20000))
    assert means[0].var() == pytest.approx(variances[0, 0], rel=0.03)


def test_averaged_cohorts_are_not_permuted():
    with pytest.raises(InputError, match="cannot be averaged and permuted"):
        AnalysisSpecification(cohorts="average", permutations=10)


def test_the_hash_of_the_tables_tells_cohorts_apart_but_not_an_empty_column_from_none():
    hashes = [tables_sha256(studies, peaks(studies)) for studies in (table(), table("abcde"), table(("",) * 5))]
    without = StudyTable.from_rows(
        [{"study": f"s{i}", "n1": n, "t_thr": 3} for i, n in enumerate((20, 30, 25, 40, 40))]
    )
    assert len(set(hashes)) == 3
    assert tables_sha256(without, peaks(without)) == hashes[2]
