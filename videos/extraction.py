"""Step: a stream of decoded frames becomes FrameInfo, SceneCuts, a thumbnail and evidence pictures.

Rows are written batch by batch while the decoding runs, so a page shows cuts and the thumbnail
before the end. Running it again over the same video leaves the same rows.
"""

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


@dataclass(frozen=True)
class Taken:
    """A batch after extraction: which of its frames are index frames, and what is new to show."""

    frames: Frames
    index: NDArray[np.bool_]
    new_cuts: tuple[float, ...] = ()
    thumbnail_changed: bool = False


@dataclass
class Extraction:
    """Takes batches in order for one claimed analysis; `pack` collects the evidence pictures."""

    video: Video
    held: Claim
    chooser: IndexFrames
    pack_path: Path
    cuts: list[float] = field(default_factory=list)
    _pack: BinaryIO | None = None
    _kept: list[int] = field(default_factory=list)
    _offset: int = 0
    _best_thumbnail: float = -1.0

    def take(self, frames: Frames) -> Taken:
        """Record one batch; raises LeaseLost when another worker took over."""
        index = self.chooser.choose(frames.timestamps)
        rows = self._rows(frames, index)
        thumbnail_changed = self._thumbnail(frames, index)
        new_cuts = tuple(cut.timestamp for cut in frames.cuts)
        if rows or new_cuts or thumbnail_changed:
            self.cuts.extend(new_cuts)
            with fenced(self.held):
                self._write(rows, bool(new_cuts))
        return Taken(frames, index, new_cuts, thumbnail_changed)

    def finish(self) -> None:
        """Store the pack of pictures, and drop rows that an earlier, different run left behind."""
        if self._pack is not None:
            self._pack.close()
            key = storage.pictures_key(self.video.id)
            storage.put_path(key, self.pack_path)
        else:
            key = ""
        with fenced(self.held):
            stale = FrameInfo.objects.filter(video=self.video)
            stale.exclude(
                extraction_version=EXTRACTION_VERSION, frame_number__in=self._kept
            ).delete()
            self._write([], True)
            self.video.pictures_key = key
            self.video.save(update_fields=["pictures_key"])

    def _rows(self, frames: Frames, index: NDArray[np.bool_]) -> list[FrameInfo]:
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

    def _write(self, rows: list[FrameInfo], cuts: bool) -> None:
        if rows:
            FrameInfo.objects.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["video", "extraction_version", "frame_number"],
                update_fields=["timestamp", "is_keyframe", "picture_offset", "picture_size"],
            )
        if cuts:
            SceneCuts.objects.update_or_create(
                video=self.video, defaults={"timestamps": sorted(self.cuts)}
            )
        if self._best_thumbnail >= 0 and not self.video.thumbnail_key:
            self.video.thumbnail_key = storage.thumbnail_key(self.video.id)
            self.video.save(update_fields=["thumbnail_key"])
