"""The search index in PostgreSQL: what is stored, what is drawn, and by which index."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.db import connection, transaction
from numpy.typing import NDArray

from matching import index
from matching.engine.bands import bands
from matching.engine.hashing import to_bit_string
from matching.engine.version import ENGINE_VERSION
from matching.fingerprint import VideoFingerprint
from matching.models import CutToken, FeatureVector, Fingerprint, WordPosting
from videos.models import SceneCuts, Video

pytestmark = pytest.mark.django_db

MadeUp = Callable[..., VideoFingerprint]
Shelve = Callable[..., Video]
Hashes = NDArray[np.uint8]


@pytest.fixture
def large_library(video_row: Callable[..., Video]) -> None:
    """Forty videos of a hundred frames, with cuts and tokens: enough for a plan to matter."""
    videos = [video_row(f"{number}.mp4").id for number in range(40)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.5)")
        cursor.execute(
            """
            INSERT INTO videos_frameinfo (video_id, extraction_version, frame_number, timestamp,
                                          is_keyframe, created_at)
            SELECT video, 1, number, number, false, now()
            FROM unnest(%s::uuid[]) AS video, generate_series(0, 99) AS number
            """,
            [videos],
        )
        cursor.execute(
            """
            INSERT INTO matching_featurevector (frame_id, video_id, version, region, media_type,
                frame_number, timestamp, quality, hash, bands, colour)
            SELECT id, video_id, %s, 0, 'video', frame_number, timestamp, 90,
                repeat('01', 128)::bit(256),
                (SELECT array_agg((band << 21) | (random() * 2097151)::int)
                 FROM generate_series(0, 11) AS band WHERE frame_number >= 0),
                CASE WHEN frame_number %% 4 = 0 THEN
                    (SELECT array_agg(random()) FROM generate_series(1, 108)
                     WHERE frame_number >= 0)::vector END
            FROM videos_frameinfo
            """,
            [ENGINE_VERSION],
        )
        cursor.execute(
            """
            INSERT INTO matching_cuttoken (video_id, version, token, time, span)
            SELECT video, %s, (random() * 1e12)::bigint, number, 5
            FROM unnest(%s::uuid[]) AS video, generate_series(0, 99) AS number
            """,
            [ENGINE_VERSION, videos],
        )
        cursor.execute(
            """
            INSERT INTO videos_scenecuts (video_id, timestamps, updated_at)
            SELECT video, (SELECT array_agg(random() * 100) FROM generate_series(1, 20)
                           WHERE video IS NOT NULL), now()
            FROM unnest(%s::uuid[]) AS video
            """,
            [videos],
        )
        cursor.execute("ANALYZE matching_featurevector, matching_cuttoken, videos_scenecuts")


def indexes_used(statement: str, parameters: dict[str, Any]) -> set[str]:
    """Names of the indexes in the plan that the search itself would get."""
    with transaction.atomic(), connection.cursor() as cursor:
        index._prefer_indexes(cursor)
        cursor.execute("EXPLAIN (FORMAT JSON) " + statement, parameters)
        (answer,) = cursor.fetchone()
    plan = answer if isinstance(answer, list) else json.loads(answer)
    found: set[str] = set()

    def walk(node: dict[str, Any]) -> None:
        found.update({node["Index Name"]} if "Index Name" in node else ())
        for below in node.get("Plans", []):
            walk(below)

    walk(plan[0]["Plan"])
    return found


def some_hashes(count: int) -> Hashes:
    return np.random.default_rng(9).integers(0, 256, (count, 32), dtype=np.uint8)


def test_the_bands_are_searched_by_their_index(large_library: None) -> None:
    hashes = some_hashes(5)
    parameters = {
        "numbers": list(range(5)),
        "hashes": [to_bit_string(one) for one in hashes],
        "bands": ["{" + ",".join(map(str, row)) + "}" for row in bands(hashes).tolist()],
        "version": ENGINE_VERSION,
        "most": 2000,
        "distance": 80.0,
        "exclude": None,
    }

    assert "idx_feature_vector_bands" in indexes_used(index.CANDIDATES, parameters)


def test_words_are_searched_in_their_postings_alone(large_library: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO matching_wordposting
            SELECT (random() * 1000000)::int, id, (random() * 1000000)::int
            FROM matching_featurevector, generate_series(1, 20)
            """
        )
        cursor.execute("ANALYZE matching_wordposting")
    parameters = {
        "numbers": [0, 0, 0, 1],
        "words": [1, 50, 16_000, 7],
        "marks": [0, -1, 5, 7],
        "rows": 2000,
        "bits": 6,
        "least": 2,
        "own": [3],
        "ranked": 100,
        "of_video": 3,
        "version": ENGINE_VERSION,
        "most": 10,
    }

    used = indexes_used(index.WORD_CANDIDATES, parameters)

    assert used == {"matching_wordposting_pkey", "matching_featurevector_pkey"}


