"""What a descriptor's distances mean is measured on the library itself."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from matching import neighbours
from matching.descriptor_calibration import TooLittle, calibrate
from matching.engine.descriptors import HSV108
from matching.engine.nearness import NotTelling
from matching.engine.version import ENGINE_VERSION
from matching.models import DescriptorCalibration, DescriptorVector, DuplicateLink
from tests.picture_library import fingerprint_of, library, own, shots_of, taken_in
from videos import storage
from videos.models import Video

pytestmark = pytest.mark.django_db

UseModel = Callable[..., Path]
MakeVideo = Callable[..., Video]


def test_copies_become_likely_and_strangers_unlikely(
    use_model: UseModel, video_row: MakeVideo
) -> None:
    use_model()
    library(video_row)
    heard: list[tuple[int, int]] = []

    row = calibrate(own(), lambda done, total: heard.append((done, total)))

    assert (row.name, row.version) == ("mine", own().version)
    assert (row.pictures, row.families) == (30, 6)
    assert heard[0] == (1, 30)
    assert heard[-1] == (30, 30)
    assert row.separation > 0.95
    assert row.error < 0.1
    darker = (shots_of(100) * 0.6).astype(np.uint8)
    copies = neighbours.nearest(neighbours.heads(fingerprint_of(darker), own()), 1)
    strangers = neighbours.nearest(neighbours.heads(fingerprint_of(shots_of(999)), own()), 1)
    assert min(near.confidence for near in copies) > 0.8
    assert np.mean([near.confidence for near in strangers]) < 0.3


def test_the_colours_that_come_with_tvidz_are_calibrated_alike(video_row: MakeVideo) -> None:
    library(video_row)

    row = calibrate(HSV108)

    assert (row.name, row.version, row.pictures) == ("hsv108", "1", 30)
    # Grey and pale copies lose their colours: strangers are often nearer.
    assert 0.5 < row.separation < 0.99


def test_measuring_again_replaces_what_was_measured(
    use_model: UseModel, video_row: MakeVideo
) -> None:
    use_model()
    library(video_row)
    first = calibrate(own())

    second = calibrate(own())

    assert DescriptorCalibration.objects.count() == 1
    assert (second.pk, second.slope) == (first.pk, pytest.approx(first.slope))


def test_a_known_copy_in_the_library_is_no_stranger(
    use_model: UseModel, video_row: MakeVideo
) -> None:
    use_model()
    videos = library(video_row)
    alone = calibrate(own()).separation
    copy = taken_in(video_row, shots_of(100), "copy.mp4")
    unknown = calibrate(own()).separation
    DuplicateLink.objects.create(
        query=copy,
        reference=videos[0],
        version=ENGINE_VERSION,
        score=0.99,
        matched_frames=60,
        covered_query=1.0,
        covered_reference=1.0,
    )

    known = calibrate(own())

    assert known.families == 6
    assert unknown < alone - 0.02
    assert known.separation == pytest.approx(alone, abs=0.02)


def test_too_small_a_library_is_refused_saying_what_is_missing(
    use_model: UseModel, video_row: MakeVideo
) -> None:
    use_model()
    library(video_row, 4)

    with pytest.raises(TooLittle, match="At least 5 unrelated videos .* there are 4"):
        calibrate(own())


def test_an_empty_library_is_refused(use_model: UseModel) -> None:
    use_model()

    with pytest.raises(TooLittle, match="there are 0"):
        calibrate(own())


def test_shots_without_pictures_do_not_count(use_model: UseModel, video_row: MakeVideo) -> None:
    use_model()
    for video in library(video_row)[:3]:
        storage.remove(video.pictures_key)

    with pytest.raises(TooLittle, match="At least 20 shots with evidence pictures .* there are 15"):
        calibrate(own())


def test_a_descriptor_that_tells_nothing_is_refused(
    use_model: UseModel, video_row: MakeVideo
) -> None:
    use_model()
    library(video_row)
    # As if the stored vectors came from another model: an altered picture is near none of them.
    rng = np.random.default_rng(1)
    for row in DescriptorVector.objects.all():
        vector = rng.normal(size=own().dimension)
        row.vector = vector / np.linalg.norm(vector)
        row.save(update_fields=["vector"])

    with pytest.raises(NotTelling):
        calibrate(own())

    assert not DescriptorCalibration.objects.exists()
