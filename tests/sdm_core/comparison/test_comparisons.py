"""Two runs beside each other, on made-up maps of a small box and on simulated studies."""

import json
import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy import special, stats

from sdm_core import AnalysisSpecification, InputError, PeakTable, StudyTable, run
from sdm_core.__main__ import main
from sdm_core.comparison import Thresholds, cluster_masks, conjunction, contrast, overlap
from sdm_core.inference import cluster_labels
from sdm_core.io import read_map, write_result
from sdm_core.spaces import SHAPE, Mask

BOX = (slice(40, 52), slice(40, 52), slice(40, 52))
ANY = Thresholds(p=0.05, min_peak_z=0, min_extent=1)


def box_mask(size=12):
    volume = np.zeros(SHAPE, dtype=bool)
    volume[tuple(slice(40, 40 + size) for _ in range(3))] = True
    return Mask.from_volume(volume, "box")


@dataclass
class MadeRun:
    """A finished run of made-up maps."""

    z: np.ndarray
    g: np.ndarray | None = None
    name: str = "made"
    studies: dict = field(default_factory=lambda: {"names": ["a"]})
    mask: Mask = field(default_factory=box_mask)
    template: str = "t"
    variance: float = 0.04

    @property
    def specification(self):
        return AnalysisSpecification(voxel_p=0.05, min_peak_z=0, min_extent=1)

    @property
    def document(self):
        template = {"name": "template", "sha256": self.template}
        mask = {"name": self.mask.name, "sha256": self.mask.sha256, "voxels": self.mask.size}
        return {"studies": self.studies, "specification": {}, "template": template, "mask": mask}

    def map(self, name):
        if name in ("p_fwe_voxel", "p_fwe_voxel_neg"):
            raise InputError([])
        if name.startswith("p_"):
            sign = -1 if name.endswith("_neg") else 1
            return np.where(self.mask.voxels, special.ndtr(-sign * self.z), 1).astype(np.float32)
        if name == "var":
            return np.where(self.mask.voxels, self.variance, 0).astype(np.float32)
        values = {"z": self.z, "g": self.z * math.sqrt(self.variance) if self.g is None else self.g}[name]
        return np.where(self.mask.voxels, values, 0).astype(np.float32)


def made(**places):
    """A run with z in some voxels of the box, 0.1 elsewhere: ``made(a=(3.0, (0, 1, 2)))`` along the first axis."""
    z = np.zeros(SHAPE)
    z[BOX] = 0.1
    for value, line in places.values():
        for i in line:
            z[40 + i, 45, 45] = value
    return z


def test_a_conjunction_takes_the_smaller_z_and_the_larger_p_of_each_voxel():
    found = conjunction(MadeRun(made(a=(3, (0, 1, 2)))), MadeRun(made(a=(2, (1, 2, 3)))), ANY)
    assert found.maps["z"][41, 45, 45] == 2
    assert found.maps["p"][41, 45, 45] == pytest.approx(stats.norm.sf(2), rel=1e-5)
    assert [cluster.size_voxels for cluster in found.clusters] == [2]


def test_effects_of_opposite_signs_have_no_conjunction():
    found = conjunction(MadeRun(made(a=(3, (0, 1)))), MadeRun(made(a=(-3, (0, 1)))), ANY)
    assert found.maps["z"][40, 45, 45] == 0
    assert len(found.clusters) == 0


def test_negative_effects_in_both_runs_have_one():
    found = conjunction(MadeRun(made(a=(-3, (0, 1)))), MadeRun(made(a=(-2, (0, 1)))), ANY)
    assert [(cluster.sign, cluster.peak.z) for cluster in found.clusters] == [(-1, -2.0)]