def test_postings_come_and_go_with_the_frames(made_up: MadeUp, shelve: Shelve) -> None:
    video = shelve(made_up(4))
    first, second = FeatureVector.objects.filter(video=video).order_by("pk")[:2]
    everything = {"video_id": video.id, "frame_id": first.frame_id, "version": "other"}
    shown = {"media_type": "video", "frame_number": 1, "timestamp": 1, "quality": 80}
    fresh = FeatureVector.objects.bulk_create(
        [
            FeatureVector(
                **everything, **shown, region=region, hash=first.hash, words=words, marks=marks
            )
            for region, words, marks in ((0, [5, 7], [-1, 1]), (1, [7], [3]), (2, None, None))
        ]
    )

    def postings() -> list[tuple[int, int, int]]:
        ours = WordPosting.objects.filter(feature__in=[row.pk for row in fresh])
        return sorted(ours.values_list("word", "feature", "mark"))

    pks = [row.pk for row in fresh]
    assert postings() == [(5, pks[0], -1), (7, pks[0], 1), (7, pks[1], 3)]
    fresh[0].delete()
    assert postings() == [(7, pks[1], 3)]
    video.delete()
    assert postings() == []


def test_cut_tokens_are_searched_by_their_index(large_library: None) -> None:
    parameters = {
        "tokens": [1, 2, 3],
        "times": [0.0, 1.0, 2.0],
        "spans": [5.0, 5.0, 5.0],
        "version": ENGINE_VERSION,
        "exclude": None,
        "most": 2000,
    }

    assert "idx_cut_token_token" in indexes_used(index.CUT_CANDIDATES, parameters)


def test_equal_cuts_are_searched_by_their_index(large_library: None) -> None:
    parameters = {"cuts": [1.5, 2.5, 9.25], "least": 3, "exclude": None, "most": 50}

    assert "idx_scene_cuts_timestamps" in indexes_used(index.SAME_CUTS, parameters)


@pytest.mark.django_db(transaction=True)
def test_a_search_changes_nothing_for_those_who_use_the_connection_next(
    made_up: MadeUp, shelve: Shelve
) -> None:
    names = ("enable_seqscan", "jit")

    def now() -> list[str]:
        with connection.cursor() as cursor:
            values = []
            for name in names:
                cursor.execute("SELECT current_setting(%s, true)", [name])
                values.append(cursor.fetchone()[0])
        return values

    fingerprint = made_up(20, cuts=(1.0, 2.5, 5.0, 9.0, 11.0))
    shelve(fingerprint)
    before = now()

    assert len(index.draw(some_hashes(3), ENGINE_VERSION, None).query) == 0
    assert index.draw_cuts(fingerprint, None)
    assert index.same_cuts(fingerprint.cuts.tolist(), None)

    assert now() == before
    assert before[0] == "on"


@pytest.mark.parametrize("bits", [0, 4, 11])
def test_every_frame_within_eleven_bits_is_found(
    bits: int, made_up: MadeUp, shelve: Shelve
) -> None:
    fingerprint = made_up(20, seed=1)
    video = shelve(fingerprint)
    asked = fingerprint.regions[0].track.hashes[fingerprint.index.position].copy()
    plain = np.unpackbits(asked, axis=1)
    for row, order in zip(plain, np.random.default_rng(5).random((len(plain), 256)), strict=True):
        row[np.argsort(order)[:bits]] ^= 1

    drawn = index.draw(np.packbits(plain, axis=1), ENGINE_VERSION, None)

    near = drawn.distance == bits
    assert drawn.videos == (video.id,)
    assert drawn.query[near].tolist() == list(range(20))
    assert drawn.time[near].tolist() == [float(second) for second in range(20)]


