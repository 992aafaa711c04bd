"""Imputed subjects: exactly standardised, and as smooth as the template says."""

import numpy as np
import pytest

from sdm_core import StudyTable
from sdm_core.effects import EffectScale, groups_of
from sdm_core.imputation import SUBJECT_ROUGHNESS, SubjectFields, fill_residuals, n_tiles
from sdm_core.spaces import NEIGHBOUR_OFFSETS, SHAPE, Mask, Template

RHO = 0.9


def template():
    volume = np.zeros(SHAPE, dtype=bool)
    volume[30:45, 30:45, 30:45] = True
    mask = Mask.from_volume(volume, "box")
    return Template("t", np.full((len(NEIGHBOUR_OFFSETS), mask.size), RHO, dtype=np.float32), mask)


@pytest.fixture(scope="module")
def generator():
    return SubjectFields.of(template())


def residuals(generator, **row):
    studies = StudyTable.from_rows([{"study": "a", "t_thr": 3, **row}])
    group = groups_of(studies, EffectScale.of(studies))[0]
    size = generator.voxels.size
    out = np.empty((n_tiles(size), group.code.size, 64), dtype=np.float32)
    fill_residuals(generator, 1, "a", group, out)
    return out.transpose(1, 0, 2).reshape(group.code.size, -1)[:, :size].astype(float), group


def test_one_sample_has_mean_0_and_variance_1_at_each_voxel(generator):
    e, _ = residuals(generator, n1=8)
    assert e.mean(axis=0) == pytest.approx(0, abs=1e-6)
    assert e.var(axis=0, ddof=1) == pytest.approx(1, abs=1e-5)


def test_each_of_two_groups_is_standardised_on_its_own(generator):
    e, _ = residuals(generator, n1=5, n2=7)
    for group in (e[:5], e[5:]):
        assert group.mean(axis=0) == pytest.approx(0, abs=1e-6)
        assert group.var(axis=0, ddof=1) == pytest.approx(1, abs=1e-5)


def test_residuals_of_a_correlation_go_with_nothing(generator):
    e, group = residuals(generator, n1=9, design="correlation")
    assert group.code @ e == pytest.approx(0, abs=1e-5)
    assert e.var(axis=0, ddof=1) == pytest.approx(1, abs=1e-5)


def test_correlations_fall_as_the_smooth_process_says_along_every_axis(generator):
    e, _ = residuals(generator, n1=60)
    box = e.reshape(60, 15, 15, 15)
    rho = RHO**SUBJECT_ROUGHNESS
    phi = rho / (1 + np.sqrt(1 - rho**2))
    for axis in (1, 2, 3):
        along = np.moveaxis(box, axis, -1)
        for k in (1, 2, 4):
            expected = phi**k * (1 + k * (1 - phi**2) / (1 + phi**2))
            assert (along[..., k:] * along[..., :-k]).mean() == pytest.approx(expected * 59 / 60, abs=0.02)


def test_a_rougher_field_goes_less_far():
    smooth, rough = (SubjectFields.of(template(), power) for power in (1.0, 4.0))
    assert (rough.phi < smooth.phi).all()
