"""Operations on lanes: compiled against numpy's, both against double precision."""

import numpy as np
import pytest

from sdm_core.compiled import compiled
from sdm_core.lanes import LANES, fma, load, logarithm, reciprocal, reciprocal_root, store


def applied(operation):
    @compiled
    def kernel(values, out):
        for place in range(0, values.size, LANES):
            store(out, place, operation(load(values, place)))

    def apply(values, *, plain=False):
        values = np.asarray(values, np.float32)
        out = np.empty_like(values)
        (kernel.py_func if plain else kernel)(values, out)
        return out.astype(np.float64)

    return apply


POSITIVE = np.concatenate([np.geomspace(1e-6, 1e6, 16 * 400 - 16), np.ones(16)]).astype(np.float32)
EXACT = POSITIVE.astype(np.float64)


@pytest.mark.parametrize(("operation", "expected", "relative"), [
    (reciprocal, 1 / EXACT, 2e-7), (reciprocal_root, EXACT**-0.5, 3e-7),
])  # fmt: skip
def test_refined_estimates_are_right_to_single_precision(operation, expected, relative):
    assert applied(operation)(POSITIVE) == pytest.approx(expected, rel=relative)


def test_the_logarithm_keeps_its_digits_near_1():
    assert applied(logarithm)(POSITIVE) == pytest.approx(np.log(EXACT), rel=2e-7, abs=2e-7)


def test_one_is_its_own_reciprocal_so_that_tau2_of_0_changes_no_weight():
    assert (applied(reciprocal)(np.ones(16)) == 1).all()


def test_fma_rounds_once_when_compiled():
    nearly = np.float32(1 + 2**-12)

    @compiled
    def kernel(values, out):
        store(out, 0, fma(load(values, 0), load(values, 0), np.float32(-1)))

    out = np.empty(LANES, np.float32)
    kernel(np.full(LANES, nearly), out)
    assert (out == np.float32(np.float64(nearly) ** 2 - 1)).all()
