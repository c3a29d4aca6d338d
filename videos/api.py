"""REST: a file comes in."""

import uuid
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import HttpRequest
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from videos.access.visibility import remember_upload, visible
from videos.errors import Refusal, malware, no_file, sign_in_first
from videos.models import Upload
from videos.queue import retry
from videos.requests import viewer
from videos.serializers import latest_analysis, may_retry, video_json
from videos.uploads.accept import Accepted, Arrival, accept


class UploadView(APIView):
    """POST a file as multipart/form-data in the field `file`; 201 with the video and its secret."""

    parser_classes = [MultiPartParser]

    def post(self, request: Request) -> Response:
        from_site = settings.CSRF_COOKIE_NAME in request._request.COOKIES
        entrance = Upload.Entrance.SITE if from_site else Upload.Entrance.API
        accepted = take(request._request, entrance)
        body = video_json(accepted.video, viewer(request)) | {
            "duplicates": [],
            "secret": accepted.secret,
        }
        return Response(body, status=status.HTTP_201_CREATED)


class RetryView(APIView):
    """POST to analyse a video again that failed on our side."""

    def post(self, request: Request, video_id: uuid.UUID) -> Response:
        asker = viewer(request)
        video = visible(asker, video_id)
        analysis = latest_analysis(video)
        if analysis is None or not may_retry(asker, video):
            raise Refusal("NOT_RETRYABLE", "This video cannot be analysed again.", 409)
        retry(analysis)
        video.refresh_from_db()
        return Response(video_json(video, asker), status=status.HTTP_202_ACCEPTED)


def take(request: HttpRequest, entrance: Upload.Entrance) -> Accepted:
    """Accept the file of a form; the browser's session remembers it."""
    user = request.user if isinstance(request.user, User) else None
    if user is None and not settings.TVIDZ.anonymous_uploads:
        raise sign_in_first()
    sent = request.FILES.get("file")
    if not isinstance(sent, TemporaryUploadedFile):
        raise no_file()
    arrival = Arrival(Path(sent.temporary_file_path()), sent.name or "", entrance, user)
    try:
        accepted = accept(arrival)
    except Refusal as refusal:
        if refusal.code == malware().code:
            # It stands as a video, which says why.
            remember_upload(request.session, arrival.video_id)
        raise
    remember_upload(request.session, accepted.video.id)
    return accepted
