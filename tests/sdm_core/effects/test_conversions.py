"""t values of other statistics, against R (pt, qt) and exact identities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sdm_core.effects import t_from_beta, t_from_f, t_from_p, t_from_r, t_from_z, t_threshold_from_p

# qt and qnorm of R 4.2.2, made by golden_metafor.R of the reference data.
DF = np.array([10, 22, 28, 44, 60])
P = np.array([0.05, 0.01, 0.005, 0.001, 1e-05])
ONE_TAILED = [1.81246112281168, 2.50832455289908, 2.76326245546144, 3.28607194618029, 4.63125193852088]
TWO_TAILED = [2.22813885198627, 2.81875606060014, 3.04692877505304, 3.52580130648718, 4.8246974064614]


def test_t_of_a_p_value_agrees_with_r():
    assert t_from_p(P, DF) == pytest.approx(ONE_TAILED, rel=1e-10)
    assert t_from_p(P, DF, tails=2, sign=-1) == pytest.approx(-np.array(TWO_TAILED), rel=1e-10)
    assert t_threshold_from_p(0.001, 44) == pytest.approx(3.28607194618029)


def test_t_of_a_z_value_agrees_with_r():
    t, df = [-6, -3.2, 0.5, 2, 12, 40], [20, 10, 12, 22, 9, 15]
    z = [-4.48639909449443, -2.5938171279534, 0.487198770974182, 1.89573041217639, 4.9428243258009, 8.2862178027961]
    assert t_from_z(z, df) == pytest.approx(t, rel=1e-8)


@given(st.floats(-9, 9), st.integers(3, 500))
def test_z_and_its_t_have_the_same_tail(z, df):
    t = float(t_from_z(z, df))
    assert t * z >= 0
    assert stats.t.logsf(abs(t), df) == pytest.approx(stats.norm.logsf(abs(z)), rel=1e-6)


def test_t_of_a_correlation_gives_the_correlation_back():
    t = t_from_r([0.3, -0.8], 20)
    assert t / np.sqrt(20 + t**2) == pytest.approx([0.3, -0.8])


def test_t_of_f_and_of_a_regression_coefficient():
    assert t_from_f(9.0, sign=-1) == -3
    assert t_from_beta(-0.6, 0.2) == pytest.approx(-3)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [(t_from_p, (0.0, 10)), (t_from_p, (1.2, 10)), (t_from_r, (1.0, 10)), (t_from_f, (-1.0,)), (t_from_beta, (1, 0))],
)
def test_impossible_statistics_are_refused(function, arguments):
    with pytest.raises(ValueError, match=r"between|negative|positive"):
        function(*arguments)
