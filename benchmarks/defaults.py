"""Evidence for choices of the method, on SIMULATED numbers, and the smoothness of real subjects.

    python benchmarks/defaults.py tfce [--simulations 400] [--permutations 1000] [--seed 1]
    python benchmarks/defaults.py regression [--simulations 1000] [--permutations 200]
    python benchmarks/defaults.py intervals [--simulations 4000]
    python benchmarks/defaults.py smoothness [--folder ../shared/data/subject_images]

tfce        the exact integral against SDM-PSI's sum over 100 steps of each map's own maximum: false alarms of smooth
            null maps, and power to find a wide weak, a middle and a narrow strong effect.
regression  Freedman and Lane's permutation of study residuals, as they are and in units of their standard error, where
            the tested covariate goes with the size of the studies.
intervals   coverage of 95 % intervals of the pooled effect, and the plain p, when every effect is known.
smoothness  how much neighbouring voxels of 30 real subjects have in common, and what the template says.
Prints one JSON object.
"""

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import nibabel as nib
import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[1]))

from simulated import SmoothNoise, block_mask

from sdm_core.effects import g_variance, hedges_g
from sdm_core.inference import Enhancer
from sdm_core.pooling import meta_analyse
from sdm_core.pooling.univariate import fit, pool
from sdm_core.spaces import VOXEL_MM, Mask, load_template, voxel_to_mm

LEVEL = 0.05
EFFECTS = {"wide and weak": (30.0, 2.0), "middle": (15.0, 3.0), "narrow and strong": (6.0, 4.5)}
"""Full width at half maximum in mm, and height in standard deviations of the noise."""
STATISTICS = {"exact, 26 neighbours": (26, False), "exact, 6 neighbours": (6, False), "SDM-PSI's steps": (6, True)}


# ---- threshold-free cluster enhancement


def tfce(options: argparse.Namespace) -> dict[str, object]:
    """False alarms and power of each statistic, at the 95 % quantile of its maxima over null maps."""
    mask = block_mask(options.edge, (12, 40, 20))
    noise = SmoothNoise(mask, options.smoothness, options.seed)
    enhancers = {name: Enhancer.of(mask, n, stepped=stepped) for name, (n, stepped) in STATISTICS.items()}

    def maxima(count: int, effect: np.ndarray | float) -> dict[str, np.ndarray]:
        maps = [(noise.draw(1)[0] + effect).astype(np.float32) for _ in range(count)]
        return {name: np.array([own.maxima(z)[0] for z in maps]) for name, own in enhancers.items()}

    limits = {name: np.quantile(values, 1 - LEVEL) for name, values in maxima(options.permutations, 0.0).items()}
    figures: dict[str, dict[str, float]] = {name: {} for name in enhancers}
    for effect, shape in {"none": None, **EFFECTS}.items():
        found = maxima(options.simulations, 0.0 if shape is None else blob(mask, *shape))
        for name, values in found.items():
            figures[name][effect] = float((values > limits[name]).mean())
    return {"voxels": mask.size, "share_of_maps_with_a_finding": figures}


def blob(mask: Mask, fwhm: float, height: float) -> np.ndarray:
    """A Gaussian effect in the middle of the mask."""
    mm = voxel_to_mm(mask.indices)
    squares = ((mm - mm.mean(axis=0)) ** 2).sum(axis=1)
    return height * 0.5 ** (4 * squares / fwhm**2)


# ---- regression


