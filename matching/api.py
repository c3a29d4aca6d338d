"""REST: a video with what it copies, and pictures of the evidence."""

import uuid

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from rest_framework import status
from rest_framework.parsers import FormParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from matching.exports import as_csv, rows
from matching.serializers import video_with_duplicates
from matching.witnesses import MOST_WIDTH, evidence_picture, shown_segment
from videos.access.visibility import visible
from videos.changing import change, read_changes
from videos.deletion import delete_for
from videos.errors import Refusal, not_found
from videos.requests import told_fields, viewer


class VideoView(APIView):
    """GET a video: its facts, progress, scene cuts and duplicates; PATCH what it is called and
    who sees it; DELETE it for good."""

    parser_classes = [JSONParser, FormParser]

    def get(self, request: Request, video_id: uuid.UUID) -> Response:
        asker = viewer(request)
        return Response(video_with_duplicates(visible(asker, video_id), asker))

    def patch(self, request: Request, video_id: uuid.UUID) -> Response:
        asker = viewer(request)
        visible(asker, video_id)
        change(asker, video_id, read_changes(told_fields(request)))
        return Response(video_with_duplicates(visible(asker, video_id), asker))

    def delete(self, request: Request, video_id: uuid.UUID) -> Response:
        if not delete_for(viewer(request), [video_id]):
            raise not_found()
        return Response(status=status.HTTP_204_NO_CONTENT)


class MatchesView(APIView):
    """GET what a video copies as a table to keep: `as_what` is csv or json, a row a segment."""

    def get(self, request: Request, video_id: uuid.UUID, as_what: str) -> HttpResponse:
        asker = viewer(request)
        told = video_with_duplicates(visible(asker, video_id), asker)
        name = f"matches-{video_id}.{as_what}"
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        }
        if as_what == "json":
            return JsonResponse({"matches": list(rows(told))}, headers=headers)
        return HttpResponse(as_csv(told), content_type="text/csv; charset=utf-8", headers=headers)


class EvidenceView(APIView):
    """GET a picture of two frames of a segment with their matched points."""

    def get(self, request: Request, link_id: int, segment_id: int) -> HttpResponse:
        asked = request.query_params
        try:
            pair, width = int(asked.get("pair", 0)), int(asked.get("width", MOST_WIDTH))
        except ValueError:
            raise Refusal("BAD_REQUEST", "Pair and width are whole numbers.", 400) from None
        token = asked.get("signed")
        segment = shown_segment(link_id, segment_id, viewer(request), token)
        picture = evidence_picture(
            segment,
            pair,
            width,
            dark=asked.get("dark") == "1",
            reference_first=asked.get("first") == "reference",
        )
        life = settings.TVIDZ.media_url_seconds
        headers = {"Cache-Control": f"private, max-age={life}"}
        return HttpResponse(picture, content_type="image/jpeg", headers=headers)
