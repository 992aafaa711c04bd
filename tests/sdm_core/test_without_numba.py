"""A machine whose numba does not work; simulated studies on a mask of 64 voxels."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = """
import sys
if {blocked}:
    sys.modules["numba"] = None
import numpy as np
from sdm_core import AnalysisSpecification, PeakTable, StudyTable, run
from sdm_core.spaces import SHAPE, Mask
volume = np.zeros(SHAPE, dtype=bool)
volume[40:44, 40:44, 40:44] = True
rows = [{{"n1": 12}}, {{"n1": 9, "n2": 8}}, {{"n1": 14, "design": "correlation"}}]
studies = StudyTable.from_rows({{"study": f"s{{i}}", "t_thr": 3, **row}} for i, row in enumerate(rows))
places, signs = np.full((2, 3), (8.0, -44.0, 10.0)), np.array([1, 1], np.int8)
peaks = PeakTable(np.array([0, 1]), places, np.array([4.0, 3.5]), signs)
found = {{}}
for algebra in ("exact", "moments"):
    specification = AnalysisSpecification(imputations=3, permutations=32, permutation_algebra=algebra)
    result = run(studies, peaks, specification, mask=Mask.from_volume(volume, "cube"), threads=2)
    found[algebra] = result.null_maxima.z
    found[algebra + "_tfce"] = result.null_maxima.tfce
    found |= {{algebra + name: volume[40:44, 40:44, 40:44] for name, volume in result.maps.items()}}
print(*result.provenance["warnings"], result.provenance["software"]["numba"])
np.savez({file!r}, **found)
"""


def maps_of(file, *, blocked):
    code = RUN.format(blocked=blocked, file=str(file))
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr[-3000:]
    return np.load(file), answer


@pytest.mark.filterwarnings("ignore")
def test_without_numba_a_warning_comes_first_and_then_the_same_numbers(tmp_path):
    plain, answer = maps_of(tmp_path / "plain.npz", blocked=True)
    assert "hundreds of times slower" in answer.stderr
    assert "numba does not work here" in answer.stdout
    assert "None" in answer.stdout
    compiled, answer = maps_of(tmp_path / "compiled.npz", blocked=False)
    assert "slower" not in answer.stderr + answer.stdout
    assert plain.files == compiled.files
    for name in plain.files:
        assert plain[name] == pytest.approx(compiled[name], rel=1e-3, abs=1e-3), name
