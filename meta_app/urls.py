"""Every address. Pages of a project live below /projects/<project_id>/, the JSON API below /api/."""

from django.contrib.auth.decorators import login_required
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import IsAuthenticated

from meta_app.common.views import health
from meta_app.projects.api import ProjectListView

project_pages = [
    path("", include("meta_app.library.urls")),
    path("", include("meta_app.screening.urls")),
    path("", include("meta_app.extraction.urls")),
    path("", include("meta_app.quality.urls")),
    path("", include("meta_app.agreement.urls")),
    path("", include("meta_app.datasets.urls")),
    path("", include("meta_app.analyses.urls")),
    path("", include("meta_app.results.urls")),
]
project_api = [
    path("", include("meta_app.projects.api_urls")),
    path("", include("meta_app.library.api_urls")),
    path("", include("meta_app.extraction.api_urls")),
    path("", include("meta_app.quality.api_urls")),
    path("", include("meta_app.datasets.api_urls")),
    path("", include("meta_app.analyses.api_urls")),
    path("", include("meta_app.results.api_urls")),
]

urlpatterns = [
    path("health/", health, name="health"),
    path("accounts/", include("meta_app.accounts.urls")),
    path("", include("meta_app.projects.urls")),
    path("projects/<int:project_id>/", include(project_pages)),
    path("api/schema/", SpectacularAPIView.as_view(permission_classes=[IsAuthenticated]), name="api_schema"),
    path("api/docs/", login_required(SpectacularSwaggerSplitView.as_view(url_name="api_schema")), name="api_docs"),
    path("api/projects/", ProjectListView.as_view(), name="api_projects"),
    path("api/projects/<int:project_id>/", include(project_api)),
]

handler400 = "meta_app.common.views.bad_request"
handler403 = "meta_app.common.views.forbidden"
handler404 = "meta_app.common.views.not_found"
handler500 = "meta_app.common.views.server_error"
