"""Where the large arrays of a permutation test are kept, and what they and the maxima depend on.

A `Keep` answers the arrays of a part of the work: those kept before under the same key, or new ones, filled.  In memory
nothing is kept; `sdm_core.io.PreparedCache` keeps them on disk.
"""

import hashlib
import json
import platform
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import scipy
from numpy.typing import DTypeLike, NDArray

import sdm_core
from sdm_core.compiled import numba
from sdm_core.studies import BoundsMaps

from .provenance import tables_sha256
from .stages import Analysis

Arrays = Mapping[str, NDArray[Any]]
Shapes = Mapping[str, tuple[tuple[int, ...], DTypeLike]]
Note = dict[str, Any]
"""Goes to JSON beside the arrays."""
Fill = Callable[[Arrays], Note]


class Keep(Protocol):
    """Answers the arrays of a part, and the note that was made when they were filled."""

    def __call__(self, part: str, /, shapes: Shapes, fill: Fill) -> tuple[Arrays, Note]: ...


def in_memory(_: str, shapes: Shapes, fill: Fill) -> tuple[Arrays, Note]:
    """New arrays, filled."""
    arrays = {name: np.empty(shape, dtype=kind) for name, (shape, kind) in shapes.items()}
    return arrays, fill(arrays)


REPORTING = frozenset({"permutations", "fwe_p", "min_peak_z", "min_extent"})
"""Choices that change no block; how many permutations there are changes only which blocks there are."""
STATISTICS = frozenset({"voxel_p", "tfce_neighbours", "permutation_p"})
"""Choices that change what a block leaves, but not the arrays it is computed from."""


def prepared_parts(analysis: Analysis) -> dict[str, Any]:
    """Everything that the prepared arrays depend on, by name; JSON-able."""
    model, studies, template = analysis.model, analysis.studies, analysis.template
    return {
        "software": software(),
        "choices": choices_without(analysis, REPORTING | STATISTICS),
        "tables": tables_sha256(studies, analysis.peaks),
        "model": [list(model.names), model.design.tolist(), model.contrast.tolist()],
        "studies": list(studies.names),
        "bounds": bounds_sha256(analysis.given),
        "template": template.sha256,
        "mask": template.mask.sha256,
    }


def choices_without(analysis: Analysis, names: frozenset[str]) -> dict[str, Any]:
    """The choices of the specification but for some."""
    return {name: value for name, value in analysis.specification.to_dict().items() if name not in names}


def key_of(parts: Mapping[str, Any]) -> str:
    """sha256 of parts, as hexadecimal digits."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def software() -> dict[str, str]:
    """Versions of all that computes; of this package also its sources."""
    return {
        "sdm_core": sdm_core.__version__,
        "sources": _sources_sha256(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "numba": "" if numba is None else numba.__version__,
        "machine": platform.machine(),
    }


@cache
def _sources_sha256() -> str:
    root, digest = Path(sdm_core.__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def bounds_sha256(bounds: BoundsMaps | None) -> str | None:
    """Of bounds that a run starts from."""
    if bounds is None:
        return None
    digest = hashlib.sha256(repr(bounds.names).encode())
    digest.update(np.ascontiguousarray(bounds.lower).tobytes())
    digest.update(np.ascontiguousarray(bounds.upper).tobytes())
    return digest.hexdigest()
