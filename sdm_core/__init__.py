"""SDM-PSI meta-analysis of neuroimaging studies from their peak coordinates.

Data flows from left to right; a package imports only from those to its left.
errors, specification, lanes | spaces | studies | effects | imputation, pooling, inference | comparison, diagnostics |
pipeline, io | commands

>>> from sdm_core import AnalysisSpecification, PeakTable, StudyTable, run
>>> studies = StudyTable.from_rows([{"study": "smith2011", "n1": 20, "n2": 22, "t_thr": 3.1}])
>>> peaks = PeakTable.from_rows([{"study": "smith2011", "x": -38, "y": 10, "z": 4, "statistic": 4.2}], studies)
>>> result = run(studies, peaks, AnalysisSpecification(imputations=10))  # doctest: +SKIP
"""

__version__ = "0.1.0"

from importlib import import_module
from typing import TYPE_CHECKING

from sdm_core.errors import InputError, SdmError, Stopped
from sdm_core.specification import AnalysisSpecification
from sdm_core.studies import PeakTable, StudyTable

if TYPE_CHECKING:
    from sdm_core.pipeline.progress import Progress
    from sdm_core.pipeline.run import Result, run
else:

    def __getattr__(name: str) -> object:
        """Import the pipeline, and the compiler with it, when it is asked for: to read tables needs neither."""
        if name not in {"Progress", "Result", "run"}:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module("sdm_core.pipeline"), name)


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
