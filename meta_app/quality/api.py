"""JSON API: one item of one's own score."""

from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meta_app.projects.permissions import EXTRACT, enter_project
from meta_app.quality.models import ItemScore
from meta_app.quality.selectors import get_own_score, open_items, score_total
from meta_app.quality.serializers import ItemEditSerializer, ItemSavedSerializer
from meta_app.quality.services import item_save, item_values

STALE = OpenApiResponse(description="Another save came first: details.yours, details.theirs and details.version.")


class ItemView(APIView):
    @extend_schema(operation_id="quality_item_read", responses=ItemEditSerializer, tags=["quality"])
    def get(self, request: Request, project_id: int, study_id: int, item: str) -> Response:
        """One item of your own score of a study."""
        place = enter_project(request.user, project_id, EXTRACT)
        row = ItemScore.objects.filter(score=get_own_score(place, study_id), item=item).first()
        if row is None:
            raise Http404
        return Response({**item_values(row), "version": row.version})

    @extend_schema(
        operation_id="quality_item_save",
        request=ItemEditSerializer,
        responses={200: ItemSavedSerializer, 409: STALE},
        tags=["quality"],
    )
    def put(self, request: Request, project_id: int, study_id: int, item: str) -> Response:
        """Save the points, quote, page and note of one item of your own draft."""
        place = enter_project(request.user, project_id, EXTRACT)
        score = get_own_score(place, study_id)
        edit = ItemEditSerializer(data=request.data)
        edit.is_valid(raise_exception=True)
        values = dict(edit.validated_data)
        saved = item_save(place=place, score=score, item=item, version=values.pop("version"), values=values)
        return Response(
            {
                "version": saved.version,
                "saved_at": saved.updated_at,
                "total": score_total(score),
                "open_items": len(open_items(score)),
            }
        )
