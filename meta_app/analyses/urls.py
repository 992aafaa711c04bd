"""Pages."""

from django.urls import path

from meta_app.analyses import views

app_name = "analyses"
urlpatterns = [
    path("analyses/", views.runs, name="runs"),
    path("analyses/of-dataset/", views.runs_of_dataset, name="runs_of_dataset"),
    path("analyses/new/", views.run_new, name="run_new"),
    path("analyses/new/preflight/", views.run_preflight, name="run_preflight"),
    path("analyses/<int:run_id>/", views.run, name="run"),
    path("analyses/<int:run_id>/progress/", views.run_progress, name="run_progress"),
    path("analyses/<int:run_id>/cancel/", views.run_cancel, name="run_cancel"),
    path("analyses/<int:run_id>/retry/", views.run_retry, name="run_retry"),
    path("analyses/<int:run_id>/extend/", views.run_extend, name="run_extend"),
]
