"""What makes a result believable, at one place: a peak, a coordinate, or the mean over a mask.

===============  ==================================================================================
module           what it answers
===============  ==================================================================================
place            PlaceEffects: the imputed effects of every dataset at the place; the door
forest           each dataset's effect, weight and interval; the pooled effect; where a new one may lie
heterogeneity    how much the datasets differ: tau2, I2, H2, Q
small_studies    do smaller datasets find more: Egger's regression, funnel data
classical        older tests of the same: rank correlation, trim and fill, fail-safe numbers
excess           are there more significant datasets than their power allows
influence        what each dataset changes when it is left out
evidence         class I to IV of umbrella reviews, with every criterion
report           all of the above as one JSON-able document
===============  ==================================================================================

Every answer is pooled over imputations by Rubin's rules.  With one imputation (every dataset known) the numbers are
those of the R package metafor.
"""

from .classical import Classical, classical
from .evidence import EvidenceClass, grade
from .excess import ExcessSignificance, excess_significance
from .forest import Forest, forest
from .heterogeneity import Heterogeneity, heterogeneity
from .influence import Influence, influence
from .place import PlaceEffects
from .report import diagnose, model_summary, plain
from .small_studies import Egger, Funnel, egger, funnel

__all__ = [
    "Classical",
    "Egger",
    "EvidenceClass",
    "ExcessSignificance",
    "Forest",
    "Funnel",
    "Heterogeneity",
    "Influence",
    "PlaceEffects",
    "classical",
    "diagnose",
    "egger",
    "excess_significance",
    "forest",
    "funnel",
    "grade",
    "heterogeneity",
    "influence",
    "model_summary",
    "plain",
]
