"""Pages."""

from django.urls import path

from meta_app.datasets import views

app_name = "datasets"
urlpatterns = [
    path("datasets/", views.versions, name="versions"),
    path("datasets/freeze/", views.freeze, name="freeze"),
    path("datasets/<int:version>/", views.version, name="version"),
    path("datasets/<int:version>/from/<int:before>/", views.changes, name="changes"),
    path("datasets/<int:version>/<str:name>", views.download, name="download"),
]
