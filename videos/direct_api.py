"""REST: uploads that a sender puts straight into the S3 bucket."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from videos.access.visibility import new_secret, remember_upload
from videos.errors import direct_off, sign_in_first
from videos.models import DirectUpload, Upload
from videos.uploads import outcome
from videos.uploads.s3 import direct

# Addresses signed by one request.
MOST_ADDRESSES = 1000


class AnnouncedSerializer(serializers.Serializer[Any]):
    """A file as it is announced: its name, bytes and type."""

    name = serializers.CharField(max_length=4096)
    size = serializers.IntegerField(min_value=0, max_value=1 << 50)
    type = serializers.CharField(required=False, allow_blank=True, max_length=255)


class NumbersSerializer(serializers.Serializer[Any]):
    """Numbers of parts, from 1."""

    numbers = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=direct.MOST_PARTS),
        min_length=1,
        max_length=MOST_ADDRESSES,
    )


class DirectUploadsView(APIView):
    """POST name, size and type of a file; 201 with how to send it to the bucket."""

    def post(self, request: Request) -> Response:
        if not settings.TVIDZ.s3_uploads:
            raise direct_off()
        user = request.user if isinstance(request.user, User) else None
        if user is None and not settings.TVIDZ.anonymous_uploads:
            raise sign_in_first()
        told = _valid(AnnouncedSerializer, request)
        secret, digest = ("", "") if user is not None else new_secret()
        from_site = settings.CSRF_COOKIE_NAME in request._request.COOKIES
        upload, sending = direct.begin(
            direct.Announced(
                told["name"],
                told["size"],
                told.get("type") or "application/octet-stream",
                user,
                digest,
                Upload.Entrance.SITE if from_site else Upload.Entrance.API,
            )
        )
        remember_upload(request._request.session, upload.video_id)
        body = _json(upload) | sending | {"video_id": str(upload.video_id), "secret": secret}
        where = reverse("videos:api-direct", args=[upload.id], request=request)
        return Response(body, status=status.HTTP_201_CREATED, headers={"Location": where})


class DirectUploadView(APIView):
    """GET what became of an upload, DELETE to give it up."""

    def get(self, request: Request, upload_id: uuid.UUID) -> Response:
        return Response(_json(_own(request, upload_id)))

    def delete(self, request: Request, upload_id: uuid.UUID) -> Response:
        direct.abandon(_own(request, upload_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class DirectPartsView(APIView):
    """GET the parts that are there, POST numbers of parts for addresses to PUT them to."""

    def get(self, request: Request, upload_id: uuid.UUID) -> Response:
        return Response({"parts": direct.parts_there(_own(request, upload_id))})

    def post(self, request: Request, upload_id: uuid.UUID) -> Response:
        upload = _own(request, upload_id)
        numbers = _valid(NumbersSerializer, request)["numbers"]
        return Response({"addresses": direct.part_addresses(upload, numbers)})


class DirectCompleteView(APIView):
    """POST when all is sent; 202, and the upload tells from then on what becomes of it."""

    def post(self, request: Request, upload_id: uuid.UUID) -> Response:
        upload = direct.complete(_own(request, upload_id))
        return Response(_json(upload), status=status.HTTP_202_ACCEPTED)


def _own(request: Request, upload_id: uuid.UUID) -> DirectUpload:
    return outcome.look_up(DirectUpload, upload_id, request.user)


def _valid(kind: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    told = kind(data=request.data)
    told.is_valid(raise_exception=True)
    return dict(told.validated_data)


def _json(upload: DirectUpload) -> dict[str, Any]:
    open_state = "waiting" if upload.sent_at is None else "received"
    return outcome.standing(upload, open_state) | {
        "length": upload.length,
        "expires_at": upload.expires_at.isoformat(),
    }
