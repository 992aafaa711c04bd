"""A command-line run killed with SIGKILL among its permutations, resumed, and extended; simulated studies."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sdm_core.__main__ import main
from sdm_core.io import write_map, write_sdm_folder
from sdm_core.spaces import SHAPE, mm_to_voxel
from sdm_core.studies import PeakTable, StudyTable

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 240.0
PEAK = (-40.0, 10.0, 4.0)


@pytest.fixture
def command(tmp_path):
    """command(out, permutations, *more): the arguments of a small run of three simulated studies."""
    volume = np.zeros(SHAPE, dtype=np.float32)
    i, j, k = mm_to_voxel(PEAK).astype(int)
    volume[i - 5 : i + 6, j - 5 : j + 6, k - 5 : k + 6] = 1
    write_map(tmp_path / "box.nii.gz", volume, "box")
    studies = StudyTable.from_rows({"study": f"s{number}", "n1": 20, "t_thr": 3.2} for number in range(3))
    x, y, z = PEAK
    rows = [{"study": f"s{number}", "x": x, "y": y, "z": z, "statistic": 5.0} for number in range(3)]
    write_sdm_folder(tmp_path / "inputs", studies, PeakTable.from_rows(rows, studies))
    fixed = ["--mask", str(tmp_path / "box.nii.gz"), "--imputations", "3", "--threads", "1"]

    def of(out, permutations, *more):
        inputs = str(tmp_path / "inputs")
        return ["run", inputs, "--out", str(out), "--permutations", str(permutations), *fixed, *more]

    return of


def hashes(out):
    files = [*out.glob("maps/*"), *out.glob("tables/*"), out / "null_maxima.csv"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def kill_after_blocks(arguments, out, blocks):
    process = subprocess.Popen(
        [sys.executable, "-m", "sdm_core", *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + PATIENCE
    while len(list(out.glob("blocks/*.npz"))) < blocks and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and process groups are those of Unix")
def test_a_killed_run_is_resumed_and_extended_to_the_files_of_a_straight_run(command, tmp_path, capsys):
    straight, out = tmp_path / "straight", tmp_path / "out"
    assert main(command(straight, 3000)) == 0
    assert kill_after_blocks(command(out, 3000), out, 2) == -signal.SIGKILL
    assert not (out / "run.json").exists()
    assert len(list(out.glob("blocks/*.npz"))) < 94

    assert main(command(out, 3000)) == 2
    assert "Add --resume" in capsys.readouterr().err

    assert main(command(out, 100, "--resume")) == 0
    assert main(command(out, 3000, "--resume")) == 0
    assert hashes(out) == hashes(straight)
    assert main(command(out, 3000, "--resume", "--seed", "2")) == 2
    assert "choices, seed differ" in capsys.readouterr().err
