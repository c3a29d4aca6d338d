"""Step: a stream of decoded frames becomes FrameInfo, SceneCuts, a thumbnail and evidence pictures.

Rows are written twice a second while the decoding runs, so a page shows cuts and the thumbnail
before the end. Running it again over the same video leaves the same rows.
"""

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from videos import storage
from videos.media.decode import Frames
from videos.media.pictures import jpeg, thumbnail_score
from videos.models import FrameInfo, SceneCuts, Video
from videos.queue import Claim, fenced
from videos.sampling import IndexFrames

EXTRACTION_VERSION = 1
# A thumbnail is chosen among the first so many index frames, so that it can be shown early.
THUMBNAIL_CANDIDATES = 12
PICTURE_QUALITY = 78
# Seconds between writings: people watch cuts and the thumbnail come in.
WRITE_EVERY = 0.5


@dataclass(frozen=True)
class News:
    """What was written since the last time and may be shown: cuts in seconds, a thumbnail."""

    cuts: tuple[float, ...] = ()
    thumbnail: bool = False


@dataclass(frozen=True)
class Taken:
    """A batch after extraction: which of its frames are index frames, its cuts, and the news."""

    frames: Frames
    index: NDArray[np.bool_]
    cuts: tuple[float, ...] = ()
    news: News = News()


@dataclass
class Extraction:
    """Takes batches in order for one claimed analysis; `pack` collects the evidence pictures."""

    video: Video
    held: Claim
    chooser: IndexFrames
    pack_path: Path
    cuts: list[float] = field(default_factory=list)
    _rows: list[FrameInfo] = field(default_factory=list)
    _news: News = News()
    _written: float = -math.inf
    _pack: BinaryIO | None = None
    _kept: list[int] = field(default_factory=list)
    _offset: int = 0
    _best_thumbnail: float = -1.0

    def take(self, frames: Frames) -> Taken:
        """Take in one batch; raises LeaseLost when another worker took over.

        Rows are written twice a second, as a batch comes ten times as often.
        """
        index = self.chooser.choose(frames.timestamps)
        cuts = tuple(cut.timestamp for cut in frames.cuts)
        self._rows += self._frame_rows(frames, index)
        changed = self._thumbnail(frames, index)
        self._news = News((*self._news.cuts, *cuts), self._news.thumbnail or changed)
        due = time.monotonic() - self._written >= WRITE_EVERY
        return Taken(frames, index, cuts, self._write() if due else News())

    def finish(self) -> News:
        """Write what is left, store the pack of pictures, and drop rows that an earlier, different
        run left behind."""
        if self._pack is not None:
            self._pack.close()
            key = storage.pictures_key(self.video.id)
            storage.put_path(key, self.pack_path)
        else:
            key = ""
        news = self._write()
        with fenced(self.held):
            stale = FrameInfo.objects.filter(video=self.video)
            stale.exclude(
                extraction_version=EXTRACTION_VERSION, frame_number__in=self._kept
            ).delete()
            # Also when there are none: what an earlier run found goes.
            self._write_cuts()
            self.video.pictures_key = key
            self.video.save(update_fields=["pictures_key"])
        return news

    def _frame_rows(self, frames: Frames, index: NDArray[np.bool_]) -> list[FrameInfo]:
        rows = []
        for position in np.flatnonzero(index):
            picture = jpeg(frames.pictures[position], PICTURE_QUALITY)
            if self._pack is None:
                self._pack = self.pack_path.open("wb")
            self._pack.write(picture)
            number = int(frames.numbers[position])
            self._kept.append(number)
            rows.append(
                FrameInfo(
                    video=self.video,
                    extraction_version=EXTRACTION_VERSION,
                    frame_number=number,
                    timestamp=float(frames.timestamps[position]),
                    is_keyframe=bool(frames.is_keyframe[position]),
                    picture_offset=self._offset,
                    picture_size=len(picture),
                )
            )
            self._offset += len(picture)
        return rows

    def _thumbnail(self, frames: Frames, index: NDArray[np.bool_]) -> bool:
        """Keep the most telling of the first index frames as the thumbnail."""
        changed = False
        seen = len(self._kept) - int(index.sum())
        for position in np.flatnonzero(index)[: max(0, THUMBNAIL_CANDIDATES - seen)]:
            score = thumbnail_score(frames.pictures[position])
            # Later frames must be clearly better, or the picture would change before one's eyes.
            if score > self._best_thumbnail * 1.2 + 1e-9:
                self._best_thumbnail = score
                storage.put_bytes(
                    storage.thumbnail_key(self.video.id), jpeg(frames.pictures[position], 85)
                )
                changed = True
        return changed

    def _write(self) -> News:
        """Write what has come since the last time; it may be shown now."""
        rows, news = self._rows, self._news
        self._rows, self._news, self._written = [], News(), time.monotonic()
        if not (rows or news.cuts or news.thumbnail):
            return news
        self.cuts.extend(news.cuts)
        with fenced(self.held):
            FrameInfo.objects.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["video", "extraction_version", "frame_number"],
                update_fields=["timestamp", "is_keyframe", "picture_offset", "picture_size"],
            )
            if news.cuts:
                self._write_cuts()
            if self._best_thumbnail >= 0 and not self.video.thumbnail_key:
                self.video.thumbnail_key = storage.thumbnail_key(self.video.id)
                self.video.save(update_fields=["thumbnail_key"])
        return news

    def _write_cuts(self) -> None:
        SceneCuts.objects.update_or_create(
            video=self.video, defaults={"timestamps": sorted(self.cuts)}
        )
