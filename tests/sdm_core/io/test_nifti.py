"""Maps on the grid."""

import gzip

import nibabel as nib
import numpy as np
import pytest

from sdm_core.errors import InputError
from sdm_core.io import read_map, read_mask, write_map
from sdm_core.io.nifti import read_grid_map
from sdm_core.spaces import AFFINE, SHAPE, load_mask


@pytest.fixture
def volume():
    return np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)


def test_a_map_reads_back_to_the_same_numbers_and_place(tmp_path, volume):
    write_map(tmp_path / "z.nii.gz", volume, "pooled z")
    values, affine = read_map(tmp_path / "z.nii.gz")
    np.testing.assert_array_equal(values, volume)
    np.testing.assert_array_equal(affine, AFFINE)
    header = nib.load(tmp_path / "z.nii.gz").header
    assert header.get_data_dtype() == np.float32
    assert (int(header["sform_code"]), int(header["qform_code"])) == (4, 4)
    assert header["descrip"].item() == b"pooled z"


def test_the_same_numbers_give_the_same_bytes(tmp_path, volume):
    for name in ("one.nii.gz", "two.nii.gz"):
        write_map(tmp_path / name, volume)
    assert (tmp_path / "one.nii.gz").read_bytes() == (tmp_path / "two.nii.gz").read_bytes()


def test_small_p_values_survive(tmp_path):
    p = np.full(SHAPE, 1e-12)
    write_map(tmp_path / "p.nii.gz", p)
    np.testing.assert_allclose(read_map(tmp_path / "p.nii.gz")[0], 1e-12, rtol=1e-6)


def test_a_mask_is_where_a_map_is_above_0(tmp_path):
    write_map(tmp_path / "mask.nii.gz", load_mask("brain").voxels * 3.0)
    mask = read_mask(tmp_path / "mask.nii.gz")
    assert mask.sha256 == load_mask("brain").sha256
    assert mask.name == "mask.nii.gz"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"map absent\.nii\.gz: does not exist"):
        read_map(tmp_path / "absent.nii.gz")


@pytest.mark.parametrize("damage", ["text", "cut off", "empty"])
def test_a_damaged_file_is_named(damage, tmp_path, volume):
    path = tmp_path / "map.nii.gz"
    write_map(path, volume)
    whole = path.read_bytes()
    path.write_bytes({"text": b"not a map", "cut off": whole[: len(whole) // 2], "empty": b""}[damage])
    with pytest.raises(InputError, match=r"map map\.nii\.gz: cannot be read"):
        read_map(path)


def test_a_map_of_other_voxels_or_elsewhere_is_refused_with_the_mend(tmp_path, volume):
    other = AFFINE.copy()
    other[0, 3] = 92
    nib.save(nib.Nifti1Image(volume[:-1], AFFINE), tmp_path / "small.nii.gz")
    nib.save(nib.Nifti1Image(volume, other), tmp_path / "moved.nii.gz")
    with pytest.raises(InputError, match=r"has 90 x 109 x 91 voxels\. Resample it to 91 x 109 x 91 voxels"):
        read_grid_map(tmp_path / "small.nii.gz")
    with pytest.raises(InputError, match="lies elsewhere in space"):
        read_grid_map(tmp_path / "moved.nii.gz")


def test_maps_are_compressed(tmp_path):
    write_map(tmp_path / "g.nii.gz", np.zeros(SHAPE))
    assert len(gzip.decompress((tmp_path / "g.nii.gz").read_bytes())) == 352 + 4 * np.prod(SHAPE)
    assert (tmp_path / "g.nii.gz").stat().st_size < 10_000
