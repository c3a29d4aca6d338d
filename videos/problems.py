"""Errors as application/problem+json (RFC 9457) with a stable code, never a trace."""

from typing import Any

import structlog
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler
from rest_framework.views import set_rollback

from videos.errors import Refusal, from_media, no_storage, not_found, unreadable_request
from videos.media.errors import MediaError
from videos.s3 import StorageUnavailable

log = structlog.get_logger(__name__)

PROBLEM_TYPE = "application/problem+json"


def problem_body(refusal: Refusal) -> dict[str, Any]:
    """The body: status, code, title, detail and whether trying again may help."""
    return {
        "type": f"urn:tvidz:error:{refusal.code.lower().replace('_', '-')}",
        "status": refusal.status,
        "code": refusal.code,
        "title": refusal.code.replace("_", " ").capitalize(),
        "detail": refusal.message,
        "retryable": refusal.retryable,
        **refusal.details,
    }


def problem(refusal: Refusal) -> JsonResponse:
    """A plain Django answer for views outside DRF."""
    return JsonResponse(
        problem_body(refusal),
        status=refusal.status,
        content_type=PROBLEM_TYPE,
        headers=refusal.headers,
    )


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: refusals, media errors and DRF's own exceptions alike."""
    if isinstance(error, MediaError):
        error = from_media(error)
    elif isinstance(error, Http404 | exceptions.NotFound):
        error = not_found()
    elif isinstance(error, MultiPartParserError | SuspiciousOperation):
        error = unreadable_request()
    elif isinstance(error, StorageUnavailable):
        log.error("no storage", error=str(error))
        error = no_storage()
    if isinstance(error, Refusal):
        return Response(
            problem_body(error),
            status=error.status,
            headers=error.headers,
            content_type=PROBLEM_TYPE,
        )
    answer = drf_exception_handler(error, context)
    if answer is None:
        return _fault(error)
    if isinstance(error, exceptions.APIException):
        codes = error.get_codes()
        code = (codes if isinstance(codes, str) else "invalid").upper()
        answer.data = problem_body(Refusal(code, str(error.detail), answer.status_code))
        answer.content_type = PROBLEM_TYPE
    return answer


def _fault(error: Exception) -> Response:
    """What nobody foresaw: the trace is for the log, the sender gets a sentence."""
    log.error("unforeseen error in the API", exc_info=error)
    set_rollback()
    told = Refusal(
        "INTERNAL", "Something went wrong on our side. Trying again may help.", 500, retryable=True
    )
    return Response(problem_body(told), status=told.status, content_type=PROBLEM_TYPE)


@csrf_exempt
def api_not_found(request: HttpRequest, path: str = "") -> JsonResponse:
    """404 under /api/ as JSON."""
    return problem(Refusal("NO_SUCH_PATH", "There is nothing at this address of the API.", 404))
