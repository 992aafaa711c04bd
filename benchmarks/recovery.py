"""How well peaks alone recover what the images hold, on SIMULATED studies and on real subjects.

    python benchmarks/recovery.py [--data simulated] [--studies 20] [--replications 8] [--edge 24] [--effect 1]
                                  [--tau 0.2] [--smoothness 13] [--imputations 20] [--signed-only 0.33] [--seed 1]
                                  [--only WORDS]
    python benchmarks/recovery.py --data subjects --folder ../shared/data/subject_images
    python benchmarks/recovery.py --data resampled --folder ../shared/data/subject_images --edge 40 --replications 3

The effect that is to be recovered: of simulated studies the true one; of three groups of 10 real subjects the
meta-analysis of the groups' own t maps; of studies of 12 to 16 subjects drawn anew for each study from the same 30 real
ones ("resampled"; such studies overlap), the effect among all 30.  Each way of analysing is scored over the voxels by
r       correlation of its effect map with the effect to be recovered;
slope   share of the magnitude that comes back: least squares through 0 where the effect is in its top quartile;
r_top   correlation there;
auc     how well the size of its z tells the voxels of that quartile from the others.
NiMARE's estimators, on the same peaks, take part where NiMARE is installed (docs/dependencies.md); they give no effect,
so that their slope is empty.  Prints one JSON object with the mean over the replications.
"""

import argparse
import csv
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import nibabel as nib
import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[1]))

from simulated import SmoothNoise, block_mask, on_grid, peaks_of, t_map

from sdm_core import AnalysisSpecification, PeakTable, StudyTable, run
from sdm_core.effects import EffectScale, hedges_g
from sdm_core.spaces import AFFINE, Mask, load_mask, voxel_to_mm
from sdm_core.studies import BoundsMaps

REPORTED_P = 0.001
CORNER = (12, 40, 20)
LARGEST_EFFECTS = (0.8, 0.6, 0.4, -0.5)
"""Peaks of the true effect, in standard deviations of the subjects, times the option --effect."""
EFFECT_FWHM_MM = 18.0
SIZES = (12, 30)
GROUPS = 3
RESAMPLED_SIZES = (12, 16)
LEAST_CLUSTER = 20
"""Voxels of a cluster that a resampled study reports."""
RESAMPLED_CORNER = (10, 40, 18)
Scores = dict[str, float | None]


@dataclass(frozen=True)
class Material:
    """Studies with their maps, and what there is to recover."""

    studies: StudyTable
    peaks: PeakTable
    g: np.ndarray
    truth: np.ndarray
    mask: Mask


def scores(effect: np.ndarray | None, z: np.ndarray, truth: np.ndarray) -> Scores:
    """As the module describes them; `effect` None where a method gives none."""
    shown = z if effect is None else effect
    top = np.abs(truth) >= np.quantile(np.abs(truth), 0.75)
    slope = None if effect is None else float(effect[top] @ truth[top] / (truth[top] @ truth[top]))
    u = stats.mannwhitneyu(np.abs(z[top]), np.abs(z[~top])).statistic
    return {
        "r": correlation(shown, truth),
        "slope": slope,
        "r_top": correlation(shown[top], truth[top]),
        "auc": float(u / (top.sum() * (~top).sum())),
    }


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's, 0 where a map is constant."""
    return float(np.corrcoef(a, b)[0, 1]) if np.ptp(a) > 0 else 0.0


# ---- material


def simulated(options: argparse.Namespace, mask: Mask, seed: int) -> Material:
    """Studies of 12 to 30 subjects around a true effect of four blobs."""
    rng, noise = np.random.default_rng([seed, 3]), SmoothNoise(mask, options.smoothness, seed)
    truth, rows, maps = options.effect * true_effect(mask, rng), [], []
    for i in range(options.studies):
        n = int(rng.integers(SIZES[0], SIZES[1] + 1))
        subjects = noise.draw(n) + truth + options.tau * noise.draw(1)
        rows.append({"study": f"simulated{i}", "n1": n, "t_thr": float(stats.t.isf(REPORTED_P, n - 1))})
        maps.append(t_map(subjects))
    found = [list(peaks_of(t, mask, row["t_thr"])) for t, row in zip(maps, rows, strict=True)]
    signed_only = rng.random(len(rows)) < options.signed_only
    return material(rows, [[(*peak.mm, peak.t) for peak in own] for own in found], signed_only, maps, truth, mask)


