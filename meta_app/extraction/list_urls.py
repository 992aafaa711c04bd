"""The list of studies, its import and assignment; included by `extraction.urls`."""

from django.urls import path

from meta_app.extraction import list_views

list_urlpatterns = [
    path("extraction/", list_views.studies, name="studies"),
    path("extraction/assignments/", list_views.assignments, name="assignments"),
    path("extraction/assignments/set/", list_views.assign, name="assign"),
    path("extraction/assignments/deal/", list_views.deal, name="deal"),
    path("extraction/<int:study_id>/criteria/", list_views.criterion, name="criterion"),
    path("extraction/list/", list_views.list_import, name="list_import"),
    path("extraction/list/import/", list_views.list_confirm, name="list_confirm"),
    path("extraction/list/left-out.csv", list_views.list_left_out, name="list_left_out"),
]
