"""The large arrays of permutation tests, kept on disk by the hash of what they depend on.

ROOT/KEY/PART/NAME.npy       single arrays, mapped into memory when they are opened
ROOT/KEY/PART/manifest.json  shapes, kinds and sha256 of each, and the note that was made with them
ROOT/KEY.lock                held while a part is made or checked, so that of several processes one makes it

A part is written beside its place and moved there whole.  One that is damaged is made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from sdm_core.errors import Stopped

MANIFEST: Final = "manifest.json"
CHUNK: Final = 1 << 24
SECONDS_BETWEEN_TRIES: Final = 0.2

Arrays = Mapping[str, npt.NDArray[Any]]
Shapes = Mapping[str, tuple[tuple[int, ...], npt.DTypeLike]]
Note = dict[str, Any]


class PreparedCache:
    """A folder of prepared arrays with a limit on its size; those used longest ago go first.

    Parameters
    ----------
    root : Path
        On a local disk of this machine.
    limit_bytes : int
        What others than the present key may be kept within; the present one is kept whatever its size.
    """

    def __init__(self, root: Path, limit_bytes: int) -> None:
        self.root, self.limit_bytes = root, limit_bytes

    def of(self, key: str, should_stop: Callable[[], bool] = lambda: False) -> Prepared:
        """The arrays of one key."""
        return Prepared(self, key, should_stop)

    def make_room(self, key: str, needed: int) -> None:
        """Remove arrays of other keys, until `needed` more bytes fit within the limit."""
        folders = [path for path in self.root.iterdir() if path.is_dir()]
        sizes = {path: _size(path) for path in folders}
        others = sorted((path for path in folders if path.name != key), key=lambda path: path.stat().st_mtime)
        for path in others:
            if sum(sizes.values()) + needed <= self.limit_bytes:
                return
            _remove(path)
            sizes.pop(path)


class Prepared:
    """Parts of one key: called with a part's name, shapes and how to fill it, answers its arrays and its note.

    Attributes
    ----------
    sha256 : dict
        Of every array that was answered, by part and name.
    """

    def __init__(self, cache: PreparedCache, key: str, should_stop: Callable[[], bool]) -> None:
        self.cache, self.key, self.should_stop = cache, key, should_stop
        self.sha256: dict[str, str] = {}

    @property
    def digest(self) -> str:
        """One sha256 of all arrays that were answered."""
        return hashlib.sha256(json.dumps(self.sha256, sort_keys=True).encode()).hexdigest()

    def __call__(self, part: str, shapes: Shapes, fill: Callable[[Arrays], Note]) -> tuple[Arrays, Note]:
        """Arrays from disk if they are whole, else filled anew; other processes wait meanwhile."""
        self.cache.root.mkdir(parents=True, exist_ok=True)
        folder = self.cache.root / self.key / part
        with _alone(self.cache.root / f"{self.key}.lock", self.should_stop):
            manifest = _checked_manifest(folder, shapes)
            if manifest is None:
                manifest = self._make(folder, shapes, fill)
        folder.parent.touch()
        self.sha256 |= {f"{part}/{name}": digest for name, digest in manifest["sha256"].items()}
        # Private mappings, which kernels take for writable arrays: what is on disk cannot be changed through them.
        arrays = {name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="c")) for name in shapes}
        return arrays, manifest["note"]

    def _make(self, folder: Path, shapes: Shapes, fill: Callable[[Arrays], Note]) -> dict[str, Any]:
        self.cache.make_room(self.key, sum(_bytes(*shape) for shape in shapes.values()))
        folder.parent.mkdir(exist_ok=True)
        for left in folder.parent.glob(f".{folder.name}-*"):
            shutil.rmtree(left, ignore_errors=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            manifest = _write(partial, shapes, fill)
            shutil.rmtree(folder, ignore_errors=True)
            partial.replace(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return manifest


def _write(folder: Path, shapes: Shapes, fill: Callable[[Arrays], Note]) -> dict[str, Any]:
    arrays = {name: _new_array(folder / f"{name}.npy", *shape) for name, shape in shapes.items()}
    note = fill(arrays)
    for array in arrays.values():
        array.flush()
    del arrays
    digests = {name: _sha256(folder / f"{name}.npy") for name in shapes}
    manifest = {"sha256": digests, "shapes": _shapes_text(shapes), "note": note}
    (folder / MANIFEST).write_text(json.dumps(manifest), "utf-8")
    return manifest


def _new_array(path: Path, shape: tuple[int, ...], kind: npt.DTypeLike) -> np.memmap[Any, Any]:
    """An array on disk whose room is taken at once: a full disk must fail here, not kill the process later."""
    array: np.memmap[Any, Any] = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(kind), shape=shape)
    with path.open("r+b") as file:
        size = path.stat().st_size
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.seek(array.offset)
            for start in range(array.offset, size, CHUNK):
                file.write(bytes(min(CHUNK, size - start)))
    return array


def _checked_manifest(folder: Path, shapes: Shapes) -> dict[str, Any] | None:
    """The manifest of a part if every array is there and is what was written."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
        whole = manifest["shapes"] == _shapes_text(shapes) and all(
            manifest["sha256"][name] == _sha256(folder / f"{name}.npy") for name in shapes
        )
    except (OSError, ValueError, KeyError):
        return None
    return manifest if whole else None


def _shapes_text(shapes: Shapes) -> dict[str, str]:
    return {name: f"{np.dtype(kind).str} {tuple(shape)}" for name, (shape, kind) in shapes.items()}


def _bytes(shape: tuple[int, ...], kind: npt.DTypeLike) -> int:
    return int(np.prod(shape, dtype=np.int64)) * np.dtype(kind).itemsize


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _remove(folder: Path) -> None:
    """Out of the way first, so that nobody opens half of it; it stays where a system keeps files that are in use."""
    going = folder.with_name(f".{folder.name}-going-{os.getpid()}")
    with contextlib.suppress(OSError):
        folder.replace(going)
        shutil.rmtree(going, ignore_errors=True)


@contextlib.contextmanager
def _alone(lock_file: Path, should_stop: Callable[[], bool]) -> Iterator[None]:
    """Hold a lock that ends with this process; Stopped when asked to stop while waiting for it."""
    with lock_file.open("a+b") as handle:
        while not _take_lock(handle):
            if should_stop():
                raise Stopped("Stopped while another process was preparing the same arrays; nothing was written.")
            time.sleep(SECONDS_BETWEEN_TRIES)
        yield


def _take_lock(handle: IO[bytes]) -> bool:
    """Lock an open file until it is closed; False while another process holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
