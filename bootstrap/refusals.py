"""One clear sentence for each thing that keeps Concord from starting."""

import errno
import os
import shutil
import socket
import tempfile
from pathlib import Path

MEGABYTE = 1024 * 1024
REFUSE_BELOW = 200 * MEGABYTE
WARN_BELOW = 1024 * MEGABYTE
FULL_DISK = {errno.ENOSPC, errno.EDQUOT}


class Refusal(Exception):  # noqa: N818
    """What is wrong and what to do, for the person at the terminal."""


def say(text: str) -> None:
    print(text, flush=True)


def refuse_full_disk(folder: Path) -> None:
    free = shutil.disk_usage(nearest_existing(folder)).free
    if free < REFUSE_BELOW:
        raise Refusal(full_disk_sentence(folder))
    if free < WARN_BELOW:
        say(f"Only {free // MEGABYTE} MB are free on the disk of {folder}: long analyses may run out of space.")


def full_disk_sentence(folder: Path) -> str:
    return (
        f"The disk of {folder} is full: free some space (installing takes about 1 GB, starting 200 MB), or choose a "
        "folder on another disk with --data DIR; what was saved is kept."
    )


def nearest_existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def refuse_unwritable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        if error.errno in FULL_DISK:
            raise Refusal(full_disk_sentence(folder)) from error
        raise Refusal(
            f"Concord cannot write to the data folder {folder} ({error.strerror}): choose another with --data DIR."
        ) from error


def refuse_busy_port(port: int) -> None:
    with socket.socket() as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError as error:
            raise Refusal(f"Port {port} needs special rights: choose one above 1023, as in --port 8000.") from error
        except OSError as error:
            another = port + 1 if port < 65535 else 8000
            raise Refusal(f"Port {port} is in use by another program: choose another with --port {another}.") from error