def true_effect(mask: Mask, rng: np.random.Generator) -> np.ndarray:
    """Gaussian blobs at random places of the mask, shape (n_voxels,)."""
    mm = voxel_to_mm(mask.indices)
    sigma = EFFECT_FWHM_MM / np.sqrt(8 * np.log(2))
    centres = mm[rng.choice(mask.size, len(LARGEST_EFFECTS), replace=False)]
    squares = ((mm[None] - centres[:, None]) ** 2).sum(axis=2)
    return (np.array(LARGEST_EFFECTS)[:, None] * np.exp(-squares / (2 * sigma**2))).sum(axis=0)


def of_subjects(folder: Path) -> Material:
    """Three groups of real subjects; the effect is that of their t maps together."""
    images = [nib.load(folder / f"subset{i}_n10_t.nii.gz") for i in range(1, GROUPS + 1)]
    volumes = [on_grid(image) for image in images]
    seen = np.all([np.isfinite(volume) for volume in volumes], axis=0)
    mask = Mask.from_volume(load_mask("gray_matter").voxels & seen, "gray matter of the subjects")
    rows, peaks = [], []
    for i in range(1, GROUPS + 1):
        with (folder / f"subset{i}_n10_peaks.csv").open(newline="") as stream:
            peaks.append([tuple(float(row[name]) for name in "xyzt") for row in csv.DictReader(stream)])
        rows.append({"study": f"group{i}", "n1": 10, "t_thr": float(stats.t.isf(REPORTED_P, 9))})
    maps = [mask.take(volume) for volume in volumes]
    whole = material(rows, peaks, np.zeros(GROUPS, dtype=bool), maps, np.zeros(mask.size), mask)
    return replace(whole, truth=analysed(whole, GROUPS, AnalysisSpecification(imputations=2))[0])


def resampled(options: argparse.Namespace, mask: Mask, seed: int) -> Material:
    """Studies of real subjects that are drawn without replacement for each study."""
    image = nib.load(options.folder / "subjects_4d.nii.gz")
    volumes = [on_grid(image.slicer[..., i]) for i in range(image.shape[-1])]
    seen = np.all([np.isfinite(volume) for volume in volumes], axis=0)
    mask = Mask.from_volume(mask.voxels & seen, f"{mask.name}, of the subjects")
    subjects, rng = np.array([mask.take(volume) for volume in volumes]), np.random.default_rng([seed, 5])
    rows, maps = [], []
    for i in range(options.studies):
        n = int(rng.integers(RESAMPLED_SIZES[0], RESAMPLED_SIZES[1] + 1))
        rows.append({"study": f"resampled{i}", "n1": n, "t_thr": float(stats.t.isf(REPORTED_P, n - 1))})
        maps.append(t_map(subjects[rng.choice(len(subjects), n, replace=False)]))
    found = [
        [(*peak.mm, peak.t) for peak in peaks_of(t, mask, row["t_thr"], least_voxels=LEAST_CLUSTER)]
        for t, row in zip(maps, rows, strict=True)
    ]
    signed_only = rng.random(len(rows)) < options.signed_only
    return material(rows, found, signed_only, maps, hedges_g(t_map(subjects), len(subjects)), mask)


def material(rows: list[dict], peaks: list[list[tuple]], signed_only: np.ndarray, maps: list[np.ndarray],
             truth: np.ndarray, mask: Mask) -> Material:  # fmt: skip
    """Tables of the studies; the peaks of `signed_only` studies lose their t."""
    studies = StudyTable.from_rows(row | {"no_peaks": int(not own)} for row, own in zip(rows, peaks, strict=True))
    index = np.repeat(np.arange(len(rows)), [len(own) for own in peaks])
    values = np.array([peak for own in peaks for peak in own]).reshape(-1, 4)
    t = np.where(signed_only[index], np.nan, values[:, 3])
    table = PeakTable(index, values[:, :3], t, np.sign(values[:, 3]).astype(np.int8))
    scale = EffectScale.of(studies)
    g = np.array([scale.effect(i, own) for i, own in enumerate(maps)], dtype=np.float32)
    return Material(studies, table, g, truth, mask)


# ---- ways of analysing


def analysed(data: Material, n_images: int, specification: AnalysisSpecification) -> tuple[np.ndarray, np.ndarray]:
    """Effect and z when the first `n_images` studies give their map and the others their peaks."""
    quick = replace(specification, imputations=2)
    bounds = run(data.studies, data.peaks, quick, mask=data.mask, keep_bounds=True).bounds
    lower, upper = bounds.lower.copy(), bounds.upper.copy()
    lower[:n_images] = upper[:n_images] = data.g[:n_images]
    mixed = BoundsMaps(bounds.names, lower, upper, data.mask)
    maps = run(data.studies, data.peaks, specification, bounds=mixed).maps
    return data.mask.take(maps["g"]), data.mask.take(maps["z"])


