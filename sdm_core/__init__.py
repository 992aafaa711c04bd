"""SDM-PSI meta-analysis of neuroimaging studies from their peak coordinates.

Data flows from left to right; a package imports only from those to its left.
errors, specification | spaces | studies | effects | imputation, pooling, inference | diagnostics | pipeline, io

>>> from sdm_core import AnalysisSpecification, PeakTable, StudyTable, run
>>> studies = StudyTable.from_rows([{"study": "smith2011", "n1": 20, "n2": 22, "t_thr": 3.1}])
>>> peaks = PeakTable.from_rows([{"study": "smith2011", "x": -38, "y": 10, "z": 4, "statistic": 4.2}], studies)
>>> result = run(studies, peaks, AnalysisSpecification(imputations=10))  # doctest: +SKIP
"""

__version__ = "0.1.0"

from sdm_core.errors import InputError, SdmError, Stopped
from sdm_core.pipeline import Progress, Result, run
from sdm_core.specification import AnalysisSpecification
from sdm_core.studies import PeakTable, StudyTable

__all__ = [
    "AnalysisSpecification",
    "InputError",
    "PeakTable",
    "Progress",
    "Result",
    "SdmError",
    "Stopped",
    "StudyTable",
    "__version__",
    "run",
]
