"""The methods section of a result, written from the record of its run: nothing in it is typed by a person."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from meta_app.analyses.domain import HEIGHTS, THRESHOLDS, filters_of, threshold_source
from meta_app.common.words import counted
from meta_app.datasets.domain import WHOLE_MAP, DatasetRow
from meta_app.extraction.models import Dataset
from meta_app.results.domain import Correction, units_text
from meta_app.results.selectors import Result

ESTIMATORS = {"DL": "DerSimonian-Laird", "REML": "restricted maximum likelihood"}
PERMUTED = {
    "one_sample": "the signs of subject images were flipped",
    "paired": "the signs of subjects' difference images were flipped",
    "two_sample": "subject images were exchanged between the two groups",
    "correlation": "the order of subject images was shuffled against the correlated variable",
}
"""What a permutation does to the subject images of a design."""
SIGN_PEAKS = {"pool": "pooled height", "threshold": "threshold of their study"}

PREVIEW = (
    "This is a preview, not to be reported: the permutation test is not concluded and p values are not corrected for "
    "multiple comparisons."
)


def methods_text(told: Result) -> list[str]:
    """Paragraphs: how effects were pooled, how p was corrected, what is reported."""
    first = [PREVIEW] if told.is_preview else []
    test = [_test(told)] if told.test and not told.is_preview else []
    return [*first, _pooling(told) + _selected(told), _taken(told), *test, _reported(told)]


def methods_file(told: Result) -> str:
    return "\n\n".join(methods_text(told)) + "\n"


def _pooling(told: Result) -> str:
    record, core = told.record, told.core
    version = record.get("software", {}).get("sdm_core", told.run.core_version)
    mask = record.get("mask", {})
    voxels = f" ({mask['voxels']:,} voxels of 2 mm)" if "voxels" in mask else ""
    return (
        f"Peak coordinates of {units_text(told.counts)} were meta-analysed with sdm_core {version} (Concord), an "
        "independent implementation of the SDM-PSI method. Bounds of each dataset's effect size at every voxel were "
        f"derived from its peaks and its t threshold (kernel of {core['fwhm_mm']:g} mm full width at half maximum, "
        f"anisotropy {core['anisotropy']:g}, {_plain(core['template'])} correlation template); effect sizes within the "
        f"bounds were imputed {core['imputations']} times (seed {told.run.seed}){_guide(told)}, pooled by a "
        f"random-effects model ({ESTIMATORS.get(core['estimator'], core['estimator'])}) and combined by Rubin's "
        f"rules in the {_plain(core['mask'])} mask{voxels}."
    )


def _guide(told: Result) -> str:
    """What the imputations are made about, where the record says how many datasets it leaves out."""
    number = told.record.get("mle_discards_used")
    if number is None:
        return ""
    left_out = f" without the {number} most favourable dataset{'s' * (number != 1)} at each voxel" if number else ""
    return f" about the most likely effect{left_out}"


def _selected(told: Result) -> str:
    """What the filters beyond comparison, modality and metric let through, where there are any."""
    words = filters_of(told.specification).words
    return f" Datasets were selected by: {'; '.join(f'{name}: {text}' for name, text in words)}." if words else ""


def _taken(told: Result) -> str:
    """What the papers do not give, and where it was taken from."""
    sentences = [f"t thresholds: {thresholds_text(told.rows)}."]
    if heights := sign_only_text(told):
        sentences.append(f"Peaks known by their sign only: {heights}.")
    if transforms := transforms_text(told.rows):
        sentences.append(f"Coordinates reported in Talairach space became MNI: {transforms}.")
    return " ".join(sentences)


def thresholds_text(rows: Sequence[DatasetRow]) -> str:
    """Of how many datasets the t threshold is known, and what is taken for the others; whole maps need none."""
    rows = [row for row in rows if row.peaks_state != WHOLE_MAP]
    known = sorted(row.t_threshold for row in rows if row.t_threshold is not None)
    sources = Counter(map(threshold_source, rows))
    span = " to ".join(f"{t:.3g}" for t in dict.fromkeys(known[:1] + known[-1:]))
    told = [f"known for {len(known)} of {counted(len(rows), 'dataset')} (|t| > {span})"] if known else []
    told += [
        f"{counted(sources[key], 'dataset')} without one: {text}" for key, text in THRESHOLDS.items() if sources[key]
    ]
    return "; ".join(told) or "none needed"


def sign_only_text(told: Result) -> str:
    """How many peaks had a sign only, and what the core took as their height; empty where none had."""
    heights, asked = told.record.get("sign_only_heights"), told.core["sign_peaks"]
    if heights is None:
        return f"{SIGN_PEAKS.get(asked, asked)} asked for; this older run does not record what each took"
    return "; ".join(f"{number} {HEIGHTS[asked, rule]}" for rule, number in heights.items())


def transforms_text(rows: Iterable[DatasetRow]) -> str:
    """By which transform how many peaks became MNI; empty where all were reported in MNI space."""
    peaks: Counter[str] = Counter()
    datasets: Counter[str] = Counter()
    for row in rows:
        if number := row.talairach_peaks:
            peaks[row.talairach_transform] += number
            datasets[row.talairach_transform] += 1
    return "; ".join(
        f"{counted(number, 'peak')} of {counted(datasets[key], 'dataset')} by {Dataset.Transform(key).label}"
        for key, number in peaks.items()
    )


def _test(told: Result) -> str:
    test, number = told.test, told.test["permutations"]
    others = number - 1
    if test.get("exact"):
        made = f"all {number:,} possible permutations of subject images (the data as they are among them)"
    else:
        made = (
            f"{number:,} permutations of subject images (the data as they are among them; drawn with seed "
            f"{told.run.seed})"
        )
    algebra = f" Computation: {test['method']}." if test.get("method") else ""
    return (
        f"p values were corrected for family-wise error over all voxels with {made}: {_permuted(told)}. Of every "
        f"permutation the largest values over the mask were kept, for positive and negative effects apart: "
        f"{_statistics(test)}. "
        f"Corrected p = (b + 1) / (B + 1), where b of the B = {others:,} other permutations reach the observed value; "
        f"it is one-sided in each direction and cannot be below {1 / number:.2g}.{algebra}"
    )


def _permuted(told: Result) -> str:
    """What was done to the images, by design, with how many datasets where there are several designs."""
    designs = [(PERMUTED[name], number) for name, number in told.designs.items()]
    if len(designs) == 1:
        return designs[0][0]
    return _listed(f"{words} ({number} dataset{'s' * (number != 1)})" for words, number in designs)


def _statistics(test: Mapping[str, Any]) -> str:
    """The statistics whose maxima were kept, in the record's order."""
    words = {"z": "of SDM-Z", "tfce": _tfce(test.get("tfce", {})), "extent": _extent(test)}
    return _listed(words[name] for name in test.get("maxima_of_the_data", words) if name in words)


def _tfce(tfce: Mapping[str, Any]) -> str:
    if not tfce:
        return "of threshold-free cluster enhancement"
    return (
        f"of threshold-free cluster enhancement (E = {tfce['extent_power']:g}, H = {tfce['height_power']:g}, "
        f"{tfce['neighbours']} neighbours, heights: {tfce['heights']})"
    )


def _extent(test: Mapping[str, Any]) -> str:
    formed = f" formed at uncorrected p ≤ {test['cluster_forming_p']:g}" if "cluster_forming_p" in test else ""
    return f"of cluster extent{formed}"


def _reported(told: Result) -> str:
    table = told.table()
    return f"Clusters are reported at {table.thresholds}.{_found(len(table.clusters), table.correction)}"


def _found(number: int, correction: Correction) -> str:
    if number:
        return ""
    return " None survived." if correction.is_corrected else " None passed."


def _listed(parts: Iterable[str]) -> str:
    *before, last = parts
    return f"{', '.join(before)} and {last}" if before else last


def _plain(name: str) -> str:
    return str(name).replace("_", " ")
