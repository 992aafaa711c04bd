"""Talairach and MNI, against published inverse matrices and values worked by hand."""

import numpy as np
import pytest

from sdm_core.errors import InputError
from sdm_core.spaces import mni_to_talairach, talairach_to_mni
from sdm_core.spaces.talairach import SOFTWARE

PUBLISHED_INVERSES = {
    "spm": [
        [1.080364, -0.004099, 0.013885, 1.038659],
        [0.003811, 1.063568, 0.103857, 1.457852],
        [-0.018779, -0.105167, 1.110061, -4.748001],
    ],
    "fsl": [
        [1.056585, -0.003972, 0.002793, 1.115461],
        [0.008834, 1.050528, 0.067651, 0.869379],
        [-0.006820, -0.071916, 1.105229, -3.604720],
    ],
    "other": [
        [1.068600, -0.003959, 0.008260, 1.078156],
        [0.006402, 1.057407, 0.085663, 1.168244],
        [-0.012811, -0.088632, 1.107921, -4.178049],
    ],
}
POINTS = np.array([[-40.0, 22, -4], [60, -70, 50], [0, 0, 0], [8, -60, -40]])


@pytest.mark.parametrize("software", PUBLISHED_INVERSES)
def test_talairach_goes_to_mni_by_the_published_inverse_matrix(software):
    matrix = np.array(PUBLISHED_INVERSES[software])
    expected = POINTS @ matrix[:, :3].T + matrix[:, 3]
    np.testing.assert_allclose(talairach_to_mni(POINTS, software), expected, atol=2e-3)


@pytest.mark.parametrize("software", SOFTWARE)
def test_there_and_back_is_the_same_place(software):
    np.testing.assert_allclose(talairach_to_mni(mni_to_talairach(POINTS, software), software), POINTS, atol=1e-9)


def test_brett_treats_what_is_above_and_below_the_commissures_apart():
    above, below = mni_to_talairach([[10.0, 20, 30], [10, 20, -30]], "brett")
    np.testing.assert_allclose(above, [9.9, 20 * 0.9688 + 30 * 0.0460, -20 * 0.0485 + 30 * 0.9189])
    np.testing.assert_allclose(below, [9.9, 20 * 0.9688 - 30 * 0.0420, -20 * 0.0485 - 30 * 0.8390])


def test_an_unknown_software_is_refused_with_the_names_there_are():
    with pytest.raises(InputError, match="spm, fsl, other, brett"):
        talairach_to_mni([[0, 0, 0]], "afni")
