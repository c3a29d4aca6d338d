from pathlib import Path

from videos.media.containers import MATROSKA, MP4, MPEG_TS, Container
from videos.media.graph import command, filter_graph, grid_slot
from videos.media.limits import Limits


def words_for(path: str, container: Container) -> list[str]:
    graph = filter_graph(
        size=(320, 180), rotation=0, interval=0.25, scores_fd=5, sampled_fd=6, intra_fd=7,
        other_fd=8,
    )  # fmt: skip
    return command(
        "/usr/bin/ffmpeg", Path(path), container, graph, limits=Limits(), max_pictures=100
    )


def value(words: list[str], name: str) -> str:
    return words[words.index(name) + 1]


def test_the_demuxer_is_forced_and_everything_else_shut_out() -> None:
    words = words_for("/files/a", MP4)
    before_input = words[: words.index("-i")]
    assert value(before_input, "-f") == "mov"
    assert value(before_input, "-protocol_whitelist") == "file"
    assert value(before_input, "-format_whitelist") == "mov,mp4,m4a,3gp,3g2,mj2"
    assert "h264" in value(before_input, "-codec_whitelist").split(",")
    assert value(before_input, "-max_pixels") == "36000000"
    assert value(before_input, "-max_streams") == "16"
    assert value(before_input, "-enable_drefs") == "0"
    assert value(before_input, "-advanced_editlist") == "0"


def test_a_name_that_looks_like_an_option_or_an_address_stays_a_file() -> None:
    for name in ("/files/-i.mp4", "/files/x%03d.mp4", "/files/http:a", "/files/q'\"$(id)"):
        assert value(words_for(name, MP4), "-i") == f"file:{name}"


def test_options_of_one_demuxer_are_not_given_to_another() -> None:
    assert "-enable_drefs" not in words_for("/files/a", MATROSKA)


def test_broadcast_streams_begin_at_zero_and_files_keep_their_clock() -> None:
    assert "-copyts" in words_for("/files/a", MATROSKA)
    assert "-copyts" not in words_for("/files/a", MPEG_TS)


def test_a_frame_a_millisecond_early_takes_its_place_on_the_grid() -> None:
    assert [grid_slot(t, 0.25) for t in (0.0, 0.247, 0.249, 0.25, 0.499)] == [0, 0, 1, 1, 2]
