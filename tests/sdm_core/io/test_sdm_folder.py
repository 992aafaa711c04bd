"""SDM folders: every kind of file, every oddity, every problem at once."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sdm_core.errors import InputError
from sdm_core.io import check_sdm_folder, read_sdm_folder, write_sdm_folder
from sdm_core.spaces import talairach_to_mni
from sdm_core.studies import PeakTable, StudyTable

SHARED = Path(__file__).parents[4] / "shared/data"
PEAKS = "-40,20,-4,4.5\n30,24,2,-5.25\n"


@pytest.fixture
def folder(tmp_path):
    """Write a folder from its files' content: text as UTF-8, bytes as they are."""

    def write(table=None, **files):
        table = "study\tn1\tt_thr\tthreshold\na\t20\t3.1\tuncorrected\n" if table is None else table
        for name, content in {"sdm_table.txt": table, **files}.items():
            content = content.encode() if isinstance(content, str) else content
            (tmp_path / name.replace("__", ".")).write_bytes(content)
        return tmp_path

    return write


def messages(path):
    return [str(problem) for problem in check_sdm_folder(path)]


def peaks_of(content, folder):
    _, peaks, warnings, _ = read_sdm_folder(folder(a__spm_mni__txt=content))
    assert warnings == []
    return [[*mm, t] for mm, t in zip(peaks.mm.tolist(), peaks.t.tolist(), strict=True)]


@pytest.mark.parametrize(
    "content",
    [
        PEAKS,
        PEAKS.replace(",", "\t"),
        PEAKS.replace(",", "  "),
        PEAKS.replace(",", ";"),
        PEAKS.replace(",", ", "),
        PEAKS.replace("\n", "\r\n"),
        "\n" + PEAKS.replace("\n", "\n\n  \n"),
        PEAKS.rstrip("\n"),
        b"\xef\xbb\xbf" + PEAKS.encode(),
        PEAKS.encode("utf-16"),
        PEAKS.replace("-", "\u2212"),
        "x,y,z,t\n" + PEAKS,
        "X (mm)\tY (mm)\tZ (mm)\tT\n" + PEAKS.replace(",", "\t"),
        PEAKS.replace("\n", ",\n"),
    ],
    ids=[
        "commas",
        "tabs",
        "blanks",
        "semicolons",
        "commas and blanks",
        "CRLF",
        "blank lines",
        "no newline at the end",
        "byte order mark",
        "UTF-16",
        "true minus signs",
        "header",
        "header with units",
        "commas at the end",
    ],
)
def test_peaks_are_read_however_they_are_written(content, folder):
    assert peaks_of(content, folder) == [[-40, 20, -4, 4.5], [30, 24, 2, -5.25]]


def test_p_and_n_are_peaks_known_only_by_their_sign(folder):
    _, peaks, _, _ = read_sdm_folder(folder(a__other_mni__txt="-40,20,-4,p\n30,24,2,n\n"))
    assert np.isnan(peaks.t).all()
    assert peaks.sign.tolist() == [1, -1]


@pytest.mark.parametrize("software", ["spm", "fsl", "other"])
def test_the_file_name_says_software_and_space(software, folder):
    _, peaks, _, _ = read_sdm_folder(folder(**{f"a__{software}_tal__txt": "-40,20,-4,4.5\n"}))
    np.testing.assert_allclose(peaks.mm, talairach_to_mni([[-40, 20, -4]], software))
    Path(folder() / f"a.{software}_tal.txt").unlink()
    _, peaks, _, _ = read_sdm_folder(folder(**{f"a__{software}_mni__txt": "-40,20,-4,4.5\n"}))
    np.testing.assert_array_equal(peaks.mm, [[-40, 20, -4]])


