"""The built-in checklist: 20 points, 10 for the sample and 10 for imaging. Plain Python."""

from typing import Final

from meta_app.quality.domain import Item, Wording

NAME: Final = "CBMA-20 (PHN)"
CUTOFF: Final = 16.0
SOURCE: Final = (
    "Weights after the quality assessment tool of original fMRI studies (20 points: 10 for the sample, 10 for methods "
    "and reporting) of a published BMJ Open protocol of a coordinate-based meta-analysis of resting-state fMRI, its "
    "table 3. Item 4 asks for pain instead of cognition. The anchors for all, half and none of the points and the "
    "variants for VBM are Concord's own proposal. It is not the form of any published review of postherpetic neuralgia."
)
ITEMS: Final = (
    Item("diagnosis", "sample", 2, Wording(
        "Diagnosis standardised", "Named criterion, duration after the rash, and who assessed.",
        "Named criterion only.", "Not stated.")),
    Item("demographics", "sample", 1, Wording(
        "Demographics reported, groups comparable",
        "n, age and sex (and education) of each group, with a test or matching.", "One of these is missing.",
        "Absent, or not comparable without adjustment.")),
    Item("eligibility", "sample", 2, Wording(
        "Eligibility and confounders",
        "Inclusion and exclusion lists that cover psychiatric and neurological disease, analgesic and psychotropic "
        "drugs, and handedness.", "Lists given, but drugs or comorbidity not handled.", "Not stated.")),
    Item("pain", "sample", 3, Wording(
        "Clinical pain data",
        "Sum of three parts, each 0, 0.5 or 1: duration with its unit; intensity on a named scale (VAS, NRS, SF-MPQ); "
        "medication or mood.", "The parts sum to half.", "None of them.")),
    Item("sample_size", "sample", 2, Wording(
        "Sample size of each group", "All groups have more than 10 people.", "The smallest group has exactly 10.",
        "A group has fewer than 10.")),
    Item("scanner", "imaging", 1, Wording("Scanner and field strength", "Both.", "One of them.", "Neither.")),
    Item("state_control", "imaging", 2, Wording(
        "Control of the resting state: eyes, wakefulness, limit of head motion",
        "At least two stated, head motion among them.", "One stated.", "None stated."), Wording(
        "Quality of structural images: check of quality or homogeneity, total intracranial volume as covariate",
        "Both.", "One of them.", "Neither.")),
    Item("acquisition", "imaging", 2, Wording(
        "Resting acquisition of 5 min or longer", "Yes, stated.", "3 to 5 min, or the duration can only be derived.",
        "Shorter than 3 min, or unknown."), Wording(
        "T1 voxels of at most 1.2 mm, about isotropic, and the method of segmentation", "Both.", "One of them.",
        "Neither.")),
    Item("parameters", "imaging", 1, Wording(
        "Sequence parameters: TR, TE, flip angle, field of view, matrix, slices and thickness, volumes",
        "At least 6 of the 7, with quality control.", "4 or 5 of them.", "Fewer than 4.")),
    Item("preprocessing", "imaging", 1, Wording(
        "Software and preprocessing can be repeated: version, normalisation, smoothing, filter, nuisance regressors",
        "All but one at most.", "Half of them.", "Little.")),
    Item("peaks", "imaging", 1, Wording(
        "Whole-brain results: peak coordinates, space, statistic, cluster size, direction", "All.",
        "Space or statistic missing.", "No table of peaks.")),
    Item("correction", "imaging", 1, Wording(
        "Correction for multiple comparisons", "Method with voxel and cluster level.",
        "Method named only, or uncorrected with an extent.", "Uncorrected, or none stated.")),
    Item("conclusions", "imaging", 1, Wording(
        "Conclusions within the results; limitations discussed", "Both.", "One of them.", "Neither.")),
)  # fmt: skip
