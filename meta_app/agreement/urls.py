"""Pages."""

from django.urls import path

from meta_app.agreement import edit_views, views

app_name = "agreement"
urlpatterns = [
    path("agreement/", views.studies, name="studies"),
    path("agreement/summary/", views.summary, name="summary"),
    path("agreement/summary.csv", views.summary_csv, name="summary_csv"),
    path("agreement/<int:study_id>/", views.comparison, name="comparison"),
    path("agreement/<int:study_id>/make/", edit_views.make, name="make"),
    path("agreement/<int:study_id>/bulk/", edit_views.bulk, name="bulk"),
    path("agreement/<int:study_id>/doubt/", edit_views.doubt, name="doubt"),
    path("agreement/<int:study_id>/peak/", edit_views.peak, name="peak"),
    path("agreement/<int:study_id>/agree/", edit_views.agree, name="agree"),
    path("agreement/<int:study_id>/reopen/", edit_views.reopen, name="reopen"),
    path("agreement/<int:study_id>/names/", edit_views.names, name="names"),
    path("agreement/<int:study_id>/<int:difference_id>/decide/", edit_views.decide, name="decide"),
    path("agreement/<int:study_id>/<int:difference_id>/undo/", edit_views.undo, name="undo"),
    path("agreement/<int:study_id>/<int:difference_id>/letter/", edit_views.letter, name="letter"),
]
