"""REST: a file comes in."""

import uuid
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from rest_framework import status
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from videos.access.visibility import remember_upload, visible
from videos.errors import Refusal, malware, sign_in_first, url_import_off
from videos.models import Upload
from videos.queue import retry
from videos.requests import sent_file, told_fields, viewer
from videos.serializers import import_json, latest_analysis, may_retry, video_json
from videos.uploads import url_import
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


class ImportsView(APIView):
    """POST {"url": …}: a worker fetches the file; 202 with the import and its address."""

    parser_classes = [JSONParser, FormParser]

    def post(self, request: Request) -> Response:
        if not settings.TVIDZ.url_import:
            raise url_import_off()
        if not isinstance(request.user, User):
            raise sign_in_first()
        row = url_import.begin(_named_url(request), request.user)
        body = import_json(row)
        headers = {"Location": body["address"]}
        return Response(body, status=status.HTTP_202_ACCEPTED, headers=headers)


class ImportView(APIView):
    """GET how far an import is and what became of it; DELETE gives it up, or forgets it."""

    def get(self, request: Request, import_id: uuid.UUID) -> Response:
        return Response(import_json(url_import.look_up(import_id, request.user)))

    def delete(self, request: Request, import_id: uuid.UUID) -> Response:
        url_import.give_up(url_import.look_up(import_id, request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _named_url(request: Request) -> str:
    url = told_fields(request).get("url")
    if not isinstance(url, str) or not url:
        raise Refusal("BAD_REQUEST", 'Name the file\'s address: {"url": "https://…"}.', 400)
    return url


def take(request: HttpRequest, entrance: Upload.Entrance) -> Accepted:
    """Accept the file of a form; the browser's session remembers it."""
    user = request.user if isinstance(request.user, User) else None
    if user is None and not settings.TVIDZ.anonymous_uploads:
        raise sign_in_first()
    sent = sent_file(request)
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
