"""What is done to pictures, on some small enough to look at."""

import cv2
import numpy as np
import pytest
from numpy.random import Generator

from matching.engine import alterations
from matching.engine.alterations import (
    ALTERATIONS,
    ATTACKS,
    Attack,
    Picture,
    altered,
    combinations_of,
    combined,
    encoded,
)
from matching.engine.hashing import dct_hash, hamming, luminance, to_square


@pytest.fixture
def rng() -> Generator:
    return np.random.default_rng(7)


@pytest.fixture
def picture() -> Picture:
    """Sixty high and a hundred wide; red grows to the right, green downwards."""
    y, x = np.mgrid[0:60, 0:100]
    return np.stack([x * 2, y * 4, np.full_like(x, 90)], axis=2).astype(np.uint8)


def named(name: str, strength: str) -> Attack:
    (found,) = [a for a in ATTACKS if (a.name, a.strength) == (name, strength)]
    return found


@pytest.mark.parametrize("attack", [*ATTACKS, *ALTERATIONS], ids=lambda a: f"{a.name} {a.strength}")
def test_every_attack_makes_a_picture_leaves_the_given_one_alone_and_repeats_itself(
    attack: Attack, picture: Picture
) -> None:
    before = picture.copy()

    first = attack.change(picture, np.random.default_rng(3))
    second = attack.change(picture, np.random.default_rng(3))

    assert first.dtype == np.uint8
    assert first.ndim == 3
    assert first.shape[2] == 3
    assert np.array_equal(first, second)
    assert np.array_equal(picture, before)
    assert np.array_equal(first, picture) == (attack.name == "resave")


@pytest.mark.parametrize("size", [(1, 1), (2, 90), (90, 2)])
def test_tiny_pictures_do_no_harm(size: tuple[int, int], rng: Generator) -> None:
    tiny = np.full((*size, 3), 128, np.uint8)

    for attack in ATTACKS:
        assert attack.change(tiny, rng).size > 0
    for attack in ALTERATIONS:
        assert altered(tiny, attack, rng).size > 0


def test_a_tenth_cropped_comes_off_one_side_or_off_all_around(picture: Picture) -> None:
    shapes = set()
    for seed in range(30):
        kept = alterations.cropped(picture, 0.1, np.random.default_rng(seed))
        shapes.add(kept.shape[:2])

    assert shapes == {(60, 90), (54, 100), (54, 90)}


def test_a_crop_is_a_piece_of_the_picture(picture: Picture, rng: Generator) -> None:
    kept = alterations.cropped(picture, 0.3, rng)

    left, top = int(kept[0, 0, 0]) // 2, int(kept[0, 0, 1]) // 4
    assert np.array_equal(kept, picture[top : top + kept.shape[0], left : left + kept.shape[1]])


def test_a_quarter_of_the_size_has_a_quarter_of_width_and_height(picture: Picture) -> None:
    assert alterations.scaled(picture, 0.25).shape == (15, 25, 3)


def test_a_mirrored_picture_mirrored_is_the_picture(picture: Picture) -> None:
    turned = alterations.mirrored(picture)

    assert np.array_equal(turned[:, 0], picture[:, -1])
    assert np.array_equal(alterations.mirrored(turned), picture)


def test_light_is_added_and_cut_off_at_white() -> None:
    levels = np.array([[[0, 100, 250]]], np.uint8)

    assert alterations.brightened(levels, 40).tolist() == [[[40, 140, 255]]]
    assert alterations.brightened(levels, -40).tolist() == [[[0, 60, 210]]]
    assert alterations.gamma_changed(levels, 0.5).tolist() == [[[0, 160, 252]]]


def test_paler_is_less_contrast_and_more_light() -> None:
    levels = np.array([[[0, 100, 255]]], np.uint8)

    assert alterations.paled(levels, 0.6, 60).tolist() == [[[60, 120, 213]]]


def test_a_blur_spreads_an_edge_and_leaves_the_mean(picture: Picture) -> None:
    edge = np.repeat(np.array([0, 200], np.uint8), 100)[None, :, None].repeat(3, 2).repeat(8, 0)

    soft = alterations.blurred(edge, 0.01)

    assert 10 < soft[0, 98, 0] < 100 < soft[0, 101, 0] < 190
    assert abs(soft.mean() - 100) < 1


