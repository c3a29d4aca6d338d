"""What uploaders do with their own videos on the site: delete them, show them, hide them."""

import uuid
from collections.abc import Iterable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from videos.access.accounts import keep
from videos.access.visibility import Viewer, may_delete, set_visibility
from videos.deletion import delete_for
from videos.errors import Refusal
from videos.models import Video, Visibility
from videos.requests import viewer

# As many as a page of the library offers, twice over.
MOST_AT_ONCE = 200


@require_POST
def delete_chosen(request: HttpRequest) -> HttpResponse:
    """POST `video`, once or more often: asks first, then deletes what is `confirmed`."""
    asker = viewer(request)
    numbers = _numbers(request.POST.getlist("video"))
    back = _back(request)
    if not numbers:
        messages.warning(request, "Nothing was chosen.")
        return HttpResponseRedirect(back)
    if "confirmed" not in request.POST:
        chosen = _own(asker, numbers)
        if not chosen:
            raise Http404
        context = {"chosen": chosen, "back": back}
        return render(request, "videos/confirm_deletion.html", context)
    gone = delete_for(asker, numbers)
    if not gone:
        raise Http404
    messages.success(request, "Deleted." if gone == 1 else f"{gone} files deleted.")
    return HttpResponseRedirect(back)


@require_POST
def show_or_hide(request: HttpRequest) -> HttpResponse:
    """POST `video` and `visibility`, `public` or `private`."""
    wanted = request.POST.get("visibility", "")
    numbers = _numbers(request.POST.getlist("video"))
    if wanted not in Visibility.values or not numbers:
        messages.warning(request, "Nothing was chosen.")
        return HttpResponseRedirect(_back(request))
    changed = set_visibility(viewer(request), numbers, Visibility(wanted))
    if not changed:
        raise Http404
    what = "This is" if changed == 1 else f"{changed} files are"
    words = "public now: everybody can see it." if wanted == "public" else "private now."
    messages.success(request, f"{what} {words if changed == 1 else words.replace('it.', 'them.')}")
    return HttpResponseRedirect(_back(request))


@require_POST
def keep_in_account(request: HttpRequest) -> HttpResponse:
    """POST: what this browser uploaded without an account becomes the account's."""
    try:
        kept = keep(viewer(request))
    except Refusal as refusal:
        messages.error(request, refusal.message)
    else:
        if kept:
            what = "This upload is" if kept == 1 else f"{kept} uploads are"
            messages.success(request, f"{what} in your account now.")
    return HttpResponseRedirect("/library/")


def _numbers(values: Iterable[str]) -> list[uuid.UUID]:
    found: dict[uuid.UUID, None] = {}
    for value in values:
        try:
            found[uuid.UUID(value)] = None
        except ValueError:
            continue
    return list(found)[:MOST_AT_ONCE]


def _own(asker: Viewer, numbers: list[uuid.UUID]) -> list[Video]:
    rows = Video.objects.in_bulk(numbers)
    return [
        rows[number] for number in numbers if number in rows and may_delete(asker, rows[number])
    ]


def _back(request: HttpRequest) -> str:
    """Where they came from, if that was a list of ours."""
    told = request.POST.get("back") or request.GET.get("back") or ""
    ours = url_has_allowed_host_and_scheme(told, allowed_hosts=None)
    return told if ours and told.startswith("/library/") else "/library/"
