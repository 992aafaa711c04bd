"""Reads the arrays shipped in ``sdm_core/spaces/data``; every array comes back read-only."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

DATA = resources.files("sdm_core.spaces") / "data"


@functools.cache
def arrays(name: str) -> dict[str, npt.NDArray[Any]]:
    """The arrays of ``data/<name>.npz`` by their key."""
    with (DATA / f"{name}.npz").open("rb") as stream, np.load(stream) as archive:
        loaded = {key: archive[key] for key in archive.files}
    for array in loaded.values():
        array.flags.writeable = False
    return loaded


@functools.cache
def sources() -> dict[str, Any]:
    """What the files were made from: source, licence and sha256 of inputs and outputs."""
    loaded: dict[str, Any] = json.loads((DATA / "sources.json").read_text("utf-8"))
    return loaded
