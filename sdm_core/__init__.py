"""SDM-PSI meta-analysis of neuroimaging studies from their peak coordinates."""

__version__ = "0.1.0"
