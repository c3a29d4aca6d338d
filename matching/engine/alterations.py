"""What people do to a picture before they pass it on: pure functions on pictures, and two tables.

ATTACKS judge a search by stills (`manage.py image_corpus`); ALTERATIONS stand for copies where
nobody labelled any, to measure how a descriptor bears them.

Every picture is uint8 (h, w, 3) RGB. Where an attack leaves something to chance (a side, a corner,
the words of a caption) it takes a numpy Generator, so that equal seeds make equal pictures.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Change = Callable[[Picture, Generator], Picture]
Format = Literal["png", "jpg", "webp"]
Colour = tuple[int, int, int]

_WHITE: Final[Colour] = (255, 255, 255)
_BLACK: Final[Colour] = (0, 0, 0)
_FONT: Final = cv2.FONT_HERSHEY_DUPLEX
_CAPTIONS: Final = (
    "when the bus is on time",
    "nobody expected this",
    "me on monday morning",
    "wait for the end",
    "this is fine, really",
    "told you so",
)


@dataclass(frozen=True)
class Attack:
    """One thing done to a picture: its name and strength in words, how, and how it is saved.

    `quality` is that of JPEG and lossy WebP, 1 to 100.
    """

    name: str
    strength: str
    change: Change
    format: Format = "jpg"
    quality: int = 85


def scaled(picture: Picture, share: float) -> Picture:
    """The whole picture at `share` of its width and height, averaged by area."""
    height, width = picture.shape[:2]
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return _picture(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def cropped(picture: Picture, share: float, rng: Generator) -> Picture:
    """Without `share` of the picture's width or height on a random side, or of both all around.

    All around, half of the share goes on each side, so that the middle stays.
    """
    height, width = picture.shape[:2]
    side = rng.choice(["left", "right", "top", "bottom", "centre"])
    across, down = round(width * share), round(height * share)
    kept = {
        "left": (slice(None), slice(across, None)),
        "right": (slice(None), slice(None, width - across)),
        "top": (slice(down, None), slice(None)),
        "bottom": (slice(None, height - down), slice(None)),
        "centre": (
            slice(down // 2, height - (down - down // 2)),
            slice(across // 2, width - (across - across // 2)),
        ),
    }[str(side)]
    return np.ascontiguousarray(picture[kept])


def captioned_beside(picture: Picture, rng: Generator) -> Picture:
    """A white bar with black words above or below, as high as a fifth of the picture."""
    height, width = picture.shape[:2]
    bar = np.full((max(12, round(height * 0.2)), width, 3), 255, np.uint8)
    _write(bar, _caption(rng), 0.5, 0.6, _BLACK, None)
    parts = (bar, picture) if rng.random() < 0.5 else (picture, bar)
    return np.concatenate(parts)


def captioned_over(picture: Picture, rng: Generator) -> Picture:
    """White words with a black edge on the upper or lower part of the picture."""
    drawn = picture.copy()
    centre = 0.12 if rng.random() < 0.5 else 0.88
    _write(drawn, _caption(rng).upper(), centre, 0.12, _WHITE, _BLACK)
    return drawn


def with_logo(picture: Picture, rng: Generator) -> Picture:
    """An opaque badge of a fifth of the width in a random corner."""
    drawn = picture.copy()
    height, width = drawn.shape[:2]
    w, h = max(12, width // 5), max(8, height // 8)
    margin = max(2, width // 40)
    x = margin if rng.random() < 0.5 else width - w - margin
    y = margin if rng.random() < 0.5 else height - h - margin
    badge = drawn[y : y + h, x : x + w]
    badge[:] = rng.integers(60, 220, 3)
    _write(badge, "CHANNEL 9", 0.5, 0.6, _WHITE, None)
    return drawn


def mirrored(picture: Picture) -> Picture:
    """Left and right exchanged."""
    return np.ascontiguousarray(picture[:, ::-1])


def brightened(picture: Picture, levels: int) -> Picture:
    """`levels` of 255 lighter, or darker below 0; what leaves the range is cut off."""
    return np.clip(picture.astype(np.int16) + levels, 0, 255).astype(np.uint8)


def gamma_changed(picture: Picture, gamma: float) -> Picture:
    """Each level to the power of `gamma`, 1 being white: below 1 lighter, above darker."""
    curve = np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    return np.asarray(curve[picture], np.uint8)


def paled(picture: Picture, contrast: float, levels: int) -> Picture:
    """`contrast` (0 to 1) of the distance between levels, and `levels` of 255 lighter."""
    curve = np.clip(np.rint(np.arange(256) * contrast + levels), 0, 255).astype(np.uint8)
    return np.asarray(curve[picture], np.uint8)


def blurred(picture: Picture, share: float) -> Picture:
    """By a Gaussian whose standard deviation is `share` of the width, half a pixel at least."""
    return _picture(cv2.GaussianBlur(picture, (0, 0), max(0.5, picture.shape[1] * share)))


def grey(picture: Picture) -> Picture:
    """Without colour."""
    plain = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return _picture(cv2.cvtColor(plain, cv2.COLOR_GRAY2RGB))


def bordered(picture: Picture, above: float, beside: float, level: int) -> Picture:
    """Bars of one grey `level` added: shares of the height above and below, of the width beside."""
    height, width = picture.shape[:2]
    y, x = round(height * above), round(width * beside)
    return np.pad(picture, ((y, y), (x, x), (0, 0)), constant_values=level)


def rotated(picture: Picture, degrees: float, rng: Generator) -> Picture:
    """Turned by `degrees` one way or the other about its middle, black where nothing is."""
    height, width = picture.shape[:2]
    turn = degrees if rng.random() < 0.5 else -degrees
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1.0)
    return _picture(cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR))


def on_page(picture: Picture, rng: Generator) -> Picture:
    """A screenshot of a page twice as wide and high on which the picture is seen."""
    height, width = picture.shape[:2]
    page = np.full((2 * height, 2 * width, 3), 245, np.uint8)
    page[: height // 6] = rng.integers(40, 200, 3)
    _write(page[: height // 6], "the daily picture", 0.5, 0.5, _WHITE, None)
    left = int(rng.integers(width // 20, width - width // 20))
    top = int(rng.integers(height // 4, height - height // 20))
    # Lines of text, as one sees them from afar: grey strokes of different length.
    pitch = max(4, height // 14)
    for y in range(height // 4, 2 * height - pitch, pitch):
        long = round(width * rng.uniform(0.8, 1.9))
        page[y : y + pitch // 3, width // 20 : long] = 120
    page[top : top + height, left : left + width] = picture
    return page


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack("resave", "png", lambda p, _: p, "png"),
    *(Attack("resave", f"jpeg {q}", lambda p, _: p, quality=q) for q in (85, 50, 30)),
    Attack("resave", "webp 75", lambda p, _: p, "webp", 75),
    Attack("scale", "50 %", lambda p, _: scaled(p, 0.5)),
    Attack("scale", "25 %", lambda p, _: scaled(p, 0.25)),
    Attack("crop", "10 %", lambda p, rng: cropped(p, 0.1, rng)),
    Attack("crop", "20 %", lambda p, rng: cropped(p, 0.2, rng)),
    Attack("crop", "30 %", lambda p, rng: cropped(p, 0.3, rng)),
    Attack("caption", "bar", captioned_beside),
    Attack("caption", "over", captioned_over),
    Attack("logo", "corner", with_logo),
    Attack("mirror", "-", lambda p, _: mirrored(p)),
    Attack("brightness", "+40", lambda p, _: brightened(p, 40)),
    Attack("brightness", "-40", lambda p, _: brightened(p, -40)),
    Attack("gamma", "0.6", lambda p, _: gamma_changed(p, 0.6)),
    Attack("gamma", "1.6", lambda p, _: gamma_changed(p, 1.6)),
    Attack("grey", "-", lambda p, _: grey(p)),
    Attack("box", "letterbox", lambda p, _: bordered(p, 0.125, 0.0, 0)),
    Attack("box", "frame", lambda p, _: bordered(p, 0.08, 0.08, 230)),
    Attack("rotate", "3", lambda p, rng: rotated(p, 3.0, rng)),
    Attack("page", "50 %", on_page),
)

# The common ones only: a calibration made with harder ones would doubt the easy copies that most
# are. Not among ATTACKS, whose order is what a seed means.
ALTERATIONS: Final[tuple[Attack, ...]] = (
    Attack("scale", "40 %, jpeg 20", lambda p, _: scaled(p, 0.4), quality=20),
    Attack("gamma", "1.8", lambda p, _: gamma_changed(p, 1.8)),
    Attack("contrast", "60 %", lambda p, _: paled(p, 0.6, 60)),
    Attack("grey", "-", lambda p, _: grey(p)),
    Attack("blur", "1 %", lambda p, _: blurred(p, 0.01)),
    Attack("crop", "10 %", lambda p, rng: cropped(p, 0.1, rng)),
    Attack("box", "letterbox", lambda p, _: bordered(p, 0.1, 0.0, 0)),
    Attack("mark", "logo and caption", lambda p, rng: captioned_over(with_logo(p, rng), rng)),
)


def combined(first: Attack, second: Attack) -> Attack:
    """Both, one after the other, saved as the worse of the two."""
    return Attack(
        "combo",
        f"{first.name} {first.strength} + {second.name} {second.strength}",
        lambda picture, rng: second.change(first.change(picture, rng), rng),
        second.format,
        min(first.quality, second.quality),
    )


def combinations_of(attacks: tuple[Attack, ...]) -> list[Attack]:
    """Every two attacks of different names that change the picture, in the order of the table."""
    changing = [attack for attack in attacks if attack.name != "resave"]
    return [
        combined(first, second)
        for first, second in combinations(changing, 2)
        if first.name != second.name
    ]


def encoded(picture: Picture, format: Format, quality: int) -> bytes:
    """The picture as a file. Raises ValueError when it cannot be encoded."""
    settings = {"jpg": cv2.IMWRITE_JPEG_QUALITY, "webp": cv2.IMWRITE_WEBP_QUALITY}
    options = [settings[format], quality] if format in settings else []
    turned = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    done, file = cv2.imencode(f".{format}", turned, options)
    if not done:
        raise ValueError(f"the picture could not be encoded as {format}")
    return file.tobytes()


def altered(picture: Picture, attack: Attack, rng: Generator) -> Picture:
    """The picture as it comes back from the file that the attack made of it; sizes may differ."""
    file = encoded(attack.change(picture, rng), attack.format, attack.quality)
    decoded = _picture(cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR))
    return _picture(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB))


def _caption(rng: Generator) -> str:
    return str(rng.choice(_CAPTIONS))


def _write(
    picture: Picture, words: str, centre: float, tall: float, colour: Colour, edge: Colour | None
) -> None:
    """Draw one line of `words` into the picture, in the middle of its width and at most 0.9 of it.

    `centre` and `tall` are shares of the picture's height; `edge` is a colour around the letters.
    """
    height, width = picture.shape[:2]
    ink = _lettering(words)
    size = min(0.9 * width / ink.shape[1], tall * height / ink.shape[0])
    wide, high = max(1, round(ink.shape[1] * size)), max(1, round(ink.shape[0] * size))
    margin = max(1, round(high / 12))
    ink = np.pad(_picture(cv2.resize(ink, (wide, high), interpolation=cv2.INTER_AREA)), margin)
    top = round(centre * height - ink.shape[0] / 2)
    top = min(max(0, top), max(0, height - ink.shape[0]))
    left = max(0, (width - ink.shape[1]) // 2)
    place = picture[top : top + ink.shape[0], left : left + ink.shape[1]]
    ink = ink[: place.shape[0], : place.shape[1]]
    if edge is not None:
        around = cv2.dilate(ink, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8))
        place[:] = _blended(place, edge, _picture(around))
    place[:] = _blended(place, colour, ink)


def _lettering(words: str) -> Picture:
    """(h, w) levels of ink, cut to the letters: how OpenCV's versions measure text differs."""
    canvas = np.zeros((160, 80 * len(words) + 80), np.uint8)
    cv2.putText(canvas, words, (20, 110), _FONT, 2.4, 255, 4, cv2.LINE_AA)
    x, y, width, height = cv2.boundingRect(canvas)
    return canvas[y : y + height, x : x + width]


def _blended(picture: Picture, colour: Colour, ink: Picture) -> Picture:
    share = ink[:, :, None] / 255.0
    return np.rint(picture * (1 - share) + np.array(colour) * share).astype(np.uint8)


def _picture(array: object) -> Picture:
    """OpenCV's answers are typed as any array; ours are uint8."""
    return np.asarray(array, np.uint8)
