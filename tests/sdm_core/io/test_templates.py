"""Templates measured on images: simulated subjects with a known covariance, and folders that cannot be used."""

import json

import nibabel as nib
import numpy as np
import pytest

from sdm_core.__main__ import main
from sdm_core.errors import InputError
from sdm_core.io import build_template, read_template, write_template
from sdm_core.spaces import AFFINE, NEIGHBOUR_OFFSETS, SHAPE, Mask, template_on
from sdm_core.spaces.measured import NeighbourSums

BOX = (slice(40, 48), slice(40, 46), slice(40, 45))
RHO = 0.9


def box_mask(box=BOX):
    volume = np.zeros(SHAPE, dtype=bool)
    volume[box] = True
    return Mask.from_volume(volume, "box")


def simulated_subject(rng):
    """A field whose neighbours along each axis have the correlation RHO, times 2, plus 5; 0 outside the box."""
    field = rng.standard_normal([axis.stop - axis.start for axis in BOX])
    for axis in range(3):
        moved = np.moveaxis(field, axis, 0)
        for i in range(1, len(moved)):
            moved[i] = RHO * moved[i - 1] + np.sqrt(1 - RHO**2) * moved[i]
    volume = np.zeros(SHAPE, dtype=np.float32)
    volume[BOX] = 5 + 2 * field
    return volume


def write(path, volume, affine=AFFINE, code="mni"):
    image = nib.Nifti1Image(volume, affine)
    image.set_sform(affine, code=code)
    nib.save(image, path)


@pytest.fixture
def subjects(tmp_path):
    rng = np.random.default_rng(3)
    for i in range(20):
        write(tmp_path / f"s{i:02}.nii", simulated_subject(rng))
    return tmp_path


def test_simulated_subjects_give_back_their_covariance():
    rng, mask = np.random.default_rng(1), box_mask()
    sums = NeighbourSums(mask)
    for _ in range(600):
        sums.add(mask.take(simulated_subject(rng)))
    same, rho = sums.correlations(np.ones(mask.size, dtype=bool))
    assert same.sha256 == mask.sha256
    for offset, row in zip(NEIGHBOUR_OFFSETS, rho, strict=True):
        expected = RHO ** np.abs(offset).sum()
        assert np.nanmean(row) == pytest.approx(expected, abs=4 * (1 - expected**2) / np.sqrt(600))


def test_the_correlations_are_those_of_numpy(subjects):
    template, mask = build_template(subjects, box_mask(), "mine"), box_mask()
    values = np.array([mask.take(np.asarray(nib.load(path).dataobj)) for path in sorted(subjects.glob("*.nii"))])
    for direction in (0, 4, 12):
        there = mask.indices + NEIGHBOUR_OFFSETS[direction]
        for i in range(0, mask.size, 17):
            j = mask.index_volume[tuple(there[i])]
            if j < 0:
                assert np.isnan(template.correlations[direction, i])
            else:
                expected = np.clip(np.corrcoef(values[:, i], values[:, j])[0, 1], 0.5, 0.9999)
                assert template.correlations[direction, i] == pytest.approx(expected, abs=1e-6)


def test_a_file_gives_the_template_back_with_what_it_was_made_of(subjects, tmp_path):
    template = build_template(subjects, box_mask(), "mine", smoothed_mm=6)
    path = tmp_path / "mine.npz"
    write_template(template, path)
    again = read_template(path)
    np.testing.assert_allclose(1 - again.correlations, 1 - template.correlations, rtol=1e-3)
    assert again.mask.sha256 == template.mask.sha256
    assert again.origin["subjects"] == 20
    assert again.origin["smoothing_before_mm"] == 6
    assert len(again.origin["inputs_sha256"]) == 20
    assert len(again.origin["file_sha256"]) == 64
    json.dumps(again.origin)


def test_maps_of_another_grid_are_resampled(tmp_path):
    rng = np.random.default_rng(5)
    for i in range(20):
        write(tmp_path / f"{i}.nii", simulated_subject(rng)[30:60, 30:60, 30:60], shifted())
    template = build_template(tmp_path, box_mask(), "mine")
    assert template.mask.size == box_mask().size
    assert np.nanmean(template.correlations[0]) == pytest.approx(RHO, abs=0.05)


def shifted():
    affine = AFFINE.copy()
    affine[:3, 3] = (AFFINE @ [30, 30, 30, 1])[:3]
    return affine


def test_a_file_of_four_dimensions_holds_many_subjects(tmp_path):
    rng = np.random.default_rng(6)
    cropped = [simulated_subject(rng)[30:60, 30:60, 30:60] for _ in range(20)]
    write(tmp_path / "all.nii.gz", np.stack(cropped, axis=-1), shifted())
    assert build_template(tmp_path, box_mask(), "mine").origin["subjects"] == 20