def test_a_no_peaks_file_marks_a_study_that_found_nothing(folder):
    table = "study\tn1\tt_thr\nstudy2019b12\t20\t3.1\n"
    studies, peaks, warnings, _ = read_sdm_folder(folder(table, study2019b12__no_peaks__txt=""))
    assert studies.no_peaks.tolist() == [True]
    assert len(peaks) == 0
    assert warnings == []


@pytest.mark.parametrize(
    "table",
    [
        "study\tn1\tn2\tt_thr\tthreshold\tage\na\t20\t22\t3.1\tcorrected\t31.5\n",
        "\ufeffstudy\tN1\tN2\tT_thr\tThreshold\tage\r\na\t20\t22\t3.1\tCorrected\t31.5\r\n\r\n",
        "study,n1,n2,t_thr,threshold,age\na,20,22,3.1,corrected,31.5\n",
        "study;n1;n2;t_thr;threshold;age\na;20;22;3.1;corrected;31.5\n",
        "study  n1 n2 t_thr threshold age\na      20 22 3.1   corrected 31.5\n",
        'study\tn1\tn2\tt_thr\tthreshold\tage\t\n"a"\t20\t22\t3.1\tcorrected\t31.5\t\n'.replace("\t\n", "\n"),
    ],
    ids=["tabs", "mark, capitals, CRLF", "commas", "semicolons", "blanks", "quotes"],
)
def test_the_table_is_read_however_it_is_written(table, folder):
    studies, _, warnings, _ = read_sdm_folder(folder(table, a__spm_mni__txt=PEAKS))
    assert (studies.names, studies.design, studies.threshold_kind) == (("a",), ("two_sample",), ("corrected",))
    assert (studies.n1[0], studies.n2[0], studies.t_threshold[0]) == (20, 22, 3.1)
    assert dict(studies.covariates) == {"age": [31.5]}
    assert warnings == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-40,20,-4", "has 3 values instead of x, y, z, t. Add the t value, or p (n) for a peak known only"),
        ("-40,20", "has 2 values instead of x, y, z, t. Write four values per line"),
        ("-40,20,-4,4.5,9", "has 5 values instead of x, y, z, t. Write four values per line"),
        ("-40,5 20,0 -4,0 4,5", "has decimal commas. Write numbers with a point, such as 3.17."),
        ("-40\t20\t-4\t4,5", "has decimal commas. Write numbers with a point, such as 3.17."),
        ("-40;20;-4;4,5", "has decimal commas. Write numbers with a point, such as 3.17."),
        ("-40,,-4,4.5", "y: is missing. Give a number."),
        ("-40,nan,-4,4.5", "y: is missing. Give a number."),
        ("-40,20,-4,NaN", "t: is missing. Give the t value, or p (n) for a peak known only"),
        ("-40,20,-4,high", 't: "high" is not a number'),
        ("left,20,-4,4.5", 'x: "left" is not a number'),
        ("65,73,56,4.5", "x, y, z: is"),
    ],
)
def test_a_bad_line_is_named_by_file_and_line(line, expected, folder):
    (message,) = messages(folder(a__spm_mni__txt=f"{PEAKS}\n{line}\n"))
    assert message.startswith(("error: a.spm_mni.txt, line 4: ", "error: a.spm_mni.txt, line 4, "))
    assert message.removeprefix("error: a.spm_mni.txt, line 4")[2:].startswith(expected)


