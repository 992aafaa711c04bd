"""The command line.

`python -m sdm_core run FOLDER --out OUT` analyses a folder, `check FOLDER` prints what its studies were understood to
be and its problems, and `at OUT --mm x,y,z` prints the effects of every study at a place of a run and what makes them
believable; `tfce MAP --mask MASK` prints the maxima of threshold-free cluster enhancement; `conjunction`, `contrast`
and `overlap` compare two runs.
"""

import argparse
import dataclasses
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sdm_core import AnalysisSpecification, Progress, Result, SdmError, __version__, run
from sdm_core.commands.comparisons import add_comparisons
from sdm_core.commands.templates import SUFFIX, add_template
from sdm_core.comparison import cluster_masks
from sdm_core.diagnostics import PlaceEffects, diagnose, model_summary
from sdm_core.errors import InputError, Problem
from sdm_core.inference import SDM_NEIGHBOURS, Enhancer
from sdm_core.io import (
    BlockFolder,
    EarlierRun,
    inspect_sdm_folder,
    read_bounds,
    read_mask,
    read_masked_map,
    read_run,
    read_sdm_folder,
    read_template,
    study_lines,
    write_result,
)
from sdm_core.io.results import BLOCKS, RUN_FILE, check_place
from sdm_core.pipeline import (
    Composites,
    Jackknife,
    check_same_tables,
    chosen_studies,
    cohort_problems,
    effects_at,
    jackknife,
    model_of,
    pooled_design,
    voxels_at,
    voxels_of,
)
from sdm_core.spaces import Mask, Template
from sdm_core.spaces.templates import NAMES
from sdm_core.studies import LinearModel

EXIT_FAILURE = 2
SAME_Z = 1e-4
"""Relative difference that the rounding of maps to single precision explains."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0, or 2 when the input cannot be used or the run fails."""
    options = command_parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except SdmError as error:
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped; nothing was written but finished blocks of permutations (see --resume).", file=sys.stderr)
    except MemoryError:
        print("There is not enough memory for this analysis.", file=sys.stderr)
    return EXIT_FAILURE


