"""The project folder, the data folder, and what every process of one installation is told."""

import contextlib
import os
from pathlib import Path

from bootstrap.refusals import refuse_full_disk, refuse_unwritable

WINDOWS = os.name == "nt"
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PROGRAMS = VENV / ("Scripts" if WINDOWS else "bin")
PYTHON = PROGRAMS / ("python.exe" if WINDOWS else "python")


class Places:
    """The data folder and what Concord keeps in it."""

    def __init__(self, data: str | Path) -> None:
        self.data = Path(data).expanduser().resolve()
        self.logs = self.data / "logs"
        self.cache = self.data / "cache"
        self.lock = self.data / "concord.lock"
        self.accounts = self.data / "demo_accounts.json"

    def make(self) -> None:
        if not self.data.exists():
            make_private(self.data)
        refuse_unwritable(self.data)
        refuse_full_disk(self.data)
        for folder in (self.logs, self.cache):
            folder.mkdir(exist_ok=True)

    def environment(self, workers: int = 1) -> dict[str, str]:
        """Environment of the processes; the person's own variables win over our defaults.

        The cores are shared out: `workers` runs at a time, each with its part of the threads.
        """
        threads = str(max(1, (os.cpu_count() or 1) // workers))
        defaults = {
            "DJANGO_SETTINGS_MODULE": "meta_app.settings.local",
            "NUMBA_CACHE_DIR": str(self.cache / "numba"),
            "MPLCONFIGDIR": str(self.cache / "matplotlib"),
            "NUMBA_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "OMP_NUM_THREADS": threads,
        }
        fixed = {"CONCORD_DATA": str(self.data), "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
        return {**defaults, **os.environ, **fixed}


def make_private(folder: Path) -> None:
    """Others on this machine must not read the database; what cannot be made is refused by the next check."""
    with contextlib.suppress(OSError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)


def manage_command(*arguments: str) -> list[str]:
    return [str(PYTHON), str(ROOT / "manage.py"), *arguments]
