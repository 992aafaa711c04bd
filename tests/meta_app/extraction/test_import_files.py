"""Files of other programs, good and bad: what is understood, what is refused with file, row and what to do."""

import contextlib
import io
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta_app.extraction.exchange import opening, sdm
from meta_app.extraction.exchange.opening import kind_of_file, packed, text_of, unpacked
from meta_app.extraction.exchange.peak_files import read_peaks
from meta_app.extraction.exchange.plain import Chosen
from meta_app.extraction.exchange.reading import read_studies
from meta_app.extraction.exchange.records import UnreadableError
from meta_app.extraction.exchange.tables import guarded, unguarded
from meta_app.extraction.import_services import tools

REFERENCE = Path(__file__).parents[4] / "shared" / "data"
SLEUTH = """// Reference=Talairach
// Cao 2017: pain > rest
// Subjects=18
-38\t12\t-4
44 8 2

// Zhang 2016
//Subjects=oops
1,2,3
nothing here
"""
TABLE = "study\tn1\tn2\tt_thr\tthreshold\nCao\t18\t20\t3.1\tcorrected\nZhang\t12\tNA\tNA\tuncorrected\n"
SDM = {
    "sdm_table.txt": TABLE.encode(),
    "Cao.spm_tal.txt": b"-38,12,-4,4.5\n44 8 2 n\n1,2\n",
    "Zhang.no_peaks.txt": b"",
    "Li.other_mni.txt": b"1,2,3,4\n",
}


def refusal(files):
    with pytest.raises(UnreadableError) as error:
        read_studies(files, tools())
    return f"{error.value.problem.place} {error.value.problem.message}"


def test_an_sdm_folder_gives_people_thresholds_peaks_and_silence():
    reading = read_studies(SDM, tools(Chosen("patients_controls", "vbm", "VBM")))
    cao, zhang = reading.studies
    dataset = cao["datasets"][0]
    assert [group["n"] for group in cao["cohorts"][0]["groups"]] == [18, 20]
    assert (dataset["software"], dataset["space"], dataset["t_threshold"]) == ("spm", "talairach", 3.1)
    assert (dataset["design"], dataset["modality"], dataset["metric"]) == ("two_sample", "vbm", "VBM")
    assert [(peak["x_reported"], peak["statistic"], peak["sign"]) for peak in dataset["peaks"]] == [
        (-38, 4.5, 1), (44, None, -1),
    ]  # fmt: skip
    assert (zhang["datasets"][0]["peaks_state"], zhang["datasets"][0]["design"]) == ("no_peaks", "one_sample")


def test_lines_and_files_of_a_folder_that_cannot_be_read_are_named_with_their_row():
    told = [(problem.row, problem.message) for problem in read_studies(SDM, tools()).problems]
    assert (3, "Cao.spm_tal.txt: “1,2” is not read.") in told
    assert (None, "Li.other_mni.txt belongs to no study of sdm_table.txt and is not read.") in told


def test_a_folder_without_a_known_column_says_which():
    told = read_studies({"sdm_table.txt": b"name\tn\n", "a.spm_mni.txt": b""}, tools())
    assert "has no column study or n1" in told.errors[0].message


def test_a_sleuth_text_gives_experiments_and_says_what_it_lacks():
    reading = read_studies({"pain.txt": SLEUTH.encode("utf-16")}, tools())
    cao, zhang = reading.studies
    assert (cao["label"], cao["datasets"][0]["space"]) == ("Cao 2017: pain > rest", "talairach")
    assert cao["cohorts"][0]["groups"][0]["n"] == 18
    assert [peak["x_reported"] for peak in zhang["datasets"][0]["peaks"]] == [1]
    told = [(problem.row, problem.message) for problem in reading.problems]
    assert (8, "“oops” is no number of subjects.") in told
    assert (10, "“nothing here” is no coordinate and is not read.") in told
    assert any("every peak is taken as positive" in message for _row, message in told)


