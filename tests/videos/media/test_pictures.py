import cv2
import numpy as np
import pytest

from videos.media.pictures import jpeg, picture_size, thumbnail_score


@pytest.mark.parametrize(
    "size, shown",
    [
        ((1280, 720), (320, 180)), ((720, 1280), (180, 320)), ((320, 240), (320, 240)),
        ((16, 16), (16, 16)), ((321, 241), (320, 240)), ((16000, 10), (320, 1)),
    ],
)  # fmt: skip
def test_pictures_are_scaled_to_320_at_most_and_never_enlarged(
    size: tuple[int, int], shown: tuple[int, int]
) -> None:
    assert picture_size(*size) == shown


def test_a_picture_comes_back_from_jpeg_with_its_colours_in_place() -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, :, 0] = 200  # red
    encoded = jpeg(picture)
    assert encoded.startswith(b"\xff\xd8\xff")
    blue_first = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    assert blue_first is not None
    assert abs(int(blue_first[24, 32, 2]) - 200) < 6
    assert int(blue_first[24, 32, 0]) < 6


def test_flat_black_and_white_pictures_are_the_worst_thumbnails() -> None:
    for level in (0, 128, 255):
        assert thumbnail_score(np.full((90, 160, 3), level, np.uint8)) < 0.01


def test_a_scene_is_a_better_thumbnail_than_the_same_scene_fading_out() -> None:
    scene = np.random.default_rng(5).integers(0, 256, (90, 160, 3)).astype(np.uint8)
    scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), 3), np.uint8) * 3
    assert thumbnail_score(scene) > 3 * thumbnail_score(scene // 12)


def test_a_title_on_black_is_a_worse_thumbnail_than_a_scene() -> None:
    title = np.zeros((180, 320, 3), np.uint8)
    cv2.putText(title, "THE END", (60, 100), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (255, 255, 255), 3)
    rows, columns = np.mgrid[0:180, 0:320]
    wave = 127 + 100 * np.sin(columns / 4) * np.cos(rows / 5)
    scene = np.repeat(wave[:, :, None], 3, axis=2).astype(np.uint8)
    assert thumbnail_score(scene) > 3 * thumbnail_score(title)


def test_a_picture_of_one_pixel_has_a_score() -> None:
    assert thumbnail_score(np.zeros((1, 1, 3), np.uint8)) == 0.0
