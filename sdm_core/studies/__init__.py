"""What the studies reported: two immutable tables, checked once at the door.

============  ============================================================================
module        what it holds
============  ============================================================================
cells         one cell of text -> a number, with the reason when it is not one
table         StudyTable: one entry per study (sizes, design, threshold, covariates)
peaks         PeakTable: one entry per peak (study, MNI mm, t or only a sign)
cohorts       which studies share people, and what to do about it
selection     the studies that an expression over the columns is true for
linear_model  LinearModel: design and tested contrast of covariates
images        StudyImage: the map of a study that has one
coverage      the mask without the voxels that maps leave open
bounds_maps   BoundsMaps: between which values each study's effect lies at each voxel
============  ============================================================================

Rows come in as mappings (from a file or a database); every problem of every row is collected before anything is
refused.  Inner code may rely on the invariants that the two classes number.
"""

from sdm_core.studies.bounds_maps import BoundsMaps
from sdm_core.studies.cohorts import (
    AVERAGE,
    KEEP_ONE,
    averages,
    cohort_counts,
    cohort_names,
    cohort_warnings,
    keep_largest,
    largest_of,
    members_of,
)
from sdm_core.studies.coverage import covered_mask
from sdm_core.studies.images import StudyImage
from sdm_core.studies.linear_model import LinearModel, linear_model
from sdm_core.studies.peaks import PeakTable, parse_peaks
from sdm_core.studies.selection import leave_out, select_studies
from sdm_core.studies.table import StudyTable, parse_studies

__all__ = [
    "AVERAGE",
    "KEEP_ONE",
    "BoundsMaps",
    "LinearModel",
    "PeakTable",
    "StudyImage",
    "StudyTable",
    "averages",
    "cohort_counts",
    "cohort_names",
    "cohort_warnings",
    "covered_mask",
    "keep_largest",
    "largest_of",
    "leave_out",
    "linear_model",
    "members_of",
    "parse_peaks",
    "parse_studies",
    "select_studies",
]