def test_a_studyset_of_others_gives_points_values_and_sample_sizes():
    studyset = {"id": "1", "name": "Pain", "studies": [{"id": "s", "name": "Cao", "analyses": [
        {"id": "a", "name": "pain", "metadata": {"sample_sizes": [18]}, "points": [
            {"coordinates": [-38, 12, -4], "space": "MNI", "values": [{"kind": "Z", "value": -3.3}]},
            {"coordinates": [1, 2], "space": "MNI"},
        ]},
        {"id": "b", "name": "rest", "points": [{"coordinates": [1, 2, 3], "space": "TAL", "values": []}]},
    ]}]}  # fmt: skip
    reading = read_studies({"studyset.json": json.dumps(studyset).encode()}, tools())
    assert [study["label"] for study in reading.studies] == ["Cao"]
    first, second = reading.studies[0]["datasets"]
    assert (first["label"], first["peaks"][0]["statistic_kind"], first["peaks"][0]["sign"]) == ("pain", "z", -1)
    assert second["space"] == "talairach"
    assert "a: point 2 has no three coordinates." in [problem.message for problem in reading.problems]


def bomb():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sdm_table.txt", b"0" * (opening.LARGEST_UNPACKED + 1))
    return content.getvalue()


REFUSED = [
    ("empty.json", b"", "empty.json is empty."),
    ("blank.txt", b"  \n\n", "blank.txt is empty."),
    ("page.csv", b"<!DOCTYPE html><html>sign in</html>", "page.csv is a web page, not a table."),
    ("cut.zip", packed(SDM)[:200], "cut.zip is a damaged ZIP or XLSX file."),
    ("bomb.zip", bomb(), "bomb.zip would unpack to 60 MB in 1 files."),
    ("old.xls", b"\xd0\xcf\x11\xe0 old", "old.xls is an old Excel, a PDF or a packed file."),
    ("cut.json", b'{"format": "concord-agreed-dataset/2", "stu', "cut.json is no whole JSON at line 1."),
    ("other.json", b'{"a": 1}', "other.json is JSON of no known format."),
    ("list.json", b"[1, 2]", "list.json is JSON of no known format."),
    ("words.txt", b"some words", "words.txt is a text of no known format."),
    ("some.zip", packed({"a.csv": b"x", "b.csv": b"y"}), "some.zip is of no known format."),
    ("nothing.zip", packed({}), "nothing.zip"),
]


# Named by the file: the bytes of a ZIP hold the time, so that each process of a test run would name its test otherwise.
@pytest.mark.parametrize(("name", "content", "words"), REFUSED, ids=[name for name, *_rest in REFUSED])
def test_what_cannot_be_used_is_refused_with_its_name(name, content, words):
    assert words in refusal({name: content})


def test_a_damaged_file_inside_a_zip_is_named():
    whole = bytearray(packed({"sdm_table.txt": TABLE.encode() * 50}))
    whole[60:70] = b"\x00" * 10
    with pytest.raises(UnreadableError, match=r"upload\.zip: is damaged at sdm_table\.txt"):
        unpacked("upload.zip", bytes(whole))


