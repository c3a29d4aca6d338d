"""REST: a video with what it copies."""

import uuid

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from matching.serializers import video_with_duplicates
from videos.access.visibility import visible
from videos.requests import viewer


class VideoView(APIView):
    """GET a video: its facts, progress, scene cuts and duplicates."""

    def get(self, request: Request, video_id: uuid.UUID) -> Response:
        asker = viewer(request)
        return Response(video_with_duplicates(visible(asker, video_id), asker))
