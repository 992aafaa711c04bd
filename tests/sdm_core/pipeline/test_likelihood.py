"""The most likely maps of the compatibility mode.  Simulated studies; no real data."""

import dataclasses

import numpy as np
import pytest

from sdm_core import AnalysisSpecification, PeakTable, StudyTable, run
from sdm_core.imputation import default_discards
from sdm_core.pipeline.likelihood import smoothed
from tests.sdm_core.pipeline.conftest import PEAK

PLAIN = AnalysisSpecification(imputations=2)


def test_a_map_of_one_value_stays_so_when_it_is_smoothed(mask):
    assert smoothed(np.full(mask.size, 0.3), mask) == pytest.approx(0.3, rel=1e-6)


def test_a_single_voxel_reaches_a_quarter_of_its_height_at_its_neighbours(mask):
    spike = np.zeros(mask.size)
    spike[mask.size // 2] = 1
    volume = mask.to_volume(smoothed(spike, mask))
    x, y, z = mask.indices[mask.size // 2]
    assert volume[x + 1, y, z] / volume[x, y, z] == pytest.approx(0.25, abs=0.01)
    assert volume[x + 1, y + 1, z] / volume[x, y, z] == pytest.approx(0.0625, abs=0.01)
    assert volume.sum() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize(("given", "used"), [({}, 1), ({"compatibility": "sdm-6.21"}, 2), ({"mle_discards": 0}, 0)])
def test_the_compatibility_mode_leaves_out_one_study_more(mask, given, used):
    studies = StudyTable.from_rows([{"study": name, "n1": 20, "t_thr": 3} for name in "abcdef"])
    x, y, z = PEAK
    peaks = PeakTable.from_rows([{"study": name, "x": x, "y": y, "z": z, "statistic": 5} for name in "abcdef"], studies)
    assert default_discards(len(studies)) == 1
    provenance = run(studies, peaks, dataclasses.replace(PLAIN, **given), mask=mask).provenance
    assert provenance["mle_discards_used"] == used
