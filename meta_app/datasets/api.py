"""JSON API of the agreed datasets."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView, RetrieveAPIView

from meta_app.datasets.models import AgreedDataset
from meta_app.datasets.selectors import agreed_datasets, get_agreed_dataset
from meta_app.datasets.serializers import AgreedDatasetDetailSerializer, AgreedDatasetSerializer
from meta_app.projects.permissions import enter_project


@extend_schema_view(get=extend_schema(operation_id="agreed_datasets_list", tags=["datasets"]))
class AgreedDatasetsView(ListAPIView):
    """The frozen versions of a project, newest first."""

    serializer_class = AgreedDatasetSerializer
    queryset = AgreedDataset.objects.none()

    def get_queryset(self) -> QuerySet[AgreedDataset]:
        place = enter_project(self.request.user, self.kwargs["project_id"])
        return agreed_datasets(place.project)


@extend_schema_view(get=extend_schema(operation_id="agreed_datasets_detail", tags=["datasets"]))
class AgreedDatasetView(RetrieveAPIView):
    """One frozen version with its content. `sha256` is that of the canonical text, which the JSON download gives."""

    serializer_class = AgreedDatasetDetailSerializer
    queryset = AgreedDataset.objects.none()

    def get_object(self) -> AgreedDataset:
        place = enter_project(self.request.user, self.kwargs["project_id"])
        return get_agreed_dataset(place.project, self.kwargs["version"])
