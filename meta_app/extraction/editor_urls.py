"""What the editor asks of the server beside the JSON API; included by `extraction.urls`."""

from django.urls import path

from meta_app.extraction import editor_views, form_views

editor_urlpatterns = [
    path("extraction/form/", form_views.form, name="form"),
    path("extraction/form/change/", form_views.field_change, name="field_change"),
    path("extraction/<int:study_id>/answers/", editor_views.answers, name="answers"),
    path("extraction/<int:study_id>/problems/", editor_views.problems, name="problems"),
    path("extraction/<int:study_id>/rows/", editor_views.row_add, name="row_add"),
    path("extraction/<int:study_id>/rows/delete/", editor_views.row_delete, name="row_delete"),
]
