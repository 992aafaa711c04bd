"""The command line."""

import json
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

from sdm_core.__main__ import ProgressLine, main
from sdm_core.pipeline import Progress
from sdm_core.spaces import AFFINE, SHAPE, mm_to_voxel


@pytest.fixture
def folder(tmp_path):
    """Simulated inputs: three studies with a peak, one without, and a small mask."""
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    lines = ["study\tn1\tn2\tt_thr"] + [f"s{i}\t{20 + i}\t22\t3.2" for i in range(3)] + ["quiet\t30\t28\t3.2"]
    (inputs / "sdm_table.txt").write_text("\n".join(lines) + "\n")
    for i in range(3):
        (inputs / f"s{i}.spm_mni.txt").write_text("-40,10,4,5.1\n")
    (inputs / "quiet.no_peaks.txt").write_text("")
    volume = np.zeros(SHAPE, dtype=np.uint8)
    i, j, k = mm_to_voxel([-40, 10, 4]).astype(int)
    volume[i - 6 : i + 7, j - 6 : j + 7, k - 6 : k + 7] = 1
    nib.save(nib.Nifti1Image(volume, AFFINE), tmp_path / "mask.nii.gz")
    return tmp_path


def arguments(folder, *more):
    common = ["--imputations", "3", "--mask", str(folder / "mask.nii.gz")]
    return ["run", str(folder / "inputs"), "--out", str(folder / "out"), *common, *more]


def test_run_writes_maps_tables_bounds_and_provenance(folder, capsys):
    assert main(arguments(folder, "--save-bounds", "--seed", "7")) == 0
    maps = {path.name.removesuffix(".nii.gz") for path in (folder / "out/maps").iterdir()}
    assert maps == {"g", "var", "z", "tau2", "i2", "h2", "q", "p_uncorrected", "p_uncorrected_neg"}
    assert (folder / "out/tables/clusters.csv").read_text().count("\n") >= 2
    assert (folder / "out/bounds/s0_lower.nii.gz").exists()
    written = json.loads((folder / "out/run.json").read_text())
    assert written["specification"]["seed"] == 7
    assert "sdm_table.txt" in written["inputs_sha256"]
    assert "100%  Done" in capsys.readouterr().out


def test_saved_bounds_start_a_run_with_the_same_effects(folder):
    assert main(arguments(folder, "--save-bounds")) == 0
    first = np.asarray(nib.load(folder / "out/maps/g.nii.gz").dataobj)
    again = ["run", str(folder / "inputs"), "--out", str(folder / "again"), "--imputations", "3"]
    assert main([*again, "--bounds", str(folder / "out/bounds")]) == 0
    assert np.asarray(nib.load(folder / "again/maps/g.nii.gz").dataobj) == pytest.approx(first, abs=1e-5)


def test_bad_input_is_told_in_sentences_with_exit_code_2(folder, capsys):
    (folder / "inputs/s1.spm_mni.txt").write_text("-40,10,high,5.1\n")
    assert main(arguments(folder)) == 2
    told = capsys.readouterr().err
    assert "s1" in told
    assert "Traceback" not in told
    assert not (folder / "out").exists()


def test_check_prints_every_problem_at_once(folder, capsys):
    assert main(["check", str(folder / "inputs")]) == 0
    (folder / "inputs/s1.spm_mni.txt").write_text("-40,10,high,5.1\n")
    (folder / "inputs/s2.spm_mni.txt").write_text("-40,10,4,tall\n")
    assert main(["check", str(folder / "inputs")]) == 2
    told = capsys.readouterr().out
    assert "s1" in told
    assert "s2" in told
    assert "2 errors" in told


def test_permutations_add_corrected_maps_maxima_and_tables(folder, capsys):
    assert main(arguments(folder, "--permutations", "3", "--workers", "2")) == 0
    maps = {path.name for path in (folder / "out/maps").iterdir()}
    assert {f"p_fwe_{name}.nii.gz" for name in ("voxel", "voxel_neg", "tfce", "tfce_neg")} <= maps
    assert (folder / "out/null_maxima.csv").read_text().count("\n") == 4
    assert (folder / "out/tables/clusters_fwe_tfce.csv").exists()
    written = json.loads((folder / "out/run.json").read_text())
    assert written["permutation_test"]["permutations"] == written["specification"]["permutations"] == 3
    assert "null_maxima.csv" in written["outputs"]
    assert main(arguments(folder, "--permutations", "3", "--estimator", "REML")) == 2
    assert "estimator" in capsys.readouterr().err


def test_tfce_prints_the_maxima_of_both_signs(folder, capsys):
    z = np.zeros(SHAPE, dtype=np.float32)
    i, j, k = mm_to_voxel([-40, 10, 4]).astype(int)
    z[i, j, k], z[i + 3, j, k] = 3, -6
    nib.save(nib.Nifti1Image(z, AFFINE), folder / "z.nii.gz")
    assert main(["tfce", str(folder / "z.nii.gz"), "--mask", str(folder / "mask.nii.gz")]) == 0
    assert capsys.readouterr().out == "positive 9\nnegative 72\n"
    z[i, j, k] = np.nan
    nib.save(nib.Nifti1Image(z, AFFINE), folder / "z.nii.gz")
    assert main(["tfce", str(folder / "z.nii.gz"), "--mask", str(folder / "mask.nii.gz")]) == 2
    assert "1 voxels without a number" in capsys.readouterr().err


def test_the_module_runs_as_a_command():
    done = subprocess.run(
        [sys.executable, "-m", "sdm_core", "run", "nowhere", "--out", "o"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_sees_one_line_that_is_rewritten(capsys):
    for terminal, expected in ((True, "\r\x1b[K 10%  A\r\x1b[K 20%  A\n"), (False, " 10%  A\n")):
        line = ProgressLine(terminal)
        for share in (0.1, 0.2):
            line.show(Progress("a", share, "A"))
        line.end()
        assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["run", "FOLDER", "--out", "OUT", "--threads", "-2"], '"-2" is not a whole number from 1'),
        (["at", "OUT", "--mm", "here"], '"here" is not numbers with commas between them'),
    ],
)
def test_a_number_that_is_none_is_told_as_it_was_typed(command, words, capsys):
    with pytest.raises(SystemExit):
        main(command)
    assert words in capsys.readouterr().err