def test_voxel_indices_instead_of_millimetres_are_recognised(folder):
    (message,) = messages(folder(a__spm_mni__txt="65,73,56,4.5\n"))
    assert "The numbers may be voxel indices instead of mm." in message


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "error: study a: has no file. Add a.KIND.txt with KIND one of spm_mni"),
        ({"a__spm_mni__txt": ""}, "error: study a: has no peak. Enter its peaks, or mark it"),
        (
            {"a__spm_mni__txt": PEAKS, "a__fsl_tal__txt": PEAKS},
            "error: study a: has several files: a.fsl_tal.txt, a.spm_mni.txt. Keep one of them.",
        ),
        (
            {"a__spm_mni__txt": PEAKS, "b__spm_mni__txt": PEAKS},
            "warning: file b.spm_mni.txt: belongs to no study of sdm_table.txt and is not read. Add the study",
        ),
        (
            {"a__spm_mni__txt": PEAKS, "A__no_peaks__txt": ""},
            "warning: file A.no_peaks.txt: belongs to no study of sdm_table.txt and is not read. Is it a? Upper",
        ),
        (
            {"a__spm_mni__txt": PEAKS, "a__afni_mni__txt": PEAKS},
            "warning: file a.afni_mni.txt: is of an unknown kind and is not read. Name it a.KIND.txt",
        ),
        (
            {"a__spm_mni__txt": PEAKS, "a__nii__gz": b""},
            "error: study a: has several files: a.nii.gz, a.spm_mni.txt. Keep one of them.",
        ),
        (
            {"a__spm_mni__txt": PEAKS, "a__beta__nii": b""},
            "warning: file a.beta.nii: is a map with an unknown name and is not read. Name it as one of STUDY.nii.gz",
        ),
        (
            {"a__spm_mni__txt": PEAKS, "A__nii__gz": b""},
            "warning: file A.nii.gz: belongs to no study of sdm_table.txt and is not read. Is it a? Upper",
        ),
        (
            {"a__no_peaks__txt": PEAKS},
            "warning: file a.no_peaks.txt: should be empty; its lines are not read.",
        ),
    ],
)
def test_files_that_do_not_fit_the_table_are_named(files, expected, folder):
    assert any(message.startswith(expected) for message in messages(folder(**files)))


def test_other_files_in_the_folder_are_nobody_s_business(folder):
    assert messages(folder(a__spm_mni__txt=PEAKS, README="hello", notes__txt="-1,2", settings__xml="<x/>")) == []


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("", "error: sdm_table.txt: is empty."),
        ("name\tsize\na\t20\n", "error: sdm_table.txt: has no column study and no column n1. The first line must"),
        ("study\tn1\tn1\na\t20\t20\n", "error: sdm_table.txt: has the column n1 twice. Rename or delete one."),
        ("study\tn1\tt_thr\na\t20\n", "error: sdm_table.txt, line 2: has 2 cells, the header has 3. Give one cell"),
        ("study\tn1\tt_thr\na\t20\t3,1\n", 'error: study a, t_thr: "3,1" has a decimal comma. Write 3.1'),
        ("study\tn1\tt_thr\na\t3\t3.1\n", "error: study a, n1: 3 people are too few."),
        ("study\tn1\tt_thr\na\t20\tNA\n", "warning: study a, t_thr: is missing."),
        ("study\tn1\na\t20\n", "warning: study a, t_thr: is missing."),
        ("study\tn1\tt_thr\na\t20\t3.1\na\t20\t3.1\n", "error: study a, study: is in the table twice."),
    ],
)
def test_what_is_wrong_with_the_table_is_named(table, expected, folder):
    assert any(message.startswith(expected) for message in messages(folder(table, a__spm_mni__txt=PEAKS)))


def test_a_folder_without_a_table_is_refused(tmp_path):
    assert messages(tmp_path)[0].endswith(
        "has no sdm_table.txt. Give a folder with sdm_table.txt and one file per study."
    )
    with pytest.raises(InputError, match="is not a folder"):
        read_sdm_folder(tmp_path / "absent")


def test_every_problem_of_every_file_is_told_at_once_and_each_only_once(folder):
    table = "study\tn1\tt_thr\na\t3\t3.1\nb\t20\t3.1\nc\t20\tNA\nd\t20\t3.1\n"
    path = folder(table, a__spm_mni__txt=PEAKS, b__spm_mni__txt="1,2\nx,1,1,4\n", c__fsl_mni__txt="500,0,0,4\n")
    with pytest.raises(InputError) as caught:
        read_sdm_folder(path)
    told = [(problem.study, problem.field, problem.level) for problem in caught.value.problems]
    assert sorted(told, key=str) == sorted(
        [
            ("a", "n1", "error"),
            ("b", None, "error"),
            ("b", "x", "error"),
            ("c", "t_thr", "warning"),
            ("c", "x, y, z", "error"),
            ("d", None, "error"),
        ],
        key=str,
    )