def command_parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    parser = argparse.ArgumentParser(
        prog="python -m sdm_core", description="SDM-PSI meta-analysis of peak coordinates."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_run(commands.add_parser("run", help="analyse a folder of SDM inputs"))
    _add_at(commands.add_parser("at", help="effects and diagnostics at places of a run, as JSON"))
    check = commands.add_parser(
        "check", help="print what each study of a folder was understood to be, and every problem"
    )
    check.add_argument("folder", type=Path, metavar="INPUT_DIR", help="as run takes it")
    check.set_defaults(command=_check)
    _add_tfce(commands.add_parser("tfce", help="print the maxima of both signs of an enhanced map"))
    add_comparisons(commands)
    add_template(commands)
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    default = AnalysisSpecification()
    parser.add_argument(
        "folder", type=Path, metavar="INPUT_DIR", help="holds sdm_table.txt and for each study its peaks or map"
    )
    parser.add_argument("--out", type=Path, required=True, help="a new or empty folder")
    parser.add_argument("--imputations", type=int, default=default.imputations, help="imputed data sets, from 2")
    parser.add_argument("--seed", type=int, default=default.seed, help="same inputs and seed, same maps")
    parser.add_argument(
        "--estimator", choices=("DL", "REML"), default=default.estimator, help="of the variance between studies"
    )
    names = ", ".join(NAMES)
    parser.add_argument(
        "--template", default=default.template, help=f"{names}, or a file of template build; it brings its mask"
    )
    parser.add_argument("--mask", help=f"instead of the template's: {names}, or a NIfTI file on the 2 mm grid")
    parser.add_argument(
        "--anisotropy", type=float, default=default.anisotropy,
        help="of the kernel around peaks: from 0, a sphere, to 1, as neighbouring voxels correlate",
    )  # fmt: skip
    parser.add_argument("--fwhm-mm", type=float, default=default.fwhm_mm, help="of that kernel, mm")
    parser.add_argument(
        "--sign-peaks", choices=("pool", "threshold"), default=default.sign_peaks,
        help="height of peaks known only by their sign: pooled from the others, or the study's threshold",
    )  # fmt: skip
    parser.add_argument(
        "--imputed-mean", choices=("most_likely", "drawn"), default=default.imputed_mean,
        help="what effects are imputed about: one mean, or one drawn for each: fewer false alarms, less power",
    )  # fmt: skip
    parser.add_argument(
        "--mle-discards",
        type=int,
        help="most favourable studies left out of the most likely mean; default: by their number",
    )
    parser.add_argument("--voxel-p", type=float, default=default.voxel_p, help="forms clusters: one-sided, uncorrected")
    parser.add_argument("--min-peak-z", type=float, default=default.min_peak_z, help="of the peak of a cluster")
    parser.add_argument("--min-extent", type=int, default=default.min_extent, help="of a cluster, in voxels")
    parser.add_argument("--bounds", type=Path, metavar="DIR", help="start from STUDY_lower and STUDY_upper maps of g")
    parser.add_argument("--save-bounds", action="store_true", help="write such maps to OUT/bounds")
    parser.add_argument("--compat", choices=("sdm-6.21",), help="bug for bug as that version of SDM-PSI")
    parser.add_argument(
        "--threads", "--workers", type=_processors, help="default: all processors; the maps do not depend on it"
    )
    _add_model(parser, default)
    _add_jackknife(parser)
    _add_permutations(parser, default)
    parser.set_defaults(command=_run)


def _add_model(parser: argparse.ArgumentParser, default: AnalysisSpecification) -> None:
    parser.add_argument("--covariates", type=_names, default=(), metavar="A+B", help="columns of the study table")
    parser.add_argument(
        "--hypothesis", type=_numbers, default=(), metavar="0,1,0", help="weights: intercept, then each covariate"
    )
    parser.add_argument(
        "--filter",
        dest="study_filter",
        default="",
        metavar="EXPRESSION",
        help="""analyse only studies for which it is true, such as 'modality == "VBM"'""",
    )
    parser.add_argument(
        "--cohorts", choices=("keep_all", "keep_one", "average"), default=default.cohorts,
        help="datasets with the same cell in the column cohort: all, the largest, or their mean",
    )  # fmt: skip
    parser.add_argument(
        "--cohort-correlation", type=float, default=default.cohort_correlation, help="of datasets that are averaged"
    )
    parser.add_argument("--allow-few", action="store_true", help="accept regressions of fewer than 10 datasets")


def _add_jackknife(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--jackknife",
        nargs="?",
        const="datasets",
        choices=("datasets", "cohorts"),
        help="leave every dataset, or cohort, out in turn (in run.json)",
    )
    parser.add_argument(
        "--jackknife-maps", action="store_true", help="write g and z of each of those analyses to OUT/maps"
    )


def _add_permutations(parser: argparse.ArgumentParser, default: AnalysisSpecification) -> None:
    parser.add_argument(
        "--permutations",
        type=int,
        default=default.permutations,
        help="of subject images (of studies, to test covariates); 0: none",
    )
    parser.add_argument("--permutation-p", action="store_true", help="each voxel's own p from permutations as well")
    parser.add_argument("--tfce-neighbours", type=int, default=default.tfce_neighbours, help="6, 18 or 26")
    parser.add_argument("--fwe-p", type=float, default=default.fwe_p, help="of the tables of the permutation test")
    parser.add_argument(
        "--permutation-algebra",
        choices=("exact", "moments"),
        default=default.permutation_algebra,
        help="every imputation, or their mean and variance propagated (faster)",
    )
    parser.add_argument(
        "--permuted-residuals",
        choices=("standardised", "raw"),
        default=default.permuted_residuals,
        help="of studies, to test covariates: in standard errors, or as they are",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on from the blocks of permutations that an earlier run left in OUT"
    )


def _add_at(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN_DIR", help="what a run wrote")
    parser.add_argument("--inputs", type=Path, metavar="DIR", help="the run's inputs; default: RUN_DIR/inputs")
    parser.add_argument("--bounds", type=Path, metavar="DIR", help="the bounds maps, if the run started from such")
    parser.add_argument("--template", metavar="FILE", help="the file of the run's template, if it had one")
    parser.add_argument("--mm", type=_numbers, action="append", default=[], metavar="X,Y,Z", help="MNI mm; repeatable")
    parser.add_argument(
        "--mask", type=Path, action="append", default=[], metavar="FILE", help="mean over a mask; repeatable"
    )
    parser.add_argument(
        "--cluster", type=int, action="append", default=[], metavar="N", help="mean over a cluster; repeatable"
    )
    parser.add_argument("--allow-few", action="store_true", help="test for bias with fewer than 10 datasets")
    parser.add_argument("--threads", type=_processors, help="default: all processors")
    parser.set_defaults(command=_at)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split("+") if name.strip())


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}" is not numbers with commas between them') from None