def test_the_excluded_video_is_not_drawn(made_up: MadeUp, shelve: Shelve) -> None:
    fingerprint = made_up(5)
    mine, other = shelve(fingerprint, "mine.mp4"), shelve(fingerprint, "other.mp4")

    drawn = index.draw(fingerprint.regions[0].track.hashes, ENGINE_VERSION, mine.id)

    assert drawn.videos == (other.id,)


def test_versions_do_not_mix(made_up: MadeUp, shelve: Shelve) -> None:
    fingerprint = made_up(5)
    shelve(fingerprint)

    assert len(index.draw(fingerprint.regions[0].track.hashes, "other", None).query) == 0


def test_a_very_common_frame_draws_no_more_rows_than_allowed(
    made_up: MadeUp, shelve: Shelve, change_settings: Callable[..., None]
) -> None:
    still = made_up(40, hashes=np.repeat(some_hashes(1), 160, axis=0))
    shelve(still)
    asked = some_hashes(1)

    change_settings(max_rows_per_hash=30)

    assert len(index.draw(asked, ENGINE_VERSION, None).query) == 30


def test_asking_for_nothing_draws_nothing() -> None:
    assert len(index.draw(np.zeros((0, 32), np.uint8), ENGINE_VERSION, None).query) == 0


def test_storing_again_replaces_what_was_stored(made_up: MadeUp, shelve: Shelve) -> None:
    fingerprint = made_up(20, cuts=(1.0, 2.5, 5.0, 9.0, 11.0))
    video = shelve(fingerprint)
    counts = [model.objects.count() for model in (Fingerprint, FeatureVector, CutToken)]

    index.store(video.id, fingerprint)

    assert counts[:2] == [1, 20]
    assert counts[2] > 0
    assert [m.objects.count() for m in (Fingerprint, FeatureVector, CutToken)] == counts


def test_a_fingerprint_is_stored_whole_or_not_at_all(
    made_up: MadeUp, video_row: Callable[..., Video]
) -> None:
    video = video_row()

    # Its frames are not there: the vectors have nothing to hang on.
    with pytest.raises(KeyError):
        index.store(video.id, made_up(5))

    assert not Fingerprint.objects.exists()
    assert not FeatureVector.objects.exists()


def test_only_a_ready_fingerprint_is_compared(made_up: MadeUp, shelve: Shelve) -> None:
    video = shelve(made_up(5))
    Fingerprint.objects.update(ready=False)

    assert list(index.library_videos([video.id], ENGINE_VERSION)) == []


def test_flat_frames_propose_nothing_but_are_kept(made_up: MadeUp, shelve: Shelve) -> None:
    black = made_up(5, quality=0)
    shelve(black)

    assert FeatureVector.objects.count() == 5
    assert len(index.draw(black.regions[0].track.hashes, ENGINE_VERSION, None).query) == 0


def test_the_colour_index_holds_one_frame_a_shot(made_up: MadeUp, shelve: Shelve) -> None:
    shelve(made_up(20, cuts=(4.0, 11.5)))

    coloured = FeatureVector.objects.filter(colour__isnull=False).order_by("timestamp")

    assert [row.timestamp for row in coloured] == [0.0, 4.0, 12.0]


def test_a_library_video_comes_back_with_its_cuts(made_up: MadeUp, shelve: Shelve) -> None:
    video = shelve(made_up(20, cuts=(4.0, 11.5)))

    (found,) = index.library_videos([video.id], ENGINE_VERSION)

    assert found.video_id == video.id
    assert found.cuts.tolist() == [4.0, 11.5]
    assert len(found.tracks[0].times) == 80
    assert SceneCuts.objects.get().timestamps == [4.0, 11.5]
