"""Readable names of the 116 regions of the Automated Anatomical Labeling atlas (AAL).

Keys are the atlas's own names without the side; every name in a label goes through this table, so that nothing is
printed that the atlas does not hold.
"""

from __future__ import annotations

from typing import Final

READABLE: Final[dict[str, str]] = {
    "Precentral": "precentral gyrus",
    "Frontal_Sup": "superior frontal gyrus, dorsolateral",
    "Frontal_Sup_Orb": "superior frontal gyrus, orbital part",
    "Frontal_Mid": "middle frontal gyrus",
    "Frontal_Mid_Orb": "middle frontal gyrus, orbital part",
    "Frontal_Inf_Oper": "inferior frontal gyrus, opercular part",
    "Frontal_Inf_Tri": "inferior frontal gyrus, triangular part",
    "Frontal_Inf_Orb": "inferior frontal gyrus, orbital part",
    "Rolandic_Oper": "rolandic operculum",
    "Supp_Motor_Area": "supplementary motor area",
    "Olfactory": "olfactory cortex",
    "Frontal_Sup_Medial": "superior frontal gyrus, medial",
    "Frontal_Med_Orb": "superior frontal gyrus, medial orbital",
    "Rectus": "gyrus rectus",
    "Insula": "insula",
    "Cingulum_Ant": "anterior cingulate / paracingulate gyri",
    "Cingulum_Mid": "median cingulate / paracingulate gyri",
    "Cingulum_Post": "posterior cingulate gyrus",
    "Hippocampus": "hippocampus",
    "ParaHippocampal": "parahippocampal gyrus",
    "Amygdala": "amygdala",
    "Calcarine": "calcarine fissure / surrounding cortex",
    "Cuneus": "cuneus cortex",
    "Lingual": "lingual gyrus",
    "Occipital_Sup": "superior occipital gyrus",
    "Occipital_Mid": "middle occipital gyrus",
    "Occipital_Inf": "inferior occipital gyrus",
    "Fusiform": "fusiform gyrus",
    "Postcentral": "postcentral gyrus",
    "Parietal_Sup": "superior parietal gyrus",
    "Parietal_Inf": "inferior parietal (excluding supramarginal and angular) gyri",
    "SupraMarginal": "supramarginal gyrus",
    "Angular": "angular gyrus",
    "Precuneus": "precuneus",
    "Paracentral_Lobule": "paracentral lobule",
    "Caudate": "caudate nucleus",
    "Putamen": "lenticular nucleus, putamen",
    "Pallidum": "lenticular nucleus, pallidum",
    "Thalamus": "thalamus",
    "Heschl": "heschl gyrus",
    "Temporal_Sup": "superior temporal gyrus",
    "Temporal_Pole_Sup": "temporal pole, superior temporal gyrus",
    "Temporal_Mid": "middle temporal gyrus",
    "Temporal_Pole_Mid": "temporal pole, middle temporal gyrus",
    "Temporal_Inf": "inferior temporal gyrus",
    "Cerebelum_Crus1": "cerebellum, crus I",
    "Cerebelum_Crus2": "cerebellum, crus II",
    "Cerebelum_3": "cerebellum, hemispheric lobule III",
    "Cerebelum_4_5": "cerebellum, hemispheric lobule IV / V",
    "Cerebelum_6": "cerebellum, hemispheric lobule VI",
    "Cerebelum_7b": "cerebellum, hemispheric lobule VIIB",
    "Cerebelum_8": "cerebellum, hemispheric lobule VIII",
    "Cerebelum_9": "cerebellum, hemispheric lobule IX",
    "Cerebelum_10": "cerebellum, hemispheric lobule X",
    "Vermis_1_2": "cerebellum, vermic lobule I / II",
    "Vermis_3": "cerebellum, vermic lobule III",
    "Vermis_4_5": "cerebellum, vermic lobule IV / V",
    "Vermis_6": "cerebellum, vermic lobule VI",
    "Vermis_7": "cerebellum, vermic lobule VII",
    "Vermis_8": "cerebellum, vermic lobule VIII",
    "Vermis_9": "cerebellum, vermic lobule IX",
    "Vermis_10": "cerebellum, vermic lobule X",
}

SIDES: Final = {"_L": "Left", "_R": "Right"}


def readable(code: str) -> str:
    """The name of a region of the atlas, e.g. ``Insula_L`` -> ``Left insula``; KeyError for any other code."""
    side = SIDES.get(code[-2:])
    if side is None:
        name = READABLE[code]
        return name[0].upper() + name[1:]
    return f"{side} {READABLE[code[:-2]]}"
