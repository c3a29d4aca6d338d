from pathlib import Path

import pytest

from tests.hostile.files import mp4
from videos.media.boxes import Index, read_index


@pytest.mark.parametrize(
    "content, index",
    [
        (mp4(), Index(1, (320, 240), False)),
        (mp4(tracks=40), Index(40, (320, 240), False)),
        (mp4(width=0, height=0), Index(1, (0, 0), False)),
        (mp4(width=65535, height=65535), Index(1, (65535, 65535), False)),
        (mp4(reference=b"http://example.org/a.mp4"), Index(1, (320, 240), True)),
        (mp4()[:300], Index(1, None, False)),
        (b"", Index()),
        (b"\0\0\0\0ftyp" + bytes(100), Index()),
    ],
    ids=[
        "one track",
        "forty tracks",
        "no picture size",
        "a huge picture",
        "a reference elsewhere",
        "cut off",
        "empty",
        "a box without a size",
    ],
)
def test_the_claims_of_an_index_are_read(tmp_path: Path, content: bytes, index: Index) -> None:
    path = tmp_path / "claims.mp4"
    path.write_bytes(content)
    assert read_index(path) == index


def test_a_real_file_claims_what_it_is(good_clip: Path, front_clip: Path) -> None:
    assert read_index(good_clip) == read_index(front_clip) == Index(1, (320, 240), False)