def fitted(y: np.ndarray, v: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficient of x and its z by DerSimonian and Laird's model, y of shape (..., n_studies)."""
    tau2 = np.zeros((*y.shape[:-1], 1))
    design = np.column_stack([np.ones_like(x), x])
    for second in (False, True):
        w = 1 / (v + tau2)
        gram = np.einsum("...i,ia,ib->...ab", w, design, design)
        cov = np.linalg.inv(gram)
        beta = np.einsum("...ab,...i,ib,...i->...a", cov, w, design, y)
        if not second:
            q = (w * (y - beta @ design.T) ** 2).sum(axis=-1)
            squares = np.einsum("...i,ia,ib->...ab", w**2, design, design)
            trace = w.sum(axis=-1) - np.einsum("...ab,...ba->...", cov, squares)
            tau2 = np.maximum(0, (q - (len(x) - 2)) / trace)[..., None]
    return beta[..., 1], beta[..., 1] / np.sqrt(cov[..., 1, 1])


def null_fit(y: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and tau2 of the model without x, both (..., 1)."""
    w = 1 / v
    mean = (w * y).sum(-1, keepdims=True) / w.sum()
    q = (w * (y - mean) ** 2).sum(-1, keepdims=True)
    tau2 = np.maximum(0, (q - (len(v) - 1)) / (w.sum() - (w**2).sum() / w.sum()))
    w = 1 / (v + tau2)
    return (w * y).sum(-1, keepdims=True) / w.sum(-1, keepdims=True), tau2


def regression(options: argparse.Namespace) -> dict[str, object]:
    """False alarms at single voxels and over 30 voxels, one-sided."""
    rng = np.random.default_rng(options.seed)
    figures = {}
    for association, tau2 in ((0.0, 0.0), (0.8, 0.0), (0.8, 0.05)):
        counts = {"as they are": np.zeros(2), "standardised": np.zeros(2)}
        for _ in range(options.simulations):
            n = np.exp(rng.uniform(np.log(8), np.log(150), options.studies))
            scores = stats.zscore(np.log(n))
            x = association * scores + np.sqrt(1 - association**2) * rng.standard_normal(len(n))
            v = 1 / n
            y = 0.3 + rng.standard_normal((30, len(n))) * np.sqrt(v + tau2)
            for name, p in permuted_p(y, v, x - x.mean(), options.permutations, rng).items():
                counts[name] += [(p[0] <= LEVEL).mean(), p[1] <= LEVEL]
        figures[f"covariate correlated {association:g} with log n, tau2 {tau2:g}"] = {
            name: {"voxel": round(own[0], 4), "family": round(own[1], 4)}
            for name, own in ((name, values / options.simulations) for name, values in counts.items())
        }
    return {"studies": options.studies, "false_alarms": figures}


def permuted_p(y: np.ndarray, v: np.ndarray, x: np.ndarray, permutations: int, rng: np.random.Generator) -> dict:
    """p of every voxel, and the smallest p over all of them, by both kinds of residuals."""
    orders = np.argsort(rng.random((permutations - 1, len(x))), axis=1)
    mean, tau2 = null_fit(y, v)
    z = fitted(y, v, x)[1]
    found = {}
    for name, scale in (("as they are", np.ones_like(y)), ("standardised", np.sqrt(v + tau2))):
        residuals = ((y - mean) / scale)[:, orders].swapaxes(0, 1)
        permuted = fitted(mean + residuals * scale, v, x)[1]
        own = (1 + (permuted >= z).sum(axis=0)) / permutations
        found[name] = own, (1 + (permuted.max(axis=1) >= z.max()).sum()) / permutations
    return found


# ---- intervals


def intervals(options: argparse.Namespace) -> dict[str, object]:
    """Coverage and false alarms of the pooled effect of one voxel, by number of studies and heterogeneity."""
    rng = np.random.default_rng(options.seed)
    rows = []
    for k in (5, 10, 20, 50):
        for tau2 in (0.0, 0.05):
            for effect in (0.0, 0.5):
                rows.append({"studies": k, "tau2": tau2, "effect": effect, **interval(k, tau2, effect, options, rng)})
    return {"subjects": "12 to 40", "intervals": rows}


def interval(k: int, tau2: float, effect: float, options: argparse.Namespace, rng: np.random.Generator) -> dict:
    """Simulated subjects' t, Hedges' g, DerSimonian-Laird with the normal distribution; REML with Knapp-Hartung."""
    count = options.simulations
    n = rng.integers(12, 41, k)[:, None]
    study = effect + np.sqrt(tau2) * rng.standard_normal((k, count))
    t = stats.nct.rvs(n - 1, study * np.sqrt(n), random_state=rng) if effect or tau2 else (
        stats.t.rvs(n - 1, size=(k, count), random_state=rng))  # fmt: skip
    g = hedges_g(t, n)
    v = g_variance(g, n)
    pooled = meta_analyse(g[None], v[None], np.ones((k, 1)), [1.0])
    reach = stats.norm.isf(0.025) * np.sqrt(pooled.variance)
    p = stats.norm.sf(pooled.z)
    few = [
        pool(fit(g[:, [i]].T, v[:, [i]].T, estimator="REML", knapp_hartung=True)).interval(0.95)[0]
        for i in range(min(count, 150))
    ]
    figures = {
        "coverage_dl_normal": float((np.abs(pooled.estimate - effect) <= reach).mean()),
        "coverage_reml_knapp_hartung": float(np.mean([low <= effect <= high for low, high in few])),
        "mean_estimate": round(float(pooled.estimate.mean()), 4),
    }
    if effect == 0:
        figures |= {
            "p_at_most_0.05": float((p <= LEVEL).mean()),
            "p_at_most_0.001": float((p <= 0.001).mean()),
            "kolmogorov_smirnov_distance": round(float(stats.kstest(p, "uniform").statistic), 4),
        }
    return figures


# ---- smoothness


def smoothness(options: argparse.Namespace) -> dict[str, object]:
    """Mean correlation over subjects between voxels along x, and the width of Gaussian noise that has the same."""
    image = nib.load(options.folder / "subjects_4d.nii.gz")
    values = np.asarray(image.dataobj, dtype=np.float64)
    inside = (np.isfinite(values) & (values != 0)).all(axis=-1)
    scores = values - values.mean(axis=-1, keepdims=True)
    scores /= np.where(inside, scores.std(axis=-1), 1)[..., None]
    rows = []
    for lag in (1, 2, 3, 4, 6, 10):
        both = inside[lag:] & inside[:-lag]
        mean = float((scores[lag:] * scores[:-lag]).mean(axis=-1)[both].mean())
        mm = lag * float(abs(image.affine[0, 0]))
        rows.append({"mm": round(mm, 1), "correlation": round(mean, 3), "gaussian_fwhm_mm": gaussian_fwhm(mm, mean)})
    face = float(np.nanmean(load_template("gray_matter").correlations[0]))
    template = {"mm": VOXEL_MM, "correlation": round(face, 3), "gaussian_fwhm_mm": gaussian_fwhm(VOXEL_MM, face)}
    return {"subjects": rows, "template": template}


def gaussian_fwhm(mm: float, correlation: float) -> float:
    """Of noise smoothed by a Gaussian, rho = exp(-mm^2 / (4 sigma^2))."""
    return round(float(np.sqrt(-(mm**2) / (4 * np.log(correlation))) * np.sqrt(8 * np.log(2))), 1)


QUESTIONS = {"tfce": tfce, "regression": regression, "intervals": intervals, "smoothness": smoothness}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question", choices=tuple(QUESTIONS))
    parser.add_argument("--simulations", type=int, default=400)
    parser.add_argument("--permutations", type=int, default=200)
    parser.add_argument("--studies", type=int, default=12)
    parser.add_argument("--edge", type=int, default=20)
    parser.add_argument("--smoothness", default="13")
    parser.add_argument("--folder", type=Path, default=Path("../shared/data/subject_images"))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    answer = QUESTIONS[options.question](options)
    print(json.dumps({**vars(options), "folder": str(options.folder), **answer}, indent=2))


if __name__ == "__main__":
    main()
