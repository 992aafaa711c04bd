"""JSON API: list, launch, look at, cancel, retry and extend runs."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meta_app.analyses import services
from meta_app.analyses.models import Run
from meta_app.analyses.selectors import project_runs
from meta_app.analyses.serializers import (
    ExtendSerializer,
    LaunchedSerializer,
    LaunchSerializer,
    RunDetailSerializer,
    RunSerializer,
)
from meta_app.datasets.models import AgreedDataset
from meta_app.projects.permissions import LAUNCH, READ, enter_project


@extend_schema(tags=["runs"])
class RunList(ListAPIView):
    """The runs of a project, newest first."""

    serializer_class = RunSerializer
    queryset = Run.objects.none()

    def get_queryset(self):
        return project_runs(enter_project(self.request.user, self.kwargs["project_id"]).project)

    @extend_schema(
        operation_id="runs_launch",
        request=LaunchSerializer,
        responses={
            201: LaunchedSerializer,
            200: OpenApiResponse(LaunchedSerializer, description="The same question was asked before."),
        },
    )
    def post(self, request: Request, project_id: int) -> Response:
        """Launch an analysis, or join the run that answers the same question."""
        place = enter_project(request.user, project_id, LAUNCH)
        wanted = LaunchSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = wanted.validated_data
        launched = services.run_launch(
            user=request.user,
            agreed_dataset=get_object_or_404(AgreedDataset, project=place.project, version=data["dataset"]),
            filters=wanted.to_filters(),
            model=wanted.to_model(),
            seed=data["seed"],
            name=data["name"],
        )
        code = status.HTTP_201_CREATED if launched.is_new else status.HTTP_200_OK
        return Response(LaunchedSerializer(launched).data, status=code)


def _detail(request: Request, project_id: int, run_id: int, right: frozenset[str] = READ) -> Run:
    place = enter_project(request.user, project_id, right)
    runs = Run.objects.select_related("agreed_dataset", "specification", "launched_by")
    return get_object_or_404(runs.prefetch_related("artefacts", "events"), project=place.project, pk=run_id)


@extend_schema(tags=["runs"])
class RunDetail(APIView):
    @extend_schema(operation_id="runs_retrieve", responses=RunDetailSerializer)
    def get(self, request: Request, project_id: int, run_id: int) -> Response:
        """One run: state, progress, question, files with their hashes, log."""
        return Response(RunDetailSerializer(_detail(request, project_id, run_id)).data)


@extend_schema(tags=["runs"])
class RunCancel(APIView):
    @extend_schema(operation_id="runs_cancel", request=None, responses=RunDetailSerializer)
    def post(self, request: Request, project_id: int, run_id: int) -> Response:
        """Cancel a queued run, or ask the worker of a running one to stop."""
        services.run_cancel(run=_detail(request, project_id, run_id, LAUNCH), user=request.user)
        return Response(RunDetailSerializer(_detail(request, project_id, run_id)).data)


@extend_schema(tags=["runs"])
class RunRetry(APIView):
    @extend_schema(operation_id="runs_retry", request=None, responses=RunDetailSerializer)
    def post(self, request: Request, project_id: int, run_id: int) -> Response:
        """Queue a failed or cancelled run again."""
        services.run_retry(run=_detail(request, project_id, run_id, LAUNCH), user=request.user)
        return Response(RunDetailSerializer(_detail(request, project_id, run_id)).data)


@extend_schema(tags=["runs"])
class RunExtend(APIView):
    @extend_schema(
        operation_id="runs_extend",
        request=ExtendSerializer,
        responses={
            201: LaunchedSerializer,
            200: OpenApiResponse(LaunchedSerializer, description="The same question was asked before."),
        },
    )
    def post(self, request: Request, project_id: int, run_id: int) -> Response:
        """Queue a new run with more permutations, which takes over those of a finished one."""
        run = _detail(request, project_id, run_id, LAUNCH)
        wanted = ExtendSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        launched = services.run_extend(user=request.user, run=run, **wanted.validated_data)
        code = status.HTTP_201_CREATED if launched.is_new else status.HTTP_200_OK
        return Response(LaunchedSerializer(launched).data, status=code)
