"""Blocks of permutations as files, so that a run that was stopped goes on where it was.

FOLDER/key.json    what the blocks depend on
FOLDER/NUMBER.npz  what one block left
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from sdm_core.errors import InputError, Problem
from sdm_core.inference import BlockMaxima

KEY_FILE: Final = "key.json"


def maxima_to_bytes(maxima: BlockMaxima) -> bytes:
    """As the content of an npz file; equal maxima give equal bytes."""
    stream = io.BytesIO()
    fields = {field.name: getattr(maxima, field.name) for field in dataclasses.fields(maxima)}
    np.savez_compressed(stream, **{name: value for name, value in fields.items() if value is not None})
    return stream.getvalue()


def maxima_from_bytes(content: bytes) -> BlockMaxima:
    """What `maxima_to_bytes` wrote.

    Raises
    ------
    ValueError
        If it is not whole.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return BlockMaxima(**{name: arrays[name] if arrays[name].ndim else arrays[name].item() for name in arrays})
    except (zipfile.BadZipFile, KeyError, TypeError, OSError, EOFError) as error:
        raise ValueError("The maxima of a block of permutations are damaged.") from error


class BlockFolder(MutableMapping[int, BlockMaxima]):
    """Blocks by number, each a file that is written whole; a damaged one counts as missing.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    parts : mapping
        What the blocks depend on.

    Raises
    ------
    InputError
        If the folder's blocks depend on something else; it names what differs.
    """

    def __init__(self, folder: Path, parts: Mapping[str, Any]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        key, text = folder / KEY_FILE, json.dumps(parts, indent=2, sort_keys=True, default=str)
        if key.exists():
            _check_same(folder, json.loads(key.read_text("utf-8")), json.loads(text))
        else:
            _write_whole(key, text.encode())

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:05d}.npz"

    def __getitem__(self, number: int) -> BlockMaxima:
        try:
            return maxima_from_bytes(self._path(number).read_bytes())
        except (FileNotFoundError, ValueError):
            raise KeyError(number) from None

    def __setitem__(self, number: int, maxima: BlockMaxima) -> None:
        _write_whole(self._path(number), maxima_to_bytes(maxima))

    def __delitem__(self, number: int) -> None:
        self._path(number).unlink()

    def __iter__(self) -> Iterator[int]:
        numbers = (int(path.stem) for path in sorted(self.folder.glob("*.npz")) if path.stem.isdecimal())
        return (number for number in numbers if number in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _check_same(folder: Path, earlier: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    differing = [name for name in now if earlier.get(name) != now[name]]
    if "choices" in differing:
        before, after = earlier.get("choices", {}), now["choices"]
        differing += sorted(name for name in after if before.get(name) != after[name])
    if differing:
        message = f"hold permutations of another analysis: {', '.join(differing)} differ"
        mend = "Give the same inputs, choices and version, or choose another folder."
        raise InputError([Problem(f"blocks in {folder}", message, mend, field="resume")])


def _write_whole(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.replace(path)
