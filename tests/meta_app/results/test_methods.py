"""What the methods text and the facts of a result say of what papers leave out.  Made-up datasets."""

from dataclasses import replace

from meta_app.datasets.domain import DatasetRow, GroupRow, PeakRow
from meta_app.results.methods import thresholds_text, transforms_text

PEAK = PeakRow(x=-38, y=12, z=-4, sign=1, statistic_kind="t", statistic=4.5)
ROW = DatasetRow(
    key="Aster 2001 / ReHo", study="Aster 2001", year=2001, reports=("Aster 2001",), label="ReHo",
    comparison="patients_controls", modality="resting_fmri", metric="ReHo", design="two_sample", cohort="c1",
    cohort_label="", group_a=GroupRow("g1", "patients", n=18), group_b=GroupRow("g2", "controls", n=20),
    software="fsl", space="mni", t_threshold=3.1, peaks=(PEAK, PEAK),
)  # fmt: skip


def test_thresholds_are_told_with_what_was_taken_for_those_that_are_missing():
    nothing_found = replace(ROW, t_threshold=None, peaks=(), peaks_state="no_peaks")
    rows = [ROW, replace(ROW, t_threshold=2.4567), replace(ROW, t_threshold=None), nothing_found]
    assert thresholds_text(rows) == (
        "known for 2 of 4 datasets (|t| > 2.46 to 3.1); 1 dataset without one: the smallest |t| it reports is used; "
        "1 dataset without one: the t of a two-tailed p of 0.05 is used"
    )
    assert thresholds_text([ROW]) == "known for 1 of 1 dataset (|t| > 3.1)"
    assert thresholds_text([replace(ROW, t_threshold=None, peaks_state="map")]) == "none needed"


def test_each_talairach_transform_is_named_with_its_peaks():
    by_software = replace(ROW, space="talairach")
    chosen = replace(by_software, transform="brett")
    own_space = replace(ROW, peaks=(PEAK, replace(PEAK, space="talairach")))
    assert transforms_text([ROW]) == ""
    assert transforms_text([ROW, by_software, chosen, own_space]) == (
        "3 peaks of 2 datasets by Lancaster 2007, FSL; 2 peaks of 1 dataset by Brett 1999"
    )


def test_a_row_of_its_own_space_in_a_talairach_dataset_is_not_transformed():
    row = replace(ROW, space="talairach", peaks=(PEAK, replace(PEAK, space="mni")))
    assert transforms_text([row]) == "1 peak of 1 dataset by Lancaster 2007, FSL"