def test_the_conjunction_of_two_nulls_that_are_true_once_rejects_at_most_as_often_as_asked():
    """The worst case of the conjunction null: one effect is sure, the other one absent."""
    rng = np.random.default_rng(1)
    z, sure = np.zeros(SHAPE), np.zeros(SHAPE)
    z[BOX], sure[BOX] = rng.standard_normal((12, 12, 12)), 10
    rejected = conjunction(MadeRun(z), MadeRun(sure), ANY).maps["p"][BOX] <= 0.05
    low, high = stats.binom.interval(0.99, rejected.size, 0.05)
    assert low <= rejected.sum() <= high


def test_a_contrast_is_the_difference_over_the_root_of_both_variances():
    first, second = MadeRun(made(a=(4, (0,))), studies={"names": ["a"]}), MadeRun(made(), studies={"names": ["b"]})
    second.variance = 0.05
    second.g = np.full(SHAPE, 0.1)
    found = contrast(first, second, ANY)
    # g is 4 x 0.2 = 0.8 in the first run.
    assert found.maps["g"][40, 45, 45] == pytest.approx(0.7)
    assert found.maps["z"][40, 45, 45] == pytest.approx(0.7 / 0.3, rel=1e-5)
    assert found.maps["p_uncorrected"][40, 45, 45] == pytest.approx(stats.norm.sf(0.7 / 0.3), rel=1e-4)
    assert found.maps["p_uncorrected"][0, 0, 0] == found.maps["p_uncorrected_neg"][0, 0, 0] == 1


def test_exchanging_the_runs_changes_the_sign_of_a_contrast():
    first, second = MadeRun(made(a=(4, (0,))), studies={"names": ["a"]}), MadeRun(made(), studies={"names": ["b"]})
    one, other = contrast(first, second, ANY), contrast(second, first, ANY)
    assert np.array_equal(one.maps["z"], -other.maps["z"])
    assert np.array_equal(one.maps["p_uncorrected"], other.maps["p_uncorrected_neg"])


@pytest.mark.parametrize("kind", ["names", "cohorts"])
def test_runs_that_share_datasets_or_cohorts_are_contrasted_only_when_asked(kind):
    own = {"names": ["x"]} | {kind: ["smith2011", "jones2012"]}
    other = {"names": ["y"]} | {kind: ["smith2011"]}
    first, second = MadeRun(made(), studies=own), MadeRun(made(), studies=other)
    with pytest.raises(InputError, match="smith2011"):
        contrast(first, second)
    assert contrast(first, second, allow_shared=True).provenance["allow_shared"]
    assert "smith2011" in str(conjunction(first, second).provenance["shared"])


def test_fishers_z_is_not_subtracted_from_hedges_g():
    first = MadeRun(made(), studies={"names": ["a"], "designs": {"correlation": 1}})
    second = MadeRun(made(), studies={"names": ["b"], "designs": {"two_sample": 1}})
    with pytest.raises(InputError, match="Fisher's z"):
        contrast(first, second)


def test_runs_of_different_masks_or_templates_are_refused_with_both_names():
    other = MadeRun(made(), mask=box_mask(11), template="u")
    for compare in (conjunction, contrast, overlap):
        with pytest.raises(InputError) as refused:
            compare(MadeRun(made()), other)
        assert [problem.field for problem in refused.value.problems] == ["template", "mask"]


def test_a_missing_corrected_p_and_an_unknown_correction_are_refused():
    with pytest.raises(InputError):
        conjunction(MadeRun(made()), MadeRun(made()), Thresholds("fwe_voxel"))
    with pytest.raises(InputError, match="Choose one of"):
        Thresholds("bonferroni")
    with pytest.raises(InputError, match="corrected here"):
        contrast(MadeRun(made()), MadeRun(made(), studies={"names": ["b"]}), Thresholds("fwe_voxel"))


