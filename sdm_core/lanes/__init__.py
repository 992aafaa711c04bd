"""Short vectors of single-precision numbers inside kernels: sums over studies stay in the processor's registers.

`load` takes LANES numbers that follow each other in a contiguous array, arithmetic works lane by lane, and `store` puts
them back.  `operations` has it as numpy does, which plain Python uses; `instructions` gives the compiler the same as
instructions of the processor.

Notes
-----
Compiled, every operation is rounded once as IEEE 754 has it, `fma` too (a b + c rounded once; numpy rounds twice),
however wide the processor's own vectors are: neither LANES nor the machine changes a bit of any result.  The estimates
behind `reciprocal` and `reciprocal_root` are the classical ones from the bits of a number, not the processor's, which
differ between makers.
"""

from sdm_core.compiled import numba

from .operations import (
    LANES,
    WIDTH,
    Lanes,
    Tiled,
    fma,
    larger,
    load,
    logarithm,
    minus,
    positive,
    reciprocal,
    reciprocal_root,
    root,
    store,
    zeros,
)

if numba is not None:
    from . import instructions as instructions

__all__ = [
    "LANES",
    "WIDTH",
    "Lanes",
    "Tiled",
    "fma",
    "larger",
    "load",
    "logarithm",
    "minus",
    "positive",
    "reciprocal",
    "reciprocal_root",
    "root",
    "store",
    "zeros",
]
