"""From maps to findings.

clusters   suprathreshold clusters of a z map, their peaks and their anatomy
"""

from sdm_core.inference.clusters import Cluster, Peak, find_clusters

__all__ = ["Cluster", "Peak", "find_clusters"]