def test_overlap_counts_voxels_dice_and_the_share_of_each_cluster():
    mean = MadeRun(made(a=(3, (0, 1, 2, 3)), b=(-3, (8, 9))))
    slope = MadeRun(made(a=(-3, (2, 3, 4))))
    found = overlap(mean, slope)
    assert found["voxels"] == {"main": 6, "moderator": 3, "overlap": 2}
    assert found["dice"] == pytest.approx(4 / 9)
    assert [row["share"] for row in found["main"]] == [0.5, 0]
    assert found["moderator"][0]["share"] == pytest.approx(2 / 3)
    assert found["pairs"] == [{"main": 1, "moderator": 1, "voxels": 2, "dice": 4 / 7, "same_sign": False}]
    json.dumps(found, allow_nan=False)


def test_runs_without_clusters_have_no_dice():
    found = overlap(MadeRun(made()), MadeRun(made()))
    assert found["dice"] is None
    assert found["pairs"] == found["main"] == []


def test_every_voxel_of_a_cluster_bears_its_number():
    one = MadeRun(made(a=(3, (0, 1, 2)), b=(4, (6, 7)), c=(-3, (9,))))
    signed = ANY.maps(one)
    clusters = ANY.clusters(one.z, one.mask, *signed)
    labels = cluster_labels(clusters, one.z, one.mask, *signed, voxel_p=0.05)
    assert np.bincount(labels.ravel())[1:].tolist() == [cluster.size_voxels for cluster in clusters] == [3, 2, 1]
    assert labels[40:50, 45, 45].tolist() == [1, 1, 1, 0, 0, 0, 2, 2, 0, 3]


def test_the_masks_of_clusters_hold_their_voxels_and_unknown_numbers_are_refused():
    one = MadeRun(made(a=(3, (0, 1, 2)), b=(-3, (6, 7))))
    assert [(mask.name, mask.size) for mask in cluster_masks(one, [2, 1])] == [("cluster 2", 2), ("cluster 1", 3)]
    with pytest.raises(InputError, match="cluster 3"):
        cluster_masks(one, [1, 3])


@pytest.fixture
def folders(tmp_path):
    """Two runs of simulated studies around one place."""
    for name, t in (("first", 6.0), ("second", 5.0)):
        rows = [{"study": f"{name}{i}", "n1": 30, "t_thr": 3.2} for i in range(4)]
        studies = StudyTable.from_rows(rows)
        found = [{"study": f"{name}{i}", "x": -4, "y": -30, "z": 16, "statistic": t} for i in range(4)]
        specification = AnalysisSpecification(imputations=3)
        write_result(run(studies, PeakTable.from_rows(found, studies), specification, mask=box_mask()), tmp_path / name)
    return tmp_path


def test_the_commands_write_and_print_comparisons(folders, capsys):
    first, second = str(folders / "first"), str(folders / "second")
    assert main(["conjunction", first, second, "--out", str(folders / "both")]) == 0
    assert "clusters; maps" in capsys.readouterr().out
    both, own = (read_map(folders / name / "maps" / "z.nii.gz")[0] for name in ("both", "second"))
    assert np.all(np.abs(both) <= np.abs(own))
    assert json.loads((folders / "both" / "run.json").read_text())["comparison"] == "conjunction"
    assert main(["contrast", first, second, "--out", str(folders / "difference"), "--p", "0.3"]) == 0
    document = json.loads((folders / "difference" / "run.json").read_text())
    assert document["thresholds"]["p"] == 0.3
    assert document["estimate"].startswith("first minus second")
    capsys.readouterr()
    assert main(["overlap", first, second]) == 0
    assert json.loads(capsys.readouterr().out)["dice"] > 0.5


def test_the_commands_refuse_what_cannot_be_compared(folders, capsys):
    first = str(folders / "first")
    assert main(["contrast", first, first, "--out", str(folders / "same")]) == 2
    assert "not independent" in capsys.readouterr().err
    assert main(["conjunction", first, first, "--out", str(folders / "same"), "--correction", "fwe_tfce"]) == 2
    assert "--permutations" in capsys.readouterr().err
    assert main(["overlap", first, str(folders / "nowhere")]) == 2
    assert not (folders / "same").exists()
