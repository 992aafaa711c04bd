"""JSON API: the projects of the signed-in person."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meta_app.projects.models import Membership
from meta_app.projects.permissions import enter_project
from meta_app.projects.serializers import ProjectDetailSerializer, ProjectSerializer


@extend_schema_view(get=extend_schema(tags=["projects"], operation_id="projects_list", summary="Your projects"))
class ProjectListView(ListAPIView):
    serializer_class = ProjectSerializer

    def get_queryset(self) -> QuerySet[Membership]:
        memberships = Membership.objects.filter(user=self.request.user.pk)
        return memberships.select_related("project").order_by("project__name", "pk")


class ProjectDetailView(APIView):
    @extend_schema(
        tags=["projects"],
        operation_id="project_detail",
        summary="One project: your role, and what waits for you at each stage",
        responses=ProjectDetailSerializer,
    )
    def get(self, request: Request, project_id: int) -> Response:
        place = enter_project(request.user, project_id)
        return Response(ProjectDetailSerializer(place.membership).data)
