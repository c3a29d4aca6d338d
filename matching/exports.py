"""A video's matches as a table: one row a segment, for spreadsheets and for other programs."""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any

COLUMNS = (
    *("video", "name", "start", "end", "other_video", "other_name", "other_start", "other_end"),
    *("speed", "mirrored", "inverted", "kinds", "score", "confidence", "covered", "covered_other"),
    *("matched_frames", "engine_version"),
)
# What spreadsheets take for a formula, whoever wrote the name.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def rows(video: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The segments of a video as `video_with_duplicates` gives it; times in seconds.

    Of a video that the viewer may not see neither name nor id is told.
    """
    for duplicate in video["duplicates"]:
        other = duplicate["video"]
        for segment in duplicate["segments"]:
            yield {
                "video": video["id"],
                "name": video["title"] or video["filename"],
                "start": round(segment["start"], 3),
                "end": round(segment["end"], 3),
                "other_video": other["id"] or "",
                "other_name": (other["title"] or other["filename"]) if other["id"] else "",
                "other_start": round(segment["other_start"], 3),
                "other_end": round(segment["other_end"], 3),
                "speed": round(segment["speed"], 4),
                "mirrored": segment["mirrored"],
                "inverted": segment["inverted"],
                "kinds": " ".join(duplicate["kinds"]),
                "score": duplicate["score"],
                "confidence": duplicate["confidence_word"],
                "covered": duplicate["covered"],
                "covered_other": duplicate["covered_other"],
                "matched_frames": segment["matched_frames"],
                "engine_version": duplicate["engine_version"],
            }


def as_csv(video: dict[str, Any]) -> str:
    """The rows as RFC 4180 has them, under a line of names."""
    written = StringIO()
    lines = csv.writer(written)
    lines.writerow(COLUMNS)
    for row in rows(video):
        lines.writerow([_plain(row[column]) for column in COLUMNS])
    return written.getvalue()


def _plain(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
