"""Pages."""

from django.urls import path

from meta_app.library import views

app_name = "library"
urlpatterns = [path("records/", views.records, name="records")]
