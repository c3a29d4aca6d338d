from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.files import HOSTILE, Hostile, Surroundings, of
from tests.videos.media.conftest import Canary, MakeClip, look, verdict
from videos.media.containers import CONTAINERS, MP4, Container
from videos.media.decode import Decoding
from videos.media.errors import MediaError
from videos.media.ffmpeg import Ffmpeg, find_ffmpeg
from videos.media.limits import Limits
from videos.media.probe import Probe, probe

MEMORY = 1_500 << 20


@pytest.fixture(scope="session")
def listening() -> Iterator[Canary]:
    server = Canary()
    yield server
    server.close()


@pytest.fixture(scope="session")
def surroundings(
    tmp_path_factory: pytest.TempPathFactory,
    good_clip: Path,
    front_clip: Path,
    make_clip: MakeClip,
    listening: Canary,
) -> Surroundings:
    secret = make_clip("secret.ts", "-i", str(good_clip), "-c", "copy")
    folder = tmp_path_factory.mktemp("hostile")
    other = folder / "other"
    other.write_bytes(secret.read_bytes())
    return Surroundings(folder, find_ffmpeg().path, good_clip, front_clip, other, listening.address)


@pytest.fixture
def around(surroundings: Surroundings, listening: Canary) -> Iterator[Surroundings]:
    """What hostile files are made from; afterwards nobody may have called the canary."""
    yield surroundings
    assert listening.calls == 0


def by_name(each: Hostile) -> str:
    return f"{each.group}-{each.name}"


@pytest.mark.parametrize("each", HOSTILE, ids=by_name)
def test_a_hostile_file_ends_as_listed(
    each: Hostile, around: Surroundings, each_ffmpeg: Ffmpeg
) -> None:
    assert verdict(each.write(around), ffmpeg=each_ffmpeg) in each.expected


@pytest.mark.parametrize(
    "each", [e for e in of("references") if "UNSUP" in e.expected], ids=by_name
)
def test_a_reference_that_got_past_recognition_still_reads_nothing(
    each: Hostile, around: Surroundings, each_ffmpeg: Ffmpeg
) -> None:
    """The second line of defence: the decoder is given the file as if it were a video."""
    nothing_comes_of(each.write(around), MP4, each_ffmpeg)


@pytest.mark.parametrize("demuxer", sorted({each.demuxer for each in CONTAINERS} - {"mov"}))
def test_no_demuxer_reads_a_list_of_files(demuxer: str, around: Surroundings) -> None:
    (listing,) = [each for each in HOSTILE if each.name == "concat_list_of_a_whole_path"]
    container = next(each for each in CONTAINERS if each.demuxer == demuxer)
    nothing_comes_of(listing.write(around), container, find_ffmpeg())


def nothing_comes_of(path: Path, container: Container, ffmpeg: Ffmpeg) -> None:
    claimed = Probe(container, "h264", 320, 240, 3.0, 25.0, 0)
    with pytest.raises(MediaError) as caught, Decoding(path, claimed, ffmpeg=ffmpeg) as decoding:
        assert [len(frames.numbers) for frames in decoding] == []
    assert caught.value.code == "CORRUPT"


def test_the_probe_reads_nothing_of_a_reference_either(around: Surroundings) -> None:
    (playlist,) = [each for each in HOSTILE if each.name == "playlist_of_another_upload"]
    with pytest.raises(MediaError) as caught:
        probe(playlist.write(around), MP4, Limits())
    assert caught.value.code == "CORRUPT"


def test_a_bomb_leaves_memory_in_bounds(around: Surroundings, each_ffmpeg: Ffmpeg) -> None:
    (bomb,) = [each for each in HOSTILE if each.name == "black_in_8k"]
    _, _, outcome = look(bomb.write(around), ffmpeg=each_ffmpeg)
    assert outcome.peak_bytes < MEMORY


def test_a_partial_file_says_where_it_breaks(around: Surroundings) -> None:
    (half,) = [each for each in HOSTILE if each.name == "first_half_with_its_index"]
    _, _, outcome = look(half.write(around))
    assert (outcome.complete, outcome.code) == (False, "CORRUPT")
    assert 0.9 < outcome.last_timestamp < 2.5
    assert "damaged after" in outcome.message


def test_after_all_that_a_good_file_is_read(good_clip: Path) -> None:
    assert verdict(good_clip) == "accept"
