"""The one way numeric kernels are compiled: numba, without the interpreter lock, results kept on disk.

Kernels never use fast-math, so that the same inputs give the same bytes whatever the number of threads; threads work
on disjoint blocks (`sdm_core.pipeline.blocks`), which needs no threading layer and is safe after a fork.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def compiled(function: Kernel) -> Kernel:
    """Compile a kernel; where no cache folder can be written it is compiled anew in each process."""
    try:
        kernel: Kernel = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:
        kernel = numba.njit(**_OPTIONS)(function)
    return kernel
