"""The one way numeric kernels are compiled: numba, without the interpreter lock, results kept on disk.

Kernels never use fast-math, so that the same inputs give the same bytes whatever the number of threads; threads work
on disjoint blocks (`sdm_core.pipeline.blocks`), which needs no threading layer and is safe after a fork.

Compiled kernels are kept in a folder named after the source of all modules with kernels: numba alone would renew a
kernel only when its own file changes, not when a kernel that it calls does.  NUMBA_CACHE_DIR moves the folder.

Without a working numba the kernels run as plain Python on numpy arrays: the same numbers, after a warning.
"""

import hashlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

numba: ModuleType | None
try:
    import numba
except Exception as error:  # A broken compiler library raises whatever it likes.
    numba = None
    NOT_COMPILED = (
        f"numba does not work here ({error}). Everything is computed by plain Python and numpy: the same maps, but "
        "hundreds of times slower, so that a whole brain takes days. Install numba as requirements.lock has it."
    )
    warnings.warn(NOT_COMPILED, RuntimeWarning, stacklevel=2)
else:
    NOT_COMPILED = ""

Kernel = TypeVar("Kernel", bound=Callable[..., Any])
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_PACKAGES_WITH_KERNELS = (".", "lanes", "effects", "imputation", "inference", "pooling")


def _source_hash() -> str:
    root, digest = Path(__file__).parent, hashlib.sha256()
    for package in _PACKAGES_WITH_KERNELS:
        for path in sorted((root / package).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    if own := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "concord-kernels"


if numba is not None:
    numba.config.CACHE_DIR = str(_cache_folder() / _source_hash())


def compiled(function: Kernel) -> Kernel:
    """Compile a kernel; where no cache folder can be written it is compiled anew in each process."""
    if numba is None:
        return function
    try:
        kernel: Kernel = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:
        kernel = numba.njit(**_OPTIONS)(function)
    return kernel


def has_wide_vectors() -> bool:
    """The processor has vectors of 512 bits."""
    if numba is None:
        return False
    from llvmlite import binding

    return bool(binding.get_host_cpu_features().get("avx512f", False))


def default_threads() -> int:
    """Processors that this process may use, or NUMBA_NUM_THREADS; one where threads would wait for the interpreter."""
    return 1 if numba is None else int(numba.config.NUMBA_NUM_THREADS)
