import os

import numpy as np
import pytest

from videos.media.streams import BrokenStream, PictureReader, Pipe, RecordReader

RECORDS = (
    b"frame:0    pts:0       pts_time:0\nlavfi.scd.score=0.000\n"
    b"frame:1    pts:33367   pts_time:0.033367\nlavfi.scd.score=12.250\n"
)


def test_records_are_read_wherever_the_blocks_are_cut() -> None:
    for cut in range(len(RECORDS)):
        reader = RecordReader()
        records = reader.feed(RECORDS[:cut]) + reader.feed(RECORDS[cut:])
        assert records == [(0, 0.0), (33367, 12.25)]


def test_a_frame_without_a_time_is_told_as_such() -> None:
    line = b"frame:7    pts:NOPTS   pts_time:NOPTS\nlavfi.scd.score=-nan\n"
    assert RecordReader().feed(line) == [(None, 0.0)]


def test_a_line_that_ffmpeg_does_not_write_is_not_believed() -> None:
    with pytest.raises(BrokenStream):
        RecordReader().feed(b"lavfi.scd.score=99.0\n" + RECORDS)


def test_a_line_that_never_ends_is_not_kept_for_ever() -> None:
    with pytest.raises(BrokenStream):
        RecordReader().feed(b"x" * 100_000)


def test_pictures_taken_early_leave_the_one_begun_behind() -> None:
    pipe = Pipe.open()
    reader = PictureReader(2, 2, 3)
    content = np.arange(36, dtype=np.uint8)
    os.write(pipe.writing, content[:17].tobytes())
    reader.read(pipe.reading)
    assert reader.whole == 1
    first = reader.take(1)
    os.write(pipe.writing, content[17:].tobytes())
    reader.read(pipe.reading)
    rest = reader.take(2)
    pipe.close()
    assert np.array_equal(np.concatenate([first, rest]).ravel(), content)


def test_a_full_batch_asks_for_no_more() -> None:
    pipe = Pipe.open()
    reader = PictureReader(2, 2, 1)
    os.write(pipe.writing, bytes(30))
    assert reader.read(pipe.reading) == 12
    assert reader.full
    pipe.close()
