"""JSON API."""

from django.urls import path

from meta_app.extraction.api import PeaksCheckView, PeaksView
from meta_app.extraction.editor_api import ConversionView, ExtractionView
from meta_app.extraction.import_api import StudiesImportView

app_name = "api_extraction"
urlpatterns = [
    path("extraction/import/", StudiesImportView.as_view(), name="studies_import"),
    path("extractions/convert/", ConversionView.as_view(), name="convert"),
    path("extractions/<int:extraction_id>/", ExtractionView.as_view(), name="extraction"),
    path("extraction/datasets/<int:dataset_id>/peaks/", PeaksView.as_view(), name="peaks"),
    path("extraction/datasets/<int:dataset_id>/peaks/check/", PeaksCheckView.as_view(), name="peaks_check"),
]
