"""One Concord per data folder: a file lock that ends with the process that holds it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from bootstrap.places import WINDOWS, Places
from bootstrap.refusals import Refusal

BEYOND_THE_NOTE = 4096


def take_lock(handle: IO[str]) -> None:
    """Lock an open file until it is closed; OSError when another process holds it."""
    if WINDOWS:
        import msvcrt

        # Windows lets nobody read a locked range, and others must be able to read the note.
        handle.seek(BEYOND_THE_NOTE)
        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def alone_on(lock_file: Path, note: str, refusal: str) -> Iterator[None]:
    """Hold `lock_file` with a note for whoever comes next; `{note}` in `refusal` stands for the holder's."""
    with lock_file.open("a+", encoding="utf-8") as handle:
        try:
            take_lock(handle)
        except OSError as error:
            holder = lock_file.read_text(encoding="utf-8").strip()
            raise Refusal(refusal.replace("{note}", holder)) from error
        handle.seek(0)
        handle.truncate()
        handle.write(note)
        handle.flush()
        yield


def alone_on_data(places: Places, doing: str) -> contextlib.AbstractContextManager[None]:
    return alone_on(
        places.lock,
        f"process {os.getpid()}, {doing}",
        f"Another Concord ({{note}}) is using the data folder {places.data}: stop it, or choose another folder "
        "with --data DIR.",
    )
