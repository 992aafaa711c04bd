"""Maps of single studies: what their files say, what is refused, and how."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdm_core.errors import InputError
from sdm_core.io import check_sdm_folder, inspect_sdm_folder, read_sdm_folder, study_lines, write_sdm_folder
from sdm_core.io.images import ImageName, image_name, read_image
from sdm_core.spaces import SHAPE, load_mask, mni_to_talairach, voxel_to_mm
from sdm_core.studies import StudyImage, StudyTable

SHARED = Path(__file__).parents[4] / "shared/data"
COARSE = (21, 25, 21)
AFFINE = np.array([[-9.0, 0, 0, 90], [0, 9, 0, -126], [0, 0, 9, -72], [0, 0, 0, 1]])
NOISE = np.random.default_rng(8).normal(0.2, 1.2, COARSE).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    """Write a folder with a table of one study and files by name."""

    def write(files=None, table="study\tn1\na\t20\n"):
        (tmp_path / "sdm_table.txt").write_text(table)
        for name, content in (files or {}).items():
            (tmp_path / name).write_bytes(content)
        return tmp_path

    return write


def nifti(values=NOISE, affine=AFFINE, code=4, intent=("t test", (19,)), description=b"", dtype=None):
    """The bytes of a .nii.gz file (simulated noise)."""
    image = nib.Nifti1Image(values if dtype is None else values.astype(dtype), affine)
    image.header.set_intent(*intent)
    image.header["descrip"] = description
    for set_form in (image.set_sform, image.set_qform):
        set_form(affine, code=code)
    return gzip.compress(image.to_bytes(), mtime=0)


def messages(path):
    return [str(problem) for problem in check_sdm_folder(path)]


def image_of(path):
    return read_sdm_folder(path)[0].images[0]


NONE = ("none", ())


@pytest.mark.parametrize(
    ("name", "options", "statistic", "df", "n_warnings"),
    [
        ("a.nii.gz", {}, "t", 19, 0),
        ("a.t.nii.gz", {}, "t", 19, 0),
        ("a.t.nii.gz", {"intent": NONE}, "t", None, 1),
        ("a.nii.gz", {"intent": NONE, "description": b"SPM{T_[19.0]} - contrast 1: pain"}, "t", 19, 0),
        ("a.nii.gz", {"intent": ("z score", ())}, "z", None, 0),
        ("a.z.nii.gz", {"intent": NONE}, "z", None, 0),
        ("a.g.nii.gz", {"intent": NONE}, "g", None, 0),
        ("a.g.nii.gz", {"intent": ("estimate", ())}, "g", None, 0),
        ("a.t_mni.nii.gz", {"code": 2}, "t", 19, 0),
        ("a.T_MNI.NII.GZ", {"code": 1}, "t", 19, 0),
        ("a.t_spm_tal.nii.gz", {"code": 3}, "t", 19, 0),
        ("a.nii.gz", {"code": 3}, "t", 19, 1),
        ("a.nii.gz", {"values": NOISE[..., None]}, "t", 19, 0),
    ],
    ids=str,
)
def test_what_a_map_is_comes_from_its_header_and_its_name(folder, name, options, statistic, df, n_warnings):
    studies, peaks, warnings, inputs = read_sdm_folder(folder({name: nifti(**options)}))
    image = studies.images[0]
    assert (image.statistic, image.df, len(peaks)) == (statistic, df, 0)
    assert len(warnings) == n_warnings
    assert set(inputs) == {"sdm_table.txt", name}


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        (
            "a.nii.gz",
            {"code": 2},
            "is not in MNI space by its header (aligned with another image, xform code 2). If it",
        ),
        ("a.nii.gz", {"code": 1}, "is not in MNI space by its header (scanner coordinates, xform code 1). If it"),
        ("a.t_mni.nii.gz", {"code": 0}, "has no orientation (sform and qform code 0). Write the affine"),
        ("a.t_tal.nii.gz", {}, "is in mni space by its header and in tal space by its name. Correct one"),
        ("a.nii.gz", {"intent": NONE}, "does not say whether its values are t, z or g. Set the intent"),
        ("a.nii.gz", {"intent": ("f test", (2, 17))}, "holds f test by its header (intent code 4). Give the map of t"),
        ("a.nii.gz", {"intent": ("p value", ())}, "holds p value by its header (intent code 22). Give the map of t"),
        ("a.nii.gz", {"intent": ("estimate", ())}, "holds estimate by its header (intent code 1001). Give the map of"),
        ("a.z.nii.gz", {}, "holds t by its header and z by its name. Correct one"),
        ("a.nii.gz", {"values": np.stack([NOISE] * 3, -1)}, "has 21 x 25 x 21 x 3 voxels. Give one map with three"),
        ("a.nii.gz", {"values": NOISE[0]}, "has 25 x 21 voxels. Give one map with three dimensions"),
        ("a.nii.gz", {"values": NOISE * np.nan}, "has no value: every voxel is NaN or 0. Give the map"),
        ("a.nii.gz", {"values": NOISE * 0}, "has no value: every voxel is NaN or 0. Give the map"),
        (
            "a.nii.gz",
            {"values": NOISE * 0 + 1},
            "has the value 1 everywhere. Give the map of the statistic, not a mask",
        ),
        ("a.nii.gz", {"values": 1 / (1 + np.exp(NOISE))}, "as p has. Give the map of t"),
        ("a.nii.gz", {"values": np.where(abs(NOISE) > 2, NOISE, 0)}, "it was thresholded. Give the whole map, or the"),
        (
            "a.nii.gz",
            {"values": NOISE, "dtype": np.complex64},
            "holds values of the type complex64. Give a map of real",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_map_that_cannot_be_used_is_refused_with_file_and_mend(folder, name, options, expected):
    found = [m for m in messages(folder({name: nifti(**options)})) if m.startswith(f"error: file {name}: ")]
    assert len(found) == 1
    assert expected in found[0]


@pytest.mark.parametrize("damage", ["empty", "text", "cut off", "wrong bytes", "header alone"])
def test_a_damaged_map_is_named(folder, damage):
    whole = nifti()
    wrong = bytearray(whole)
    wrong[len(whole) // 2 : len(whole) // 2 + 64] = b"\xff" * 64
    header = gzip.compress(gzip.decompress(whole)[:400])
    content = {"empty": b"", "text": b"1,2,3", "cut off": whole[:-2000], "wrong bytes": wrong, "header alone": header}
    told = messages(folder({"a.nii.gz": bytes(content[damage])}))
    assert any(m.startswith("error: file a.nii.gz: cannot be read (") and "Give a whole NIfTI" in m for m in told)


def test_a_map_that_claims_terabytes_is_refused_before_it_is_loaded(folder):
    header = bytearray(gzip.decompress(nifti())[:400])
    header[42:48] = np.array([32767] * 3, np.int16).tobytes()  # dim[1..3] of the NIfTI-1 header
    told = messages(folder({"a.nii.gz": gzip.compress(bytes(header))}))
    assert any("has 32767 x 32767 x 32767 voxels by its header. Give a map of 1 to 100,000,000" in m for m in told)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            "study\tn1\na\t25\n",
            "study a, map: has 19 degrees of freedom, where n1 = 25 give 24 (one_sample). Correct n1",
        ),
        ("study\tn1\tn2\na\t10\t12\n", "n1 = 10 and n2 = 12 give 20 (two_sample). Correct n1, n2 or the design; write"),
        ("study\tn1\tdesign\na\t20\tcorrelation\n", "where n1 = 20 give 18 (correlation). Correct n1"),
        ("study\tn1\tnuisance\na\t23\t2\n", "has 19 degrees of freedom, where n1 = 23 give 20 (one_sample)"),
        ("study\tn1\tnuisance\na\t22\tage\n", 'study a, nuisance: "age" is not a number'),
    ],
)
def test_degrees_of_freedom_that_do_not_fit_the_people_are_refused(folder, table, expected):
    assert any(expected in message for message in messages(folder({"a.nii.gz": nifti()}, table)))


@pytest.mark.parametrize(
    "table",
    [
        "study\tn1\tdesign\na\t20\tpaired\n",
        "study\tn1\tn2\na\t10\t11\n",
        "study\tn1\tdesign\na\t21\tcorrelation\n",
        "study\tn1\tn2\tnuisance\na\t12\t11\t2\n",
    ],
)
def test_degrees_of_freedom_that_fit_the_people_are_taken(folder, table):
    assert messages(folder({"a.nii.gz": nifti()}, table)) == []


def test_a_map_of_g_is_not_one_of_a_correlation(folder):
    table = "study\tn1\tdesign\na\t21\tcorrelation\n"
    told = messages(folder({"a.g.nii.gz": nifti(intent=NONE)}, table))
    assert told == ["error: study a, map: holds g, and the design is a correlation. Give the map as t or z."]


@pytest.mark.parametrize(("factor", "level"), [(7, "warning"), (200, "error")])
def test_effects_that_nobody_would_believe_are_told(folder, factor, level):
    told = messages(folder({"a.nii.gz": nifti(NOISE * factor)}))
    assert len(told) == 1
    assert told[0].startswith(f"{level}: study a, map: has effects of up to ")


def test_z_of_a_few_people_that_no_t_can_reach_is_refused(folder):
    values = NOISE.copy()
    values[10, 12, 10] = 36
    told = messages(folder({"a.z.nii.gz": nifti(values, intent=NONE)}, "study\tn1\na\t5\n"))
    assert any(m.startswith("error: study a, map: has effects of up to ") for m in told)


def test_infinite_values_are_missing_and_counted(folder):
    values = NOISE.copy()
    values[5, 5, 5:8] = np.inf, -np.inf, np.nan
    path = folder({"a.nii.gz": nifti(values)})
    assert [m.split(".nii.gz: ")[1] for m in messages(path)] == [
        "has 2 infinite values, which count as missing. Check how the map was made."
    ]
    assert not np.isinf(image_of(path).values).any()


def test_a_map_beside_the_brain_is_refused_and_a_part_of_it_doubted(folder):
    far, part = AFFINE.copy(), NOISE.copy()
    far[:3, 3] += 500
    assert any(
        "has no value inside the brain of MNI space" in m for m in messages(folder({"a.nii.gz": nifti(affine=far)}))
    )
    part[:15] = 0
    (told,) = messages(folder({"a.nii.gz": nifti(part)}))
    assert told.startswith("warning: file a.nii.gz: holds ")
    assert "% of the brain" in told


def test_values_lie_where_the_affine_says_whatever_the_orientation(folder):
    """A right hemisphere that is positive stays on the right in every storage order."""
    right = (np.where(np.arange(COARSE[0]) < 10, 3.0, -3.0)[:, None, None] + NOISE).astype(np.float32)
    images = []
    for flip in ([-1, 1, 1], [1, -1, 1], [-1, -1, -1]):
        flipped = right[:: flip[0], :: flip[1], :: flip[2]]
        affine = AFFINE @ np.diag([*flip, 1])
        affine[:3, 3] += AFFINE[:3, :3] @ [(size - 1) * (sign < 0) for size, sign in zip(COARSE, flip, strict=True)]
        images.append(image_of(folder({"a.nii.gz": nifti(np.ascontiguousarray(flipped), affine)})).values)
    plain = image_of(folder({"a.nii.gz": nifti(right)})).values
    brain = load_mask("brain").voxels
    assert plain[:40][brain[:40]].mean() > 2  # the grid's first voxels are on the right, x > 0
    assert plain[51:][brain[51:]].mean() < -2
    for image in images:
        np.testing.assert_allclose(image, plain, atol=1e-5)


def test_a_talairach_map_moves_as_its_peaks_do(folder):
    image = image_of(folder({"a.t_fsl_tal.nii.gz": nifti(code=3)}))
    indices = np.stack(np.meshgrid(*map(np.arange, COARSE), indexing="ij"), -1)
    ramp = (indices @ AFFINE[:3, :3].T + AFFINE[:3, 3]) @ [0.02, 0.01, 0.03]
    (folder() / "a.t_fsl_tal.nii.gz").write_bytes(nifti(ramp.astype(np.float32), code=3))
    image = image_of(folder())
    ijk = np.array([[40, 60, 40], [30, 50, 30], [60, 40, 50]])
    expected = mni_to_talairach(voxel_to_mm(ijk), "fsl") @ [0.02, 0.01, 0.03]
    np.testing.assert_allclose(image.values[tuple(ijk.T)], expected, atol=1e-3)


def test_integer_maps_are_scaled_as_their_header_says(folder):
    scaled = nib.Nifti1Image(np.round(NOISE * 1000).astype(np.int16), AFFINE)
    scaled.header.set_slope_inter(0.001, 0)
    scaled.header.set_intent("t test", (19,))
    scaled.set_sform(AFFINE, code=4)
    (folder() / "a.nii").write_bytes(scaled.to_bytes())
    found, plain = image_of(folder()), read_image_of(folder(), nifti(np.round(NOISE * 1000) / 1000))
    np.testing.assert_allclose(found.values, plain.values, atol=1e-5)


def read_image_of(path, content):
    (path / "plain.nii.gz").write_bytes(content)
    return read_image(path / "plain.nii.gz", ImageName("plain"))[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.nii", ImageName("a")),
        ("a.b.nii.gz", ImageName("a.b")),
        ("a.b.t.nii.gz", ImageName("a.b", "t")),
        ("a.t.nii.gz", ImageName("a.t")),
        ("a.z.nii.gz", ImageName("a", "z")),
        ("a.g_other_tal.nii.gz", ImageName("a", "g", "other", "tal")),
        ("a.beta.nii.gz", None),
        ("b.nii.gz", None),
        ("a.nii.txt", None),
    ],
)
def test_names_of_maps_are_taken_apart(name, expected):
    assert image_name(name, ["a", "a.b", "a.t"]) == expected


def test_check_tells_what_it_understood_of_every_study(folder):
    table = (
        "study\tn1\tn2\tdesign\tt_thr\tthreshold\na\t20\t\tpaired\t\t\nb\t20\t21\t\t3.2\tcorrected\n"
        "c\t30\t\tcorrelation\t3.1\t\nd\t12\t\t\t\t\n"
    )
    peaks = {"b.spm_mni.txt": b"-40,20,-4,4.5\n30,24,2,p\n", "c.no_peaks.txt": b"", "d.fsl_mni.txt": b"30,24,2,4.25\n"}
    studies, table_of_peaks, problems = inspect_sdm_folder(folder({"a.nii.gz": nifti(), **peaks}, table))
    assert list(study_lines(studies, table_of_peaks)) == [
        "a: one sample or paired, n 20, df 19; map of t; no threshold",
        "b: two samples, n 20 + 21, df 39; 2 peaks, 1 of them by sign only; threshold t 3.200 corrected",
        "c: correlation, n 30, df 28; no peaks; threshold t 3.100",
        "d: one sample or paired, n 12, df 11; 1 peak; threshold t 4.250 (assumed)",
    ]
    assert [problem.study for problem in problems] == ["d"]


def test_a_folder_with_maps_is_written_and_read_back(folder, tmp_path):
    table = "study\tn1\tn2\tt_thr\tnuisance\na\t12\t11\t\t2\n"
    files = {"a.nii.gz": nifti()}
    studies, peaks, _, _ = read_sdm_folder(folder(files, table))
    write_sdm_folder(tmp_path / "again", studies, peaks)
    again, _, warnings, _ = read_sdm_folder(tmp_path / "again")
    assert warnings == []
    for one, other in zip(studies.images, again.images, strict=True):
        assert (one.statistic, one.df) == (other.statistic, other.df)
        np.testing.assert_array_equal(one.values, other.values)


def test_peaks_and_a_map_of_one_study_are_refused():
    image = StudyImage("t", np.ones(SHAPE), 19)
    with pytest.raises(InputError, match="study a, map: has 19 degrees of freedom"):
        StudyTable.from_rows([{"study": "a", "n1": 30}], {"a": image})


@pytest.mark.skipif(not SHARED.is_dir(), reason="reference data is not here")
def test_real_maps_are_read_from_another_grid(tmp_path):
    source = SHARED / "subject_images" / "group30_t.nii.gz"
    (tmp_path / "wager.t_mni.nii.gz").write_bytes(source.read_bytes())
    (tmp_path / "sdm_table.txt").write_text("study\tn1\tt_thr\nwager\t30\t3.3962\n")
    image = image_of(tmp_path)
    assert np.nanmax(image.values) == pytest.approx(7.2547, abs=1.0)
    assert np.isfinite(load_mask("gray_matter").take(image.values)).mean() > 0.9


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 347), byte=st.integers(0, 255), cut=st.integers(1, 400))
def test_no_wrong_byte_of_a_header_does_more_than_refuse_the_map(tmp_path, place, byte, cut):
    content = bytearray(gzip.decompress(nifti(NOISE[:6, :6, :6])))
    content[place] = byte
    for damaged in (bytes(content), bytes(content[:cut])):
        (tmp_path / "a.nii").write_bytes(damaged)
        image, problems = read_image(tmp_path / "a.nii", ImageName("a"))
        assert (image is None) == any(problem.level == "error" for problem in problems)
        assert image is None or not np.isinf(image.values).any()
