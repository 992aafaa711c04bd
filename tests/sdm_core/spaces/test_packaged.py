"""The shipped files are the ones that were built, and everyone can see from what."""

import hashlib
from pathlib import Path

import nibabel as nib
import numpy as np

from sdm_core.spaces import packaged

ROOT = Path(__file__).parents[3]


def test_every_shipped_file_has_the_recorded_sha256():
    outputs = packaged.sources()["outputs"]
    shipped = [*(ROOT / "sdm_core/spaces/data").iterdir(), *(ROOT / "static/brain").iterdir()]
    documents = {"sources.json", "README.md"}
    assert {path.relative_to(ROOT).as_posix() for path in shipped if path.name not in documents} == set(outputs)
    for name, recorded in outputs.items():
        assert hashlib.sha256((ROOT / name).read_bytes()).hexdigest() == recorded, name


def test_every_input_has_a_source_a_licence_and_a_sha256():
    for name, entry in packaged.sources()["inputs"].items():
        assert all(entry[key] for key in ("source", "licence", "reference")), name
        assert len(entry["sha256"]) == 64


def test_tissue_maps_are_small_and_share_a_voxel():
    tissue = packaged.arrays("tissue")
    assert {array.dtype for array in tissue.values()} == {np.dtype(np.uint8)}
    total = tissue["gray"].astype(int) + tissue["white"]
    assert 255 * 0.9 < np.percentile(total[total > 0], 90) <= 255 * 1.02


def test_the_background_is_small_and_has_the_brain_where_the_masks_have_it():
    path = ROOT / "static/brain/t1.nii.gz"
    image = nib.load(path)
    assert path.stat().st_size < 2.5e6
    assert image.get_data_dtype() == np.uint8
    centre = (np.argwhere(np.asarray(image.dataobj) > 0) @ image.affine[:3, :3].T + image.affine[:3, 3]).mean(axis=0)
    np.testing.assert_allclose(centre, [0, -20, 8], atol=6)
