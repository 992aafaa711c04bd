"""Lower and upper maps of studies."""

from pathlib import Path

import numpy as np
import pytest

from sdm_core.errors import InputError
from sdm_core.io import read_bounds, read_mask, read_sdm_folder, write_bounds, write_map
from sdm_core.spaces import SHAPE, Mask, load_mask
from sdm_core.studies import BoundsMaps, StudyTable

RUN = Path(__file__).parents[4] / "shared/data/sdm_psi_run"


@pytest.fixture
def studies():
    return StudyTable.from_rows([{"study": name, "n1": 20, "t_thr": 3} for name in ("a", "b")])


@pytest.fixture
def bounds():
    box = np.zeros(SHAPE)
    box[40:44, 50:53, 30:32] = 1
    mask = Mask.from_volume(box, "box")
    lower = np.random.default_rng(1).uniform(-1, -0.5, (2, mask.size)).astype(np.float32)
    return BoundsMaps(("a", "b"), lower, -lower, mask)


def test_written_bounds_read_back_with_their_mask(tmp_path, studies, bounds):
    write_bounds(tmp_path / "bounds", bounds)
    back = read_bounds(tmp_path / "bounds", studies)
    assert back.names == ("a", "b")
    assert back.mask.sha256 == bounds.mask.sha256
    np.testing.assert_array_equal(back.lower, bounds.lower)
    np.testing.assert_array_equal(back.upper, bounds.upper)


def test_every_missing_map_is_named(tmp_path, studies, bounds):
    write_bounds(tmp_path, bounds)
    (tmp_path / "a_upper.nii.gz").unlink()
    (tmp_path / "b_lower.nii.gz").unlink()
    with pytest.raises(InputError) as caught:
        read_bounds(tmp_path, studies)
    assert [problem.place for problem in caught.value.problems] == ["map a_upper.nii.gz", "map b_lower.nii.gz"]


def test_bounds_out_of_order_or_not_finite_are_refused(tmp_path, studies, bounds):
    write_bounds(tmp_path, bounds)
    volume = bounds.mask.to_volume(bounds.lower[0])
    volume[tuple(bounds.mask.indices[0])] = 5
    write_map(tmp_path / "a_lower.nii.gz", volume)
    volume[tuple(bounds.mask.indices[1])] = np.nan
    write_map(tmp_path / "b_lower.nii.gz", volume)
    with pytest.raises(InputError) as caught:
        read_bounds(tmp_path, studies)
    assert [(problem.study, problem.message) for problem in caught.value.problems] == [
        ("a", "lower above upper at 1 voxels"),
        ("b", "not finite at 1 voxels"),
        ("b", "lower above upper at 1 voxels"),
    ]


@pytest.mark.reference
@pytest.mark.skipif(not RUN.exists(), reason="the published SDM-PSI run is not beside the project")
def test_the_published_bounds_lie_on_the_published_mask():
    studies = read_sdm_folder(RUN / "inputs")[0]
    bounds = read_bounds(RUN / "bounds", studies)
    assert bounds.lower.shape == bounds.upper.shape == (50, 193_768)
    assert bounds.mask.sha256 == read_mask(RUN / "mask.nii.gz").sha256 != load_mask("gray_matter").sha256