def test_grey_has_three_equal_channels(picture: Picture) -> None:
    plain = alterations.grey(picture)

    assert (plain[..., 0] == plain[..., 1]).all()
    assert (plain[..., 1] == plain[..., 2]).all()


def test_a_caption_beside_the_picture_leaves_it_whole(picture: Picture, rng: Generator) -> None:
    captioned = alterations.captioned_beside(picture, rng)

    assert captioned.shape == (72, 100, 3)
    parts = captioned[:60], captioned[12:]
    assert [np.array_equal(part, picture) for part in parts].count(True) == 1


def test_a_caption_over_the_picture_changes_a_tenth_of_it_or_so(rng: Generator) -> None:
    plain = np.full((360, 640, 3), 90, np.uint8)

    captioned = alterations.captioned_over(plain, rng)

    changed = (captioned != plain).any(axis=2)
    columns = np.flatnonzero(changed.any(axis=0))
    assert 0.01 < changed.mean() < 0.15
    assert (captioned == 255).any()
    assert (captioned == 0).any()
    assert abs(int(columns[0]) - (639 - int(columns[-1]))) <= 2, "the words are in the middle"
    assert columns[0] > 0


def test_letterbox_bars_are_black_and_the_picture_stands_between(picture: Picture) -> None:
    boxed = alterations.bordered(picture, 0.1, 0.0, 0)

    assert boxed.shape == (72, 100, 3)
    assert not boxed[:6].any()
    assert np.array_equal(boxed[6:66], picture)


def test_a_page_shows_the_picture_at_half_its_width_and_height(
    picture: Picture, rng: Generator
) -> None:
    page = alterations.on_page(picture, rng)

    assert page.shape == (120, 200, 3)
    found = cv2.matchTemplate(page, picture, cv2.TM_SQDIFF)
    assert found.min() == 0


def test_a_combination_does_one_after_the_other(picture: Picture, rng: Generator) -> None:
    both = combined(named("scale", "50 %"), named("mirror", "-"))

    changed = both.change(picture, rng)

    assert (both.name, both.strength) == ("combo", "scale 50 % + mirror -")
    expected = alterations.mirrored(alterations.scaled(picture, 0.5))
    assert np.array_equal(changed, expected)


def test_combinations_never_do_the_same_twice_nor_nothing() -> None:
    made = [both.strength.split(" + ") for both in combinations_of(ATTACKS)]

    assert len(made) > 100
    for first, second in made:
        assert first.split()[0] != second.split()[0]
        assert "resave" not in first + second


@pytest.mark.parametrize(
    ("form", "begins"), [("png", b"\x89PNG"), ("jpg", b"\xff\xd8\xff"), ("webp", b"RIFF")]
)
def test_a_picture_is_saved_in_the_form_asked_for(
    form: alterations.Format, begins: bytes, picture: Picture
) -> None:
    file = encoded(picture, form, 90)

    assert file.startswith(begins)
    read = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
    assert read is not None
    apart = np.abs(read[:, :, ::-1].astype(int) - picture)
    assert apart.mean() <= (0 if form == "png" else 4)


def test_a_hash_tells_the_altered_pictures_from_a_stranger(rng: Generator) -> None:
    def hashed(picture: Picture) -> Picture:
        return dct_hash(to_square(luminance(picture[None]))).hashes

    scene, other = soft_colours(1), soft_colours(2)
    mine, stranger = hashed(scene), hashed(other)

    for attack in ALTERATIONS:
        copy = hashed(altered(scene, attack, rng))
        assert hamming(copy, mine) < hamming(copy, stranger), attack.name


def test_what_comes_back_from_a_file_is_upright_in_its_colours(rng: Generator) -> None:
    red = np.zeros((40, 60, 3), np.uint8)
    red[..., 0] = 200

    back = altered(red, named("resave", "png"), rng)

    assert np.array_equal(back, red)


def soft_colours(seed: int) -> Picture:
    """(180, 320, 3): a grid of 6 by 8 random colours that run into one another."""
    grid = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(grid, (320, 180), interpolation=cv2.INTER_LINEAR), np.uint8)
