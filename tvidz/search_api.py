"""REST: what of the library does this file copy, without adding it."""

import uuid
from pathlib import Path

from django.contrib.auth.models import User
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tvidz.search_json import asked_json, search_json
from tvidz.searching import ask
from videos import searches
from videos.access.visibility import may_search
from videos.errors import sign_in_to_search
from videos.models import Search
from videos.requests import sent_file, viewer

# An answer is one asker's alone, and true for a moment.
HEADERS = {"Cache-Control": "no-store"}


class SearchView(APIView):
    """POST an image or a video as multipart/form-data in the field `file`.

    200 with what was found, or 202 with the search that a worker does, and its address.
    """

    parser_classes = [MultiPartParser]

    def post(self, request: Request) -> Response:
        if not may_search(request.user):
            raise sign_in_to_search()
        user = request.user if isinstance(request.user, User) else None
        sent = sent_file(request._request)
        asked = ask(Path(sent.temporary_file_path()), sent.name or "", user)
        if not isinstance(asked, Search):
            return Response(asked_json(asked, viewer(request)), headers=HEADERS)
        body = search_json(asked, viewer(request))
        headers = HEADERS | {"Location": body["address"]}
        return Response(body, status=status.HTTP_202_ACCEPTED, headers=headers)


class SearchResultView(APIView):
    """GET how far a search by a worker is and what it found; DELETE gives it up."""

    def get(self, request: Request, search_id: uuid.UUID) -> Response:
        row = searches.look_up(search_id, request.user)
        return Response(search_json(row, viewer(request)), headers=HEADERS)

    def delete(self, request: Request, search_id: uuid.UUID) -> Response:
        searches.forget(searches.look_up(search_id, request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)
