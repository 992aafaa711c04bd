"""Where things are: the voxel grid, masks, templates, Talairach and MNI space, and anatomical labels.

=============  =====================================================================================
module         what it holds
=============  =====================================================================================
grid           the 2 mm grid, millimetres <-> voxels, the 13 unordered neighbour directions
packaged       reads the small files in ``data`` (made by ``scripts/build_spatial_data.py``)
masks          Mask: which voxels are analysed, in which order; distance of a coordinate to them
templates      Template: how strongly each mask voxel is correlated with its neighbours
measured       templates measured on images of people
talairach      Talairach <-> MNI by software
resampling     a map of any grid -> the grid
labels         the region (AAL) and Brodmann area at a coordinate
=============  =====================================================================================

Imports nothing of the package above ``errors``; reads no file but its own data.
"""

from sdm_core.spaces.grid import AFFINE, NEIGHBOUR_OFFSETS, SHAPE, VOXEL_MM, mm_to_voxel, voxel_to_mm
from sdm_core.spaces.masks import Mask, distance_to_mask, load_mask
from sdm_core.spaces.measured import template_on
from sdm_core.spaces.resampling import resample
from sdm_core.spaces.talairach import mni_to_talairach, talairach_to_mni
from sdm_core.spaces.templates import Template, load_template

__all__ = [
    "AFFINE",
    "NEIGHBOUR_OFFSETS",
    "SHAPE",
    "VOXEL_MM",
    "Mask",
    "Template",
    "distance_to_mask",
    "load_mask",
    "load_template",
    "mm_to_voxel",
    "mni_to_talairach",
    "resample",
    "talairach_to_mni",
    "template_on",
    "voxel_to_mm",
]