def _processors(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f'"{text}" is not a whole number from 1')


def _add_tfce(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("map", type=Path, metavar="MAP", help="NIfTI file on the 2 mm grid")
    parser.add_argument("--mask", type=Path, required=True, help="NIfTI file on the 2 mm grid")
    parser.add_argument("--neighbours", type=int, default=26, help="6, 18 or 26")
    parser.add_argument("--compat", choices=("sdm-6.21",), help="stepped sum with 6 neighbours, as that version")
    parser.set_defaults(command=_tfce)


def _tfce(options: argparse.Namespace) -> int:
    mask = read_mask(options.mask)
    neighbours = SDM_NEIGHBOURS if options.compat else options.neighbours
    enhancer = Enhancer.of(mask, neighbours, stepped=options.compat is not None)
    for sign, value in zip(("positive", "negative"), enhancer.maxima(read_masked_map(options.map, mask)), strict=True):
        print(f"{sign} {value:.9g}")
    return 0


def _check(options: argparse.Namespace) -> int:
    studies, peaks, problems = inspect_sdm_folder(options.folder)
    for line in study_lines(studies, peaks) if studies else ():
        print(line)
    for problem in problems:
        print(problem)
    errors = sum(problem.level == "error" for problem in problems)
    print(f"{errors} errors, {len(problems) - errors} warnings.")
    return EXIT_FAILURE if errors else 0


def _run(options: argparse.Namespace) -> int:
    studies, peaks, warnings, inputs = read_sdm_folder(options.folder)
    for warning in warnings:
        print(warning, file=sys.stderr)
    _check_out(options.out, options.resume)
    mask = read_mask(options.mask) if options.mask and Path(options.mask).is_file() else None
    template = _measured_template(options)
    line = ProgressLine(sys.stdout.isatty())
    specification = _specification(options, named_mask=mask is None)
    for warning in cohort_problems(studies, peaks, specification):
        print(warning, file=sys.stderr)
    result = run(
        studies,
        peaks,
        specification,
        bounds=read_bounds(options.bounds, studies) if options.bounds else None,
        mask=mask,
        template=template,
        keep_bounds=options.save_bounds or options.jackknife is not None,
        inputs=inputs,
        progress=line.show,
        threads=options.threads,
        open_blocks=partial(_open_blocks, options.out / BLOCKS, options.resume),
    )
    left_out = None
    if options.jackknife and result.bounds is not None:
        keep = partial(_keep_maps, result) if options.jackknife_maps else None
        left_out = jackknife(
            studies,
            peaks,
            specification,
            result,
            result.bounds,
            template=template,
            by=options.jackknife,
            keep=keep,
            progress=line.show,
            threads=options.threads,
        )
        result.provenance["jackknife"] = left_out.to_dict()
        result = result if options.save_bounds else dataclasses.replace(result, bounds=None)
    line.end()
    result.provenance["warnings"] = [*map(str, warnings), *result.provenance["warnings"]]
    write_result(result, options.out)
    _print_summary(result, options.out, left_out)
    return 0


def _keep_maps(result: Result, left_out: str, maps: Mapping[str, Any]) -> None:
    result.maps.update({f"without_{left_out}_{name}": maps[name] for name in ("g", "z")})


def _check_out(out: Path, resume: bool) -> None:
    """Raise InputError before anything is computed if it could not be written, or blocks would be lost unasked."""
    check_place(out)
    if not resume and (out / BLOCKS).exists() and not (out / RUN_FILE).exists():
        message, mend = "holds permutations of a run that was stopped", "Add --resume, or choose another folder."
        raise InputError([Problem(f"output {out}", message, mend, field="out")])


def _open_blocks(folder: Path, resume: bool, parts: Mapping[str, Any]) -> BlockFolder:
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    return BlockFolder(folder, parts)


def _measured_template(options: argparse.Namespace) -> Template | None:
    """That of the file given, whose name then labels the specification's."""
    if options.template is None or not options.template.endswith(SUFFIX):
        return None
    path, options.template = options.template, Path(options.template).name
    return read_template(path)


def _at(options: argparse.Namespace) -> int:
    """Print one document per place; without a place, one per cluster, at its peak."""
    earlier = read_run(options.run)
    studies, peaks, _, _ = read_sdm_folder(options.inputs or options.run / "inputs")
    studies, peaks = chosen_studies(studies, peaks, earlier.specification)
    check_same_tables(studies, peaks, earlier.document)
    found = effects_at(
        studies,
        peaks,
        earlier.specification,
        _places(options, earlier),
        bounds=read_bounds(options.bounds, studies) if options.bounds else None,
        mask=None if options.bounds else earlier.mask,
        template=_measured_template(options),
        threads=options.threads,
    )
    model, estimator = model_of(studies, earlier.specification), earlier.specification.estimator
    design = pooled_design(model, Composites.of(studies, earlier.specification))
    model = dataclasses.replace(model, design=design)
    documents = {name: _document(place, model, estimator, options.allow_few) for name, place in found.items()}
    for mm in _coordinates(options, earlier):
        _check_map(earlier, mm, documents[_name(mm)]["model"]["z"])
    print(json.dumps(documents, indent=2, ensure_ascii=False, allow_nan=False))
    return 0


def _coordinates(options: argparse.Namespace, earlier: EarlierRun) -> list[tuple[float, ...]]:
    return options.mm or ([] if options.mask or options.cluster else [*earlier.cluster_peaks])


def _name(mm: tuple[float, ...]) -> str:
    return ",".join(f"{value:g}" for value in mm)


def _places(options: argparse.Namespace, earlier: EarlierRun) -> dict[str, Callable[[Mask], Any]]:
    coordinates = _coordinates(options, earlier)
    for mm in coordinates:
        if len(mm) != 3:
            raise InputError([Problem("--mm", f"has {len(mm)} numbers", "Give x,y,z in MNI mm.", field="mm")])
    places: dict[str, Callable[[Mask], Any]] = {_name(mm): partial(voxels_at, mm) for mm in coordinates}
    places |= {path.name: partial(voxels_of, read_mask(path)) for path in options.mask}
    places |= {region.name: partial(voxels_of, region) for region in cluster_masks(earlier, options.cluster)}
    if not places:
        mend = "Give one with --mm or --mask."
        raise InputError([Problem("places", "there are none: the run has no cluster", mend, field="mm")])
    return places


def _check_map(earlier: EarlierRun, mm: tuple[float, ...], z: float) -> None:
    """Raise InputError where the effects drawn again do not make the run's map."""
    own = earlier.value("z", mm)
    if abs(z - own) > SAME_Z * (1 + abs(own)):
        message = f"z is {z:.4f} here and {own:.4f} in the map"
        mend = "Give the bounds that the run started from (--bounds), and use the version that made it."
        raise InputError([Problem(f"place {_name(mm)}", message, mend, field="bounds")])


def _document(place: PlaceEffects, model: LinearModel, estimator: str, allow_few: bool) -> dict[str, Any]:
    """The tested model, then the diagnostics of the mean."""
    own = model_summary(place, model.names, model.design, model.contrast, estimator)
    return {"model": own, **diagnose(place, estimator=estimator, allow_few=allow_few)}


def _specification(options: argparse.Namespace, *, named_mask: bool) -> AnalysisSpecification:
    fields = {field.name for field in dataclasses.fields(AnalysisSpecification)} - {"mask"}
    values = {name: value for name, value in vars(options).items() if name in fields}
    if options.mask:
        values["mask"] = options.mask if named_mask else Path(options.mask).name
    return AnalysisSpecification(compatibility=options.compat, **values)


class ProgressLine:
    """Progress on one line that is rewritten on a terminal; elsewhere a plain line for each stage."""

    def __init__(self, terminal: bool) -> None:
        self._terminal = terminal
        self._stage = ""

    def show(self, progress: Progress) -> None:
        """Show it."""
        text = f"{progress.fraction:4.0%}  {progress.message}"
        if self._terminal:
            print(f"\r\x1b[K{text}", end="", flush=True)
        elif progress.message != self._stage:
            print(text, flush=True)
        self._stage = progress.message

    def end(self) -> None:
        """Leave the line."""
        if self._terminal:
            print()


def _print_summary(result: Result, out: Path, left_out: Jackknife | None) -> None:
    print(f"{len(result.clusters)} clusters; maps, tables and run.json are in {out}")
    for cluster in result.clusters[:10]:
        x, y, z = cluster.peak.mm
        place = f"({x:.0f}, {y:.0f}, {z:.0f})"
        stays = "" if left_out is None else "stays in {}/{}  ".format(*left_out.count(cluster.number - 1))
        print(
            f"{cluster.size_voxels:7d} voxels  {place:>16}  z {cluster.peak.z:6.3f}  {stays}{cluster.peak.label.text}"
        )


if __name__ == "__main__":
    sys.exit(main())
