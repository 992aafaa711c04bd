"""`conjunction RUN RUN --out DIR`, `contrast RUN RUN --out DIR` and `overlap MAIN MODERATOR`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from sdm_core.comparison import CORRECTIONS, Comparison, Thresholds, conjunction, contrast, overlap
from sdm_core.io import read_run, write_result
from sdm_core.specification import AnalysisSpecification


def add_comparisons(commands: Any) -> None:
    """Add the three commands to a parser's subparsers."""
    for name, words, command in (
        ("conjunction", "where two runs both have an effect of the same sign", _conjunction),
        ("contrast", "where the effect of the first run is larger or smaller than that of the second", _contrast),
    ):
        parser = commands.add_parser(name, help=words)
        parser.add_argument("first", type=Path, metavar="RUN_DIR", help="what a run wrote")
        parser.add_argument("second", type=Path, metavar="RUN_DIR", help="and another")
        parser.add_argument("--out", type=Path, required=True, help="a new or empty folder")
        _add_thresholds(parser)
        parser.set_defaults(command=command)
        if name == "contrast":
            parser.add_argument("--allow-shared", action="store_true", help="although datasets or cohorts are in both")
        else:
            parser.add_argument("--correction", choices=CORRECTIONS, default="uncorrected", help="which p of both runs")
    parser = commands.add_parser("overlap", help="how much of one run's clusters lies in another's, as JSON")
    parser.add_argument("main", type=Path, metavar="MAIN_RUN_DIR", help="whose clusters are measured")
    parser.add_argument("moderator", type=Path, metavar="MODERATOR_RUN_DIR", help="the other run")
    parser.add_argument("--correction", choices=CORRECTIONS, default="uncorrected", help="which p of both runs")
    parser.add_argument("--moderator-correction", choices=CORRECTIONS, help="of the second run, if another")
    parser.set_defaults(command=_overlap)


def _add_thresholds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--p", type=float, help="of voxels; default: as the first run")
    parser.add_argument("--min-peak-z", type=float, help="of the peak of a cluster; default: as the first run")
    parser.add_argument("--min-extent", type=int, help="of a cluster, in voxels; default: as the first run")


def _thresholds(options: argparse.Namespace, specification: AnalysisSpecification, correction: str) -> Thresholds:
    own = Thresholds.of(specification, correction)
    return Thresholds(
        correction,
        own.p if options.p is None else options.p,
        own.min_peak_z if options.min_peak_z is None else options.min_peak_z,
        own.min_extent if options.min_extent is None else options.min_extent,
    )


def _conjunction(options: argparse.Namespace) -> int:
    first, second = read_run(options.first), read_run(options.second)
    return _write(
        conjunction(first, second, _thresholds(options, first.specification, options.correction)), options.out
    )


def _contrast(options: argparse.Namespace) -> int:
    first, second = read_run(options.first), read_run(options.second)
    thresholds = _thresholds(options, first.specification, "uncorrected")
    return _write(contrast(first, second, thresholds, allow_shared=options.allow_shared), options.out)


def _write(found: Comparison, out: Path) -> int:
    write_result(found, out)
    print(f"{len(found.clusters)} clusters; maps, tables and run.json are in {out}")
    for cluster in found.clusters[:10]:
        place = "({:.0f}, {:.0f}, {:.0f})".format(*cluster.peak.mm)
        print(f"{cluster.size_voxels:7d} voxels  {place:>16}  z {cluster.peak.z:6.3f}  {cluster.peak.label.text}")
    for kind, names in found.provenance["shared"].items():
        if names:
            print(f"{len(names)} {kind} are in both runs: {', '.join(names)}")
    return 0


def _overlap(options: argparse.Namespace) -> int:
    main, moderator = read_run(options.main), read_run(options.moderator)
    found = overlap(main, moderator, options.correction, options.moderator_correction)
    print(json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False))
    return 0
