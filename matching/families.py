"""Which library videos are known copies of one another."""

import uuid
from collections.abc import Sequence

import numpy as np
from django.conf import settings
from django.db.models import Q
from numpy.typing import NDArray

from matching.models import DuplicateLink

LEAST_COVER = 0.5


def families(videos: Sequence[uuid.UUID], version: str) -> NDArray[np.int64]:
    """A number (n,) for each of `videos`; those that links connect, directly or not, share one.

    Content that one family shares is its own; only what several families share is common. A link
    makes family when it covers at least half of one side: two films with the same leader are no
    copies of one another.
    """
    place = {video: number for number, video in enumerate(videos)}
    family = list(range(len(videos)))

    def root(number: int) -> int:
        while family[number] != number:
            family[number] = family[family[number]]
            number = family[number]
        return number

    links = DuplicateLink.objects.filter(
        version=version,
        query__in=videos,
        reference__in=videos,
        score__gte=settings.TVIDZ.flag_confidence,
    ).filter(Q(covered_query__gte=LEAST_COVER) | Q(covered_reference__gte=LEAST_COVER))
    for query, reference in links.values_list("query_id", "reference_id"):
        family[root(place[query])] = root(place[reference])
    return np.array([root(number) for number in range(len(videos))], np.int64)
