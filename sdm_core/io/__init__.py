"""Files in, files out; the only package that knows nibabel.

==========  =============================================================================
module      what it reads and writes
==========  =============================================================================
text        text files of any origin -> lines and cells
sdm_folder  a folder of SDM-PSI inputs: ``sdm_table.txt`` and one file per study
nifti       one map on the grid
images      maps of single studies, of any grid
summary     what a folder's studies were understood to be
bounds      lower and upper maps of every study
tables      clusters and peaks as rows and as CSV
results     everything a run leaves behind, written whole or not at all
runs        a run that was written before
blocks      what blocks of permutations left, so that a run can go on
prepared    large arrays kept on disk for the workers of a machine
templates   correlations of neighbouring voxels, measured on a folder of maps
==========  =============================================================================
"""

from sdm_core.io.blocks import BlockFolder, maxima_from_bytes, maxima_to_bytes
from sdm_core.io.bounds import read_bounds, write_bounds
from sdm_core.io.nifti import read_map, read_mask, read_masked_map, write_map
from sdm_core.io.prepared import Prepared, PreparedCache
from sdm_core.io.results import write_result
from sdm_core.io.runs import EarlierRun, read_run
from sdm_core.io.sdm_folder import check_sdm_folder, inspect_sdm_folder, read_sdm_folder, write_sdm_folder
from sdm_core.io.summary import study_lines
from sdm_core.io.tables import cluster_rows, peak_rows
from sdm_core.io.templates import build_template, read_template, write_template

__all__ = [
    "BlockFolder",
    "EarlierRun",
    "Prepared",
    "PreparedCache",
    "build_template",
    "check_sdm_folder",
    "cluster_rows",
    "inspect_sdm_folder",
    "maxima_from_bytes",
    "maxima_to_bytes",
    "peak_rows",
    "read_bounds",
    "read_map",
    "read_mask",
    "read_masked_map",
    "read_run",
    "read_sdm_folder",
    "read_template",
    "study_lines",
    "write_bounds",
    "write_map",
    "write_result",
    "write_sdm_folder",
    "write_template",
]
