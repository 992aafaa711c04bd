"""The web application: records -> studies -> extraction -> agreed dataset -> analysis -> results.

Data flows one way, and apps import only from apps to their left:
accounts, audit, projects, library, screening, extraction, quality, agreement, datasets, analyses, results.

Inside an app the role names are the same everywhere:
urls, api_urls > views, api > forms, serializers > services > tasks > execution > engine, checks > exports > pairing >
selectors > models > parsers > domain. Services write, selectors read, views parse-authorise-call-render, domain is
plain Python.
Only `analyses.engine`, `analyses.computing` and `extraction.checks` open the door to `sdm_core`.
"""

from meta_app.celery import app as celery_app

__all__ = ["celery_app"]