def ways(options: argparse.Namespace, n_studies: int) -> Iterator[tuple[str, int, AnalysisSpecification]]:
    """Name, number of images and specification of each analysis."""
    plain = AnalysisSpecification(imputations=options.imputations, seed=options.seed)
    yield "peaks", 0, plain
    for discards in (0, 2):
        yield f"peaks, {discards} discards", 0, replace(plain, mle_discards=discards)
    if options.signed_only:
        yield "peaks, sign-only given the threshold", 0, replace(plain, sign_peaks="threshold")
        yield "peaks, compatibility with SDM-PSI 6.21", 0, replace(plain, compatibility="sdm-6.21")
    for n_images in (1, 2):
        yield f"peaks and {n_images} images", n_images, plain
    yield "all images", n_studies, plain


def of_nimare(data: Material) -> dict[str, Scores]:
    """Positive minus negative z of NiMARE's coordinate-based estimators; what NiMARE ignores is the peaks' height."""
    from nimare.dataset import Dataset
    from nimare.meta.cbma import ALE, KDA, MKDADensity

    def z(estimator: Callable, sign: int) -> np.ndarray:
        contrasts = {}
        for i, name in enumerate(data.studies.names):
            own = data.peaks.of_study(i)
            mm = data.peaks.mm[own[data.peaks.sign[own] == sign]]
            if len(mm):
                coords = {"space": "MNI", "x": list(mm[:, 0]), "y": list(mm[:, 1]), "z": list(mm[:, 2])}
                size = {"sample_sizes": [int(data.studies.n1[i])]}
                contrasts[name] = {"contrasts": {"1": {"coords": coords, "metadata": size}}}
        if not contrasts:
            return np.zeros(data.mask.size)
        image = nib.Nifti1Image(data.mask.voxels.astype(np.uint8), AFFINE)
        found = estimator(null_method="approximate").fit(Dataset(contrasts, target=None, mask=image))
        return data.mask.take(np.asarray(found.get_map("z").dataobj))

    return {
        f"NiMARE {estimator.__name__}": scores(None, z(estimator, 1) - z(estimator, -1), data.truth)
        for estimator in (ALE, MKDADensity, KDA)
    }


def scored(options: argparse.Namespace, data: Material) -> dict[str, Scores]:
    """Scores of every way."""
    figures = {}
    for name, n_images, specification in ways(options, len(data.studies)):
        if options.only in name:
            figures[name] = scores(*analysed(data, n_images, specification), data.truth)
    try:
        figures |= {name: own for name, own in of_nimare(data).items() if options.only in name}
    except ImportError as error:
        print(f"NiMARE takes no part: {error}", file=sys.stderr)
    return figures


def mean_scores(rows: list[dict[str, Scores]]) -> dict[str, Scores]:
    """Mean of each score over the replications."""
    return {
        way: {
            score: None if value is None else round(float(np.mean([row[way][score] for row in rows])), 3)
            for score, value in own.items()
        }
        for way, own in rows[0].items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=("simulated", "subjects", "resampled"), default="simulated")
    parser.add_argument("--folder", type=Path, default=Path("../shared/data/subject_images"))
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--replications", type=int, default=8)
    parser.add_argument("--edge", type=int, default=24, help="voxels of the simulated block")
    parser.add_argument("--effect", type=float, default=1.0, help="times the largest effects, 0.8 0.6 0.4 -0.5")
    parser.add_argument("--tau", type=float, default=0.2, help="spread of true study effects")
    parser.add_argument("--smoothness", default="13", help='mm full width at half maximum, or "template"')
    parser.add_argument("--imputations", type=int, default=20)
    parser.add_argument("--signed-only", type=float, default=0.33, help="share of studies whose peaks have no t")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only the ways of analysing whose name has these words")
    options = parser.parse_args()
    if options.data == "subjects":
        options.signed_only, options.replications = 0.0, 1
        data = [of_subjects(options.folder)]
    else:
        make, corner = (simulated, CORNER) if options.data == "simulated" else (resampled, RESAMPLED_CORNER)
        mask = block_mask(options.edge, corner)
        data = (make(options, mask, options.seed * 1000 + i) for i in range(options.replications))
    rows, studies = [], []
    for one in data:
        rows.append(scored(options, one))
        studies.append({"peaks": len(one.peaks), "studies_without": int(one.studies.no_peaks.sum())})
    told = {"data_kind": options.data, **vars(options), "folder": str(options.folder), "voxels": one.mask.size}
    print(json.dumps({**told, "material": studies, "scores": mean_scores(rows)}, indent=2))


if __name__ == "__main__":
    main()