def test_the_inputs_are_told_with_their_sha256(folder):
    _, _, _, inputs = read_sdm_folder(folder(a__spm_mni__txt=PEAKS, b__spm_mni__txt=PEAKS))
    assert set(inputs) == {"sdm_table.txt", "a.spm_mni.txt"}
    assert all(len(digest) == 64 for digest in inputs.values())


def same_tables(one, other):
    for name in ("names", "design", "threshold_kind"):
        assert getattr(one[0], name) == getattr(other[0], name)
    for name in ("n1", "n2", "t_threshold", "no_peaks"):
        np.testing.assert_array_equal(getattr(one[0], name), getattr(other[0], name))
    assert set(one[0].covariates) == set(other[0].covariates)
    for name, values in one[0].covariates.items():
        np.testing.assert_array_equal(values, other[0].covariates[name])
    for name in ("study_index", "mm", "t", "sign"):
        np.testing.assert_array_equal(getattr(one[1], name), getattr(other[1], name))


def test_a_written_folder_reads_back_to_the_same_tables(tmp_path):
    studies = StudyTable.from_rows(
        [
            {"study": "a", "n1": 20, "n2": 21, "t_thr": 3.1234567890123, "threshold": "corrected", "age": 1 / 3},
            {"study": "b", "n1": 12, "age": "NA", "design": "correlation"},
            {"study": "c", "n1": 12, "t_thr": 3, "no_peaks": 1, "age": 40},
        ]
    )
    rows = [{"study": "a", "x": -40.123456789, "y": 20, "z": -4, "statistic": 4.5, "space": "tal"}]
    rows += [{"study": "b", "x": 30, "y": 24, "z": 2, "statistic": sign} for sign in "pn"]
    peaks = PeakTable.from_rows(rows, studies)
    write_sdm_folder(tmp_path, studies, peaks)
    same_tables((studies, peaks), read_sdm_folder(tmp_path)[:2])


@pytest.mark.reference
@pytest.mark.skipif(not SHARED.exists(), reason="the reference data are not beside the project")
class TestPublishedFolders:
    def test_the_published_run_has_50_studies_687_peaks_226_of_them_by_sign_only(self, tmp_path):
        studies, peaks, warnings, inputs = read_sdm_folder(SHARED / "sdm_psi_run/inputs")
        assert (len(studies), studies.n1.sum(), len(peaks), np.isnan(peaks.t).sum()) == (50, 1018, 687, 226)
        assert set(studies.covariates) >= {"age_mean_c", "task_type", "software"}
        assert Counter(studies.threshold_kind).keys() == {"corrected", "uncorrected"}
        assert all(problem.level == "warning" for problem in warnings)
        assert len(inputs) == 51
        write_sdm_folder(tmp_path, studies, peaks)
        same_tables((studies, peaks), read_sdm_folder(tmp_path)[:2])

    def test_all_135_files_of_every_name_kind_are_read_or_told(self, tmp_path):
        source = SHARED / "sdm_folder_all_names"
        shutil.copytree(source / "inputs", tmp_path / "all")
        shutil.copy(source / "sdm_table.txt", tmp_path / "all")
        studies, peaks, warnings, inputs = read_sdm_folder(tmp_path / "all")
        unread = [problem for problem in warnings if "belongs to no study" in problem.message]
        assert (len(studies), len(inputs) - 1, len(unread)) == (128, 128, 7)
        lines = sum(len((tmp_path / "all" / name).read_text().split()) for name in inputs if name != "sdm_table.txt")
        assert len(peaks) == lines
