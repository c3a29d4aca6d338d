"""REST: claims for uploaders, rights holders and moderators. Each verb is one call."""

import uuid
from typing import Any, Final

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from moderation.claim_verbs import (
    LONGEST_DOCUMENT,
    MOST_DOCUMENTS,
    REASONS,
    Said,
    act,
    claims_on,
    may_know,
    visible_claims,
)
from moderation.errors import no_such_claim
from moderation.models import Claim
from moderation.reading import LONGEST_NOTE
from moderation.statement import OF_UPLOADER, applied_policy, claim_json
from videos.access.visibility import Viewer, owns, visible
from videos.errors import not_found
from videos.requests import viewer

PAGE: Final = 50
VERBS: Final = tuple(name.replace("_", "-") for name in REASONS)


class SaidSerializer(serializers.Serializer[Any]):
    """A move with the version of the claim that was seen."""

    version = serializers.IntegerField(min_value=0)
    reason = serializers.CharField(max_length=24)
    note = serializers.CharField(default="", allow_blank=True, max_length=LONGEST_NOTE)
    documents = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_DOCUMENT),
        default=list,
        max_length=MOST_DOCUMENTS,
    )
    policy = serializers.CharField(default="", allow_blank=True, max_length=12)


class WantedClaimsSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=Claim.State.choices, required=False)
    after = serializers.IntegerField(required=False)


class VideoClaimsView(APIView):
    """GET the claims on a video: for its uploader, who acts for a holder, and moderators."""

    def get(self, request: Request, video_id: uuid.UUID) -> Response:
        asker = viewer(request)
        video = visible(asker, video_id)
        claims = claims_on(asker, video)
        if not claims and not (owns(asker, video) or asker.is_staff or asker.reviews):
            raise not_found()
        return Response(
            {
                "policy_applied": applied_policy(claims),
                "claims": [claim_json(claim, asker) for claim in claims],
            }
        )


class VideoClaimActView(APIView):
    """POST version, reason and note: the uploader disputes, appeals or answers a notice."""

    def post(self, request: Request, video_id: uuid.UUID, claim_id: int, verb: str) -> Response:
        asker = viewer(request)
        theirs = Claim.objects.filter(pk=claim_id, query_id=video_id).exists()
        if not theirs or verb not in OF_UPLOADER:
            raise no_such_claim()
        return _acted(asker, claim_id, verb, request)


class ClaimsView(APIView):
    """GET a page of the claims that are yours, the newest first; `after` is the last id."""

    def get(self, request: Request) -> Response:
        told = WantedClaimsSerializer(data=request.query_params)
        told.is_valid(raise_exception=True)
        asker = viewer(request)
        rows = visible_claims(asker).select_related("holder", "decision", "flag")
        if state := told.validated_data.get("state"):
            rows = rows.filter(state=state)
        if after := told.validated_data.get("after"):
            rows = rows.filter(pk__lt=after)
        found = list(rows[: PAGE + 1])
        last = found[PAGE - 1].pk if len(found) > PAGE else None
        claims = [claim_json(claim, asker) for claim in found[:PAGE]]
        return Response({"claims": claims, "after": last})


class ClaimView(APIView):
    """GET a claim of yours."""

    def get(self, request: Request, claim_id: int) -> Response:
        return Response(_told(viewer(request), claim_id))


class ClaimActView(APIView):
    """POST version, reason, note, documents: a claimant or moderator moves the claim."""

    def post(self, request: Request, claim_id: int, verb: str) -> Response:
        return _acted(viewer(request), claim_id, verb.replace("-", "_"), request)


def _acted(asker: Viewer, claim_id: int, name: str, request: Request) -> Response:
    told = SaidSerializer(data=request.data)
    told.is_valid(raise_exception=True)
    said = dict(told.validated_data)
    act(asker, claim_id, said.pop("version"), name, Said(**said))
    return Response(_told(asker, claim_id))


def _told(asker: Viewer, claim_id: int) -> dict[str, Any]:
    rows = Claim.objects.select_related("holder", "decision", "flag")
    claim = rows.filter(pk=claim_id).first()
    if claim is None or not may_know(asker, claim):
        raise no_such_claim()
    return claim_json(claim, asker)