def test_folders_inside_a_zip_and_files_of_a_mac_do_not_matter():
    assert set(unpacked("a.zip", packed({"in/sdm_table.txt": b"x", "__MACOSX/._a": b"y", ".DS_Store": b"z"}))) == {
        "sdm_table.txt"
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_texts_are_read_in_the_encodings_that_arrive(encoding):
    assert text_of("a.txt", "左 insula, 12".encode(encoding)) == "左 insula, 12"
    assert kind_of_file("a.txt", "左 insula".encode(encoding)) == "text"


def test_records_that_do_not_fit_are_told_and_the_rest_is_kept():
    content = {"format": "concord-agreed-dataset/2", "reports": [], "studies": [
        {"label": ""}, 7,
        {"label": "Cao", "year": "x",
         "cohorts": [{"label": "c", "groups": [{"key": "g", "kind": "sample", "n": 12.5}]}],
         "datasets": [{"label": "d", "group_a": "g", "peaks": [{"x": "far"}]}, {"label": "e", "group_a": "none"}]},
        {"label": "Cao"},
    ]}  # fmt: skip
    reading = read_studies({"a.json": json.dumps(content).encode()}, tools())
    assert [study["label"] for study in reading.studies] == ["Cao"]
    assert len(reading.studies[0]["datasets"]) == 1
    text = " ".join(problem.message for problem in reading.errors)
    for words in ("has no label", "Cao: year “x” is not a number", "n “12.5” is not a whole number",
                  "Cao, d, peak 1: x",
                  "Cao, e: its label or one of its groups is missing", "Cao is in the file twice"):  # fmt: skip
        assert words in text


def test_peaks_come_from_a_table_with_any_header_that_names_x_y_z():
    table = "Table 2\nRegion,BA,X (mm),Y (mm),Z (mm),t-value,Voxels,Foo\nL insula,13,-38,12,-4,4.52,120,1\n,,,,,,,\n"
    reading = read_peaks({"t.csv": table.encode()}, tools())
    assert reading.sets[0].rows == (
        {"label": "L insula", "brodmann": "13", "x": "-38", "y": "12", "z": "-4", "statistic": "4.52", "kind": "t",
         "cluster_size": "120"},
    )  # fmt: skip
    assert "Not used: the column Foo." in [problem.message for problem in reading.problems]


def test_peaks_come_from_an_sdm_file_and_bad_lines_are_named():
    reading = read_peaks({"Cao.spm_mni.txt": b"-38,12,-4,4.5\n44,8,2,n\noops\n"}, tools())
    assert reading.sets[0].rows == (
        {"x": "-38", "y": "12", "z": "-4", "statistic": "4.5", "kind": "t"},
        {"x": "44", "y": "8", "z": "2", "kind": "none", "sign": "-"},
    )
    assert reading.problems[0].row == 3


def test_bad_cells_of_a_table_are_kept_as_text():
    reading = read_peaks({"t.csv": b"x;y;z;t\n-38;12;-4;<0.001\n"}, tools())
    assert reading.sets[0].rows[0]["statistic"] == "<0.001"


def test_a_file_of_many_datasets_offers_each_of_them():
    assert [(part.name, len(part.rows), part.is_silent) for part in read_peaks(SDM, tools()).sets] == [
        ("Cao: not stated", 2, False), ("Zhang: not stated", 0, True),
    ]  # fmt: skip


def test_a_table_without_coordinates_is_refused():
    with pytest.raises(UnreadableError, match="holds no peaks"):
        read_peaks({"t.csv": b"a,b\n1,2\n"}, tools())


@pytest.mark.reference
@pytest.mark.skipif(not REFERENCE.is_dir(), reason="The reference data is not beside the project.")
@pytest.mark.parametrize(
    ("folder", "studies", "peaks"), [("sdm_folder_all_names", 128, 1766), ("sdm_psi_run/inputs", 50, 687)]
)
def test_folders_of_published_runs_are_read_whole(folder, studies, peaks):
    found = [path for path in (REFERENCE / folder).rglob("*.txt") if path.is_file()]
    reading = read_studies({path.name: path.read_bytes() for path in found}, tools())
    assert len(reading.studies) == studies
    assert sum(len(item["datasets"][0]["peaks"]) for item in reading.studies) == peaks
    assert reading.errors == ()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_words(content):
    with contextlib.suppress(UnreadableError):
        assert read_studies({"upload": content}, tools()).format


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=20))
def test_guarding_a_text_against_formulas_loses_nothing(text):
    assert unguarded(str(guarded(text))) == text


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=80), st.sampled_from(["peaks", "no_peaks"])), max_size=12))
def test_sdm_names_are_unlike_each_other_ascii_and_short(keys):
    unlike = {key: {"key": key, "peaks_state": state} for key, state in keys}
    names = sdm.ascii_names(unlike.values())
    assert len({name.lower() for name in names.values()}) == len(unlike)
    for key, name in names.items():
        assert name.isascii()
        assert 0 < len(name) < 80
        assert unlike[key]["peaks_state"] == "peaks" or not any(sign.isdigit() for sign in name)
