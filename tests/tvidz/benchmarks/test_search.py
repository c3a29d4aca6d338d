"""The made-up library is what it says, and the benchmark of searching runs through."""

import json
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command

from matching.models import FeatureVector, Fingerprint, WordPosting
from tvidz.benchmarks.library import FRAMES_OF_VIDEO, WORDS_OF_FRAME, Maker, extend


def test_two_made_up_frames_share_words_about_as_often_as_real_ones() -> None:
    frames = Maker().frames(8000)
    apart = frames.words[::50]
    words, times = np.unique(np.sort(apart, axis=1), return_counts=True)

    pairs = (times * (times - 1)).sum() / (len(apart) * (len(apart) - 1))

    # Very common frames come on top of the 4 in 10,000.
    assert len(words) > 10_000
    assert 2e-4 < pairs / WORDS_OF_FRAME < 3e-3


def test_frames_of_a_shot_resemble_each_other_and_others_do_not() -> None:
    hashes = Maker().frames(1000).hashes

    def bits(step: int) -> float:
        apart = np.unpackbits(hashes[step:] ^ hashes[:-step], axis=1).sum(axis=1)
        return float(np.median(apart))

    assert bits(1) < 25
    assert bits(7) == pytest.approx(128, abs=4)


@pytest.mark.django_db(transaction=True)
def test_made_up_frames_lie_in_the_real_tables() -> None:
    extend(Maker(), 2 * FRAMES_OF_VIDEO)

    assert Fingerprint.objects.filter(ready=True).count() == 2
    row = FeatureVector.objects.order_by("pk").first()
    assert row is not None
    assert row.words is not None
    assert (row.frame.video_id, row.timestamp, len(row.words)) == (row.video_id, 0.0, 107)
    assert FeatureVector.objects.count() == 2 * FRAMES_OF_VIDEO
    stored = np.frombuffer(
        bytes(Fingerprint.objects.get(video=row.video_id).dense_hashes), np.uint8
    )
    assert row.hash == "".join(map(str, np.unpackbits(stored[:32])))
    assert WordPosting.objects.filter(feature=row.pk).count() == WORDS_OF_FRAME


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_the_benchmark_of_searching_tells_what_each_part_costs_and_finds(tmp_path: Path) -> None:
    told = tmp_path / "figures.json"

    call_command("bench", "search", quick=True, json=told)

    hashes, whole, upkeep = json.loads(told.read_text())["tables"]["search"]
    assert [row["easy copies found"] for row in hashes["rows"]] == ["20 of 20"]
    assert {row["part"]: row["copies found"] for row in whole["rows"]}["search"] == "1 of 1"
    assert upkeep["rows"][0]["add a film: rows"] > 0
    assert all("Index" in plan for plan in hashes["plans"].values())
