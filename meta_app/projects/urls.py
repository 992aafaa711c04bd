"""Pages."""

from django.urls import path

from meta_app.projects import views

app_name = "projects"
urlpatterns = [
    path("", views.my_work, name="my_work"),
    path("projects/new/", views.project_new, name="project_new"),
    path("projects/<int:project_id>/", views.overview, name="overview"),
    path("projects/<int:project_id>/settings/", views.settings, name="settings"),
    path("projects/<int:project_id>/protocol/", views.protocol, name="protocol"),
    path("projects/<int:project_id>/protocol/edit/", views.protocol_edit, name="protocol_edit"),
    path("projects/<int:project_id>/protocol/<int:version>/", views.protocol, name="protocol_version"),
    path("projects/<int:project_id>/team/", views.team, name="team"),
    path("projects/<int:project_id>/team/<int:membership_id>/role/", views.member_role, name="member_role"),
    path("projects/<int:project_id>/team/<int:membership_id>/remove/", views.member_remove, name="member_remove"),
]
