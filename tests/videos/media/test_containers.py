import pytest

from videos.media.containers import (
    AVI,
    FLV,
    JPEG,
    MATROSKA,
    MP4,
    MPEG_PS,
    MPEG_TS,
    OGG,
    PNG,
    QUICKTIME,
    WEBM,
    WEBP,
    Container,
    recognise,
    require,
)  # fmt: skip
from videos.media.errors import MediaError


@pytest.mark.parametrize(
    "head, container",
    [
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41", MP4),
        (b"\0\0\0\x14ftypqt  \0\0\2\0qt  ", QUICKTIME),
        (b"\0\0\0\x08wide\0\0\x10\0mdat", QUICKTIME),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm\x42\x87\x81\x04", WEBM),
        (b"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82\x88matroska", MATROSKA),
        ((b"G" + bytes(187)) * 4, MPEG_TS),
        ((b"\0\0\0\1G" + bytes(187)) * 4, MPEG_TS),
        (b"\0\0\1\xba\x44\0\4\0\4\1", MPEG_PS),
        (b"RIFF\x10\0\0\0AVI LIST", AVI),
        (b"FLV\x01\x05\0\0\0\x09", FLV),
        (b"OggS\0\x02\0\0", OGG),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", JPEG),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", PNG),
        (b"RIFF\x10\0\0\0WEBPVP8 ", WEBP),
    ],
)
def test_a_container_is_known_by_its_first_bytes(head: bytes, container: Container) -> None:
    assert recognise(head) == container


@pytest.mark.parametrize(
    "head",
    [
        b"G",
        b"#EXTM3U\n#EXTINF:9,\nfile:///etc/hostname\n",
        b"ffconcat version 1.0\nfile good.mp4\n",
        b"<?xml version='1.0'?><MPD></MPD>",
        b"<html>\0\0\0\x20ftypisom",
        b"MZ\x90\0\0\0\0\x20ftypisom",
        b"PK\x03\x04" + bytes(40),
        b"\0\0\0\x20ftypavif\0\0\0\0avifmif1",
        b"\0\0\0\x20ftypheic\0\0\0\0heicmif1",
        b"\x1a\x45\xdf\xa3 with no document type",
        b"RIFF\x10\0\0\0WAVEfmt ",
        b"G" * 3,
        b"%PDF-1.7",
    ],
)
def test_what_is_not_on_the_list_is_unsupported(head: bytes) -> None:
    with pytest.raises(MediaError) as caught:
        recognise(head)
    assert caught.value.code == "UNSUP"


def test_nothing_at_all_is_empty_not_unsupported() -> None:
    with pytest.raises(MediaError) as caught:
        recognise(b"")
    assert caught.value.code == "EMPTY"


def test_a_picture_is_refused_where_a_video_is_wanted() -> None:
    assert require(MP4, "video") is MP4
    with pytest.raises(MediaError) as caught:
        require(JPEG, "video")
    assert caught.value.code == "UNSUP"
