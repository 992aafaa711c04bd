"""JSON API."""

from django.urls import path

from meta_app.quality.api import ItemView

app_name = "api_quality"
urlpatterns = [path("quality/studies/<int:study_id>/items/<slug:item>/", ItemView.as_view(), name="item")]
