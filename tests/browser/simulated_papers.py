"""Simulated papers: what they print, what both reviewers take from them, and where one of the two slips."""

from dataclasses import dataclass, field
from typing import Any

from tests.meta_app.library.papers import make_pdf

HEAD = "Region\tx\ty\tz\tT\tVoxels"
PEAKS = (
    ("L insula", -38, 12, -4, 4.52, 120),
    ("R thalamus", 12, -18, 8, 5.1, 85),
    ("R precentral gyrus", 44, -8, 48, -4.07, 66),
    ("L precuneus", -8, -58, 44, -3.91, 203),
    ("R insula", 40, 18, 2, 4.2, 44),
)


@dataclass
class Paper:
    """A simulated paper, what both reviewers take from it, and where the one who slips takes it otherwise.

    Values are named by `level key`; groups are "patients" (the first one) and "controls" (the second).
    """

    author: str
    year: int
    number: int
    n: int = 18
    values: dict[str, str] = field(default_factory=dict)
    slips: dict[str, str] = field(default_factory=dict)
    peaks: tuple[tuple[Any, ...], ...] = PEAKS
    slipped_peaks: tuple[tuple[Any, ...], ...] | None = None
    peaks_state: str = "peaks"
    scales: tuple[tuple[str, ...], ...] = ()
    head: str = HEAD

    @property
    def label(self) -> str:
        return f"{self.author} {self.year}"

    @property
    def title(self) -> str:
        return f"Simulated paper {self.number}: resting-state activity in postherpetic neuralgia"

    @property
    def record(self) -> str:
        lines = ("TY  - JOUR", f"AU  - {self.author}, S", f"TI  - {self.title}", "JO  - Journal of Simulated Results",
                 f"PY  - {self.year}", "LA  - English", "ER  - ")  # fmt: skip
        return "\n".join(lines)

    @property
    def said(self) -> dict[str, str]:
        """The sentences of page 2, by the value that each is the quote of."""
        truth = self.answers()
        sentences = {
            "patients n": "{patients n} patients with PHN were analysed, {patients n_female} of them women.",
            "patients age_mean": "Their mean age was {patients age_mean} years (SD {patients age_sd}).",
            "patients duration_mean": "{patients duration_mean} {patients duration_unit} (SD {patients duration_sd}).",
            "controls n": "{controls n} people in the second group, {controls n_female} of them women.",
            "controls age_mean": "Mean age there {controls age_mean} years (SD {controls age_sd}).",
            "dataset scanner": "{dataset scanner}, {dataset field_strength} T, smoothed by {dataset fwhm_mm} mm.",
            "dataset t_threshold": "{dataset correction}, |t| above {dataset t_threshold}, in {dataset space} space.",
        }
        return {place: sentence.format_map(truth) for place, sentence in sentences.items()}

    @property
    def pdf(self) -> bytes:
        rows = [self.head.replace("\t", "   "), *("   ".join(map(str, row)) for row in self.peaks)]
        results = rows if self.peaks else ["No cluster survived."]
        return make_pdf(
            ["SIMULATED PAPER, made for a test of Concord", self.title, f"{self.author} S, {self.year}"],
            ["Participants and methods", *self.said.values(), "Results", *results],
        )  # fmt: skip

    def answers(self, slips: bool = False) -> dict[str, str]:
        n = self.n
        usual = {
            "study design": "case_control", "study diagnostic_criteria": "IASP criteria", "study site": "Simulated",
            "cohort label": "PHN and HC",
            "patients n": str(n), "patients n_female": str(n // 2), "patients age_mean": f"{60 + self.number}.4",
            "patients age_sd": "8.2", "patients duration_mean": "14.5", "patients duration_sd": "9.1",
            "patients duration_unit": "months",
            "controls n": str(n + 2), "controls n_female": str(n // 2 + 1),
            "controls age_mean": f"{59 + self.number}.1",
            "controls age_sd": "7.9",
            "dataset label": "ReHo", "dataset modality": "resting_fmri", "dataset metric": "ReHo",
            "dataset scanner": "GE Signa", "dataset field_strength": "3", "dataset software": "spm",
            "dataset fwhm_mm": "6", "dataset space": "mni", "dataset whole_brain": "yes",
            "dataset correction": "AlphaSim", "dataset threshold_kind": "corrected", "dataset t_threshold": "3.1",
        }  # fmt: skip
        return usual | self.values | (self.slips if slips else {})

    def rows(self, slips: bool = False) -> tuple[tuple[Any, ...], ...]:
        return self.slipped_peaks if slips and self.slipped_peaks is not None else self.peaks


def moved(number: int) -> tuple[tuple[Any, ...], ...]:
    """Peaks of a paper's own, all of them in gray matter."""
    across, up = 2 * (number % 4 - 1), 2 * (number // 4)
    return tuple(
        (label, x, y + across, z + up, round(t + (0.1 if t > 0 else -0.1) * number, 2), voxels + number)
        for label, x, y, z, t, voxels in PEAKS
    )


def changed(rows: tuple[tuple[Any, ...], ...], place: int, *cells: Any) -> tuple[tuple[Any, ...], ...]:
    """`rows` with the label and the coordinates of one row replaced."""
    row = (*cells, *rows[place][len(cells) :])
    return (*rows[:place], row, *rows[place + 1 :])


SIGNS = tuple((label, x, y, z, "+" if t > 0 else "-", voxels) for label, x, y, z, t, voxels in moved(5))
HOLT = {
    "patients age_mean": "63.27",
    "patients age_sd": "8.43",
    "controls age_mean": "62.15",
    "controls age_sd": "7.66",
}
PRE_POST = {
    "study design": "pre_post", "cohort label": "PHN before and after", "controls kind": "after", "controls n": "16",
    "controls n_female": "8", "patients age_mean": "66.2", "controls age_mean": "66.2", "controls age_sd": "8.2",
    "dataset comparison": "after_before", "dataset design": "one_sample", "dataset group_a": "controls",
    "dataset group_b": "patients", "dataset label": "ReHo after treatment",
}  # fmt: skip
VAS = (("VAS", "before", "6.5", "1.2", "0", "10"), ("VAS", "after", "3.1", "1.4", "0", "10"))
TEN = [
    Paper("Aldworth", 2015, 1, slips={"patients n": "19", "dataset scanner": "Siemens Trio"}, peaks=moved(1),
          slipped_peaks=changed(moved(1), 0, "Insula", 38)[:4]),
    Paper("Bergman", 2016, 2, n=24, slips={"patients age_mean": "63.4"}, peaks=moved(2),
          slipped_peaks=changed(moved(2), 1, "R thalamus", 12, moved(2)[1][3], moved(2)[1][2])),
    Paper("Castell", 2017, 3, n=21, values={"dataset metric": "ALFF", "dataset label": "ALFF"}, peaks=moved(3),
          slipped_peaks=changed(moved(3), 2, "R precentral gyrus", 44, -4, 43)),
    Paper("Dunmore", 2018, 4, n=8, slips={"dataset t_threshold": "3.4"}, peaks=(), peaks_state="no_peaks"),
    Paper("Eklund", 2018, 5, n=26, slips={"controls n_female": "13"}, peaks=SIGNS, peaks_state="sign_only",
          head="Region\tx\ty\tz\tSign\tVoxels"),
    Paper("Farrow", 2019, 6, n=30, values={"dataset space": "talairach"}, slips={"dataset space": "mni"},
          peaks=moved(6)),
    Paper("Grieve", 2020, 7, n=16, values=PRE_POST, slips={"patients duration_unit": "years"}, peaks=moved(7),
          scales=VAS),
    Paper("Holt", 2021, 8, n=32, values=HOLT, peaks=moved(8)),
    Paper("Ivers", 2022, 9, n=32, values=HOLT, slips={"dataset fwhm_mm": "8"}, peaks=moved(9)),
    Paper("Jarvis", 2023, 10, n=22, slips={"controls age_sd": "9.7"}, peaks=moved(10)),
]  # fmt: skip
"""Sign and a missing row; axes; a digit; no peaks, and 8 people; signs only; Talairach; before and after; no slip; the
people of Holt once more; below the cut-off of quality."""
