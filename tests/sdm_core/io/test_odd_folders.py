"""Folders that nobody meant to write: every file either enters the analysis or is named in a problem."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdm_core.io import check_sdm_folder, inspect_sdm_folder, read_sdm_folder

ODD = [
    "",
    "NA",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "1e30",
    "-0",
    "0",
    "1e-320",
    "4",
    "20",
    "3.1",
    "3,1",
    "−3",
    "p",
    "n",
    "\x00",
    "١٢",
    "é",
]
cells = st.one_of(st.sampled_from(ODD), st.integers(-200, 200).map(str), st.floats(-150, 150).map(str))
quickly = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def folder(tmp_path):
    def write(table, **files):
        (tmp_path / "sdm_table.txt").write_text(table, "utf-8")
        for name, content in files.items():
            (tmp_path / f"{name}.other_mni.txt").write_text(content, "utf-8")
        return tmp_path

    return write


def assert_sound(studies, peaks, problems):
    """What was read holds no number that an analysis cannot use."""
    assert all(problem.place and problem.message for problem in problems)
    if studies is not None:
        assert (studies.df >= 2).all()
        assert not np.isinf(studies.t_threshold).any()
        assert not (studies.t_threshold <= 0).any()
    if peaks is not None:
        assert np.isfinite(peaks.mm).all()
        assert not np.isinf(peaks.t).any()
        assert (peaks.sign != 0).all()


@quickly
@given(rows=st.lists(st.tuples(cells, cells, cells, cells), min_size=1, max_size=5))
def test_any_numbers_in_peaks_are_read_or_named_line_by_line(folder, rows):
    content = "\n".join("\t".join(row) for row in rows)
    path = folder("study\tn1\tt_thr\na\t20\t3.1\n", a=content)
    studies, peaks, problems = inspect_sdm_folder(path)
    assert_sound(studies, peaks, problems)
    if peaks is not None:
        lines = [line for line in content.splitlines() if line.strip()]
        assert len(peaks) in (len(lines), len(lines) - 1)  # a first line may name the columns
    else:
        assert any(problem.level == "error" for problem in problems)


@quickly
@given(rows=st.lists(st.tuples(cells, cells, cells, cells, cells), min_size=1, max_size=4))
def test_any_cells_in_the_table_are_read_or_named_study_by_study(folder, rows):
    lines = [f"s{i}\t" + "\t".join(row) for i, row in enumerate(rows)]
    path = folder(
        "study\tn1\tn2\tt_thr\tdesign\tage\n" + "\n".join(lines), **{f"s{i}": "-40,20,-4,4.5" for i in range(4)}
    )
    studies, peaks, problems = inspect_sdm_folder(path)
    assert_sound(studies, peaks, problems)
    read = () if studies is None else studies.names
    told = " ".join(map(str, problems))
    for i in range(len(rows)):
        assert f"s{i}" in read or f"s{i}" in told or "line" in told


@quickly
@given(table=st.binary(max_size=300), peaks=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path, table, peaks):
    (tmp_path / "sdm_table.txt").write_bytes(b"study\tn1\n" + table)
    (tmp_path / "a.spm_mni.txt").write_bytes(peaks)
    assert_sound(*inspect_sdm_folder(tmp_path))


def test_thousands_of_peaks_of_one_study_are_all_read(folder):
    random = np.random.default_rng(2)
    mm = random.uniform([-40, -70, -5], [40, 30, 45], (3000, 3)).round(2)
    content = "\n".join(",".join(map(str, (*row, 4.5))) for row in mm.tolist())
    _, peaks, warnings, _ = read_sdm_folder(folder("study\tn1\tt_thr\na\t20\t3.1\n", a=content))
    np.testing.assert_array_equal(peaks.mm, mm)
    assert not [warning for warning in warnings if warning.level == "error"]


def test_the_smallest_study_is_taken_with_a_warning_and_a_smaller_one_refused(folder):
    path = folder("study\tn1\tt_thr\na\t4\t3.1\n", a="-40,20,-4,4.5")
    assert next(map(str, check_sdm_folder(path))).startswith("warning: study a, n1: only 4 people")
    (told, *_) = map(str, check_sdm_folder(folder("study\tn1\tt_thr\na\t3\t3.1\n", a="-40,20,-4,4.5")))
    assert told.startswith("error: study a, n1: 3 people are too few")


def test_a_threshold_above_the_peaks_is_told_and_the_peaks_are_kept(folder):
    path = folder("study\tn1\tt_thr\na\t20\t9\n", a="-40,20,-4,4.5\n30,24,2,-5")
    _, peaks, (warning,), _ = read_sdm_folder(path)
    assert len(peaks) == 2
    assert str(warning).startswith("warning: study a, t: peaks 1, 2: below the study's threshold t_thr 9.00")