def test_smoothing_raises_the_correlations(subjects):
    plain, smooth = (build_template(subjects, box_mask(), "mine", smoothing_mm=mm) for mm in (0, 8))
    assert np.nanmean(smooth.correlations) > np.nanmean(plain.correlations)
    assert smooth.origin["smoothing_applied_mm"] == 8


def test_voxels_that_do_not_vary_or_have_no_number_are_left_out(subjects):
    for path in subjects.glob("*.nii"):
        volume = np.array(nib.load(path).dataobj)
        volume[40, 40, 40] = 7
        volume[41, 41, 41] = np.nan if path.name == "s03.nii" else 1
        write(path, volume)
    template = build_template(subjects, box_mask(), "mine")
    assert template.origin["voxels_left_out"] == 2
    assert not template.mask.voxels[40, 40, 40]
    assert not template.mask.voxels[41, 41, 41]
    assert np.isfinite(template.correlations).any(axis=0).sum() > template.mask.size / 2


def spoil_few(folder):
    (folder / "s19.nii").unlink()


def spoil_twice(folder):
    (folder / "s19.nii").write_bytes((folder / "s02.nii").read_bytes())


def spoil_space(folder):
    write(folder / "s19.nii", np.ones((91, 109, 91), np.float32), np.diag([3.0, 3, 3, 1]))


def spoil_talairach(folder):
    write(folder / "s19.nii", np.array(nib.load(folder / "s19.nii").dataobj), code="talairach")


def spoil_constant(folder):
    for i in range(20):
        write(
            folder / f"s{i:02}.nii", np.full(SHAPE, 1 + i / 1e9, np.float32) * (1 + (np.arange(91) == i)[:, None, None])
        )


def spoil_file(folder):
    (folder / "s19.nii").write_bytes(b"not a map")


def spoil_missing(folder):
    write(folder / "s19.nii", np.full(SHAPE, np.nan, np.float32))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_few, "has 19 subjects.*at least 20"),
        (spoil_twice, "s19.nii.*is the same as s02.nii"),
        (spoil_space, "s19.nii.*another grid"),
        (spoil_talairach, "s19.nii.*Talairach"),
        (spoil_constant, "varies across subjects at only 0"),
        (spoil_file, "s19.nii.*cannot be read"),
        (spoil_missing, "s19.nii.*has no number at 100%"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_with_the_reason(subjects, spoil, words):
    spoil(subjects)
    with pytest.raises(InputError, match=words):
        build_template(subjects, box_mask(), "mine")


def test_a_template_is_cut_to_a_smaller_mask_and_refuses_a_larger_one(subjects):
    template = build_template(subjects, box_mask(), "mine")
    smaller = template_on(template, box_mask((slice(41, 44), slice(40, 46), slice(40, 45))))
    here, there = smaller.mask.index_volume[42, 42, 42], template.mask.index_volume[42, 42, 42]
    np.testing.assert_array_equal(smaller.correlations[:, here], template.correlations[:, there])
    rim = smaller.mask.index_volume[43, 42, 42]
    assert np.isnan(smaller.correlations[0, rim])
    with pytest.raises(InputError, match=r"has no correlations at 60 of the 300 voxels.*template build --mask"):
        template_on(template, box_mask((slice(40, 50), slice(40, 46), slice(40, 45))))


def test_the_command_builds_and_a_run_takes_it_and_says_so(subjects, tmp_path, capsys):
    mask, file = tmp_path / "box.nii.gz", tmp_path / "mine.npz"
    maps = tmp_path / "maps"
    maps.mkdir()
    for path in subjects.glob("*.nii"):
        path.rename(maps / path.name)
    write(mask, box_mask().voxels.astype(np.float32))
    assert main(["template", "build", str(maps), "--out", str(file), "--mask", str(mask)]) == 0
    assert "20 subjects, 240 voxels, 0 without" in capsys.readouterr().out
    assert main(["template", "build", str(maps), "--out", str(file)]) == 2
    assert "is there already" in capsys.readouterr().err
    folder = tmp_path / "inputs"
    folder.mkdir()
    (folder / "sdm_table.txt").write_text("study\tn1\tt_thr\na\t20\t3\nb\t20\t3\n")
    for name in "ab":
        (folder / f"{name}.other_mni.txt").write_text("4,-38,18,4.5\n")
    out = tmp_path / "out"
    run = ["run", str(folder), "--out", str(out), "--template", str(file), "--imputations", "2"]
    assert main(run) == 0
    document = json.loads((out / "run.json").read_text())
    assert document["template"]["name"] == document["specification"]["template"] == "mine.npz"
    assert document["template"]["subjects"] == 20
    assert document["template"]["file_sha256"] == read_template(file).origin["file_sha256"]
    assert document["mask"]["voxels"] == 240
    assert document["mask"]["sha256"] == box_mask().sha256


def test_a_file_that_is_no_template_is_refused(tmp_path):
    (tmp_path / "mine.npz").write_bytes(b"x")
    for name in ("mine.npz", "none.npz"):
        with pytest.raises(InputError, match="template build"):
            read_template(tmp_path / name)
