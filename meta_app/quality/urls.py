"""Pages."""

from django.urls import path

from meta_app.quality import activity_views

app_name = "quality"
urlpatterns = [
    path("activity/", activity_views.activity, name="activity"),
    path("activity/export.<slug:kind>", activity_views.activity_export, name="activity_export"),
]
