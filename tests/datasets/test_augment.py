import dataclasses

import numpy as np
import pytest

from deepdepth_jax.config import AUGMENTATIONS, AugmentConfig
from deepdepth_jax.datasets.augment import MEAN_COLOUR, augment

NOTHING = AugmentConfig(**AUGMENTATIONS["none"])


def change(**fields):
    return dataclasses.replace(NOTHING, **fields)


def example(height=37, width=53, seed=0):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return image, rng.uniform(1, 80, (height, width)).astype(np.float32)


def ramps(height=60, width=100):
    """An image whose red is its depth: the two show whether they moved alike."""
    columns = np.broadcast_to(np.arange(width), (height, width))
    rows = np.broadcast_to(np.arange(height)[:, None], (height, width))
    image = np.stack([columns, rows, np.full_like(rows, 9)], -1).astype(np.uint8)
    return image, (columns + 1.0).astype(np.float32)


def run(image, depth_m, seed, crop, augmentation):
    return augment(image, depth_m, seed, crop=crop, augmentation=augmentation)


def test_nothing_is_nothing():
    image, depth_m = example()
    out, out_depth_m = run(image, depth_m, (0, 1), (37, 53), NOTHING)
    np.testing.assert_array_equal(out, image)
    np.testing.assert_array_equal(out_depth_m, depth_m)


def test_a_flip_mirrors_image_and_depth_exactly():
    image, depth_m = example()
    out, out_depth_m = run(
        image, depth_m, (0, 1), (37, 53), change(flip_probability=1.0)
    )
    np.testing.assert_array_equal(out, image[:, ::-1])
    np.testing.assert_array_equal(out_depth_m, depth_m[:, ::-1])


def test_half_of_the_examples_are_flipped():
    image, depth_m = example(8, 9)
    flipped = [
        (
            run(image, depth_m, (0, i), (8, 9), change(flip_probability=0.5))[0]
            != image
        ).any()
        for i in range(200)
    ]
    assert 75 < sum(flipped) < 125


@pytest.mark.parametrize("seed", range(5))
def test_a_crop_is_a_window_of_the_image(seed):
    image, depth_m = example()
    out, out_depth_m = run(image, depth_m, (0, seed), (20, 30), NOTHING)
    top, left = np.argwhere(depth_m == out_depth_m[0, 0])[0]
    np.testing.assert_array_equal(out, image[top : top + 20, left : left + 30])
    np.testing.assert_array_equal(
        out_depth_m, depth_m[top : top + 20, left : left + 30]
    )


def test_crops_lie_everywhere():
    image, depth_m = ramps()
    lefts = [
        int(run(image, depth_m, (0, seed), (20, 30), NOTHING)[0][0, 0, 0])
        for seed in range(300)
    ]
    assert min(lefts) <= 2
    assert max(lefts) >= 68
    assert 30 < np.mean(lefts) < 40


@pytest.mark.parametrize("seed", range(5))
def test_an_image_smaller_than_the_crop_is_padded(seed):
    image, depth_m = example(37, 53)
    out, out_depth_m = run(image, depth_m, (0, seed), (50, 60), NOTHING)
    inside = out_depth_m > 0
    assert inside.sum() == 37 * 53
    np.testing.assert_array_equal(out[inside], image.reshape(-1, 3))
    np.testing.assert_array_equal(out[~inside], [MEAN_COLOUR] * (~inside).sum())


@pytest.mark.parametrize("seed", range(8))
def test_zoom_divides_depth_and_moves_image_and_depth_alike(seed):
    image, depth_m = ramps()
    out, out_depth_m = run(image, depth_m, (0, seed), (30, 40), change(max_zoom=1.5))
    red = out[..., 0].astype(float)
    zoom = 39 / (red[0, -1] - red[0, 0])  # pixels of the crop to one of the image
    assert 0.97 < zoom < 1.55
    # Depth is the red of the nearest pixel plus one, divided by the zoom.
    np.testing.assert_allclose(out_depth_m * zoom, red + 1, atol=1.1 + 0.05 * 100)
    ratio = (red + 1) / out_depth_m
    assert np.median(ratio) == pytest.approx(zoom, rel=0.04)


def test_zoom_is_spread_over_its_range():
    depth_m = np.full((30, 40), 60, np.float32)
    image = np.zeros((30, 40, 3), np.uint8)
    zooms = np.array(
        [
            60 / run(image, depth_m, (0, s), (30, 40), change(max_zoom=1.2))[1][15, 20]
            for s in range(200)
        ]
    )
    assert 1 <= zooms.min() < 1.01
    assert 1.19 < zooms.max() <= 1.2001
    assert zooms.mean() == pytest.approx(1.1, abs=0.015)


def colours(colour, count=200, **fields):
    """What becomes of an image of one colour, for many seeds."""
    image = np.full((8, 8, 3), colour, np.uint8)
    depth_m = np.ones((8, 8), np.float32)
    changed = [
        run(image, depth_m, (0, seed), (8, 8), change(**fields))[0]
        for seed in range(count)
    ]
    assert all((frame == frame[0, 0]).all() for frame in changed)
    return np.array([frame[0, 0] for frame in changed]).astype(int)


def test_each_colour_has_its_own_gain():
    changed = colours(100, colour_probability=1.0, gain_range=0.2)
    assert (changed.min(0) >= 80).all()
    assert (changed.min(0) <= 82).all()
    assert (changed.max(0) <= 120).all()
    assert (changed.max(0) >= 118).all()
    assert np.abs(np.corrcoef(changed.T)[np.triu_indices(3, 1)]).max() < 0.25


def test_brightness_is_one_factor_for_all_colours():
    changed = colours((50, 100, 200), colour_probability=1.0, brightness_range=0.1)
    factors = changed / (50, 100, 200)
    assert np.ptp(factors, axis=1).max() < 0.02  # but for rounding
    assert 0.9 <= factors[:, 2].min() < 0.905
    assert 1.095 < factors[:, 2].max() <= 1.1


def test_gamma_bends_between_black_and_white():
    ends = colours((0, 255, 255), colour_probability=1.0, gamma_range=0.1)
    assert (ends == (0, 255, 255)).all()
    changed = colours(64, colour_probability=1.0, gamma_range=0.1)[:, 0]
    assert changed.min() == round(255 * (64 / 255) ** 1.1)
    assert changed.max() == round(255 * (64 / 255) ** 0.9)


def test_gamma_comes_before_the_gains_and_what_exceeds_white_is_white():
    every = dict(colour_probability=1.0, gamma_range=0.1, gain_range=0.2)
    gamma_alone = colours(64, **(every | dict(gain_range=0.0)))
    gain_alone = colours(128, **(every | dict(gamma_range=0.0))) / 128
    np.testing.assert_allclose(colours(64, **every), gamma_alone * gain_alone, atol=1.5)
    assert colours(250, **every).max() == 255


def test_colours_change_with_their_probability():
    changed = colours(100, colour_probability=0.5, gain_range=0.2)
    assert 75 < (changed == 100).all(axis=1).sum() < 125


def test_one_field_leaves_the_draws_of_the_others():
    image, depth_m = example()
    zoom_alone = run(image, depth_m, (3, 4), (20, 30), change(max_zoom=1.4))
    tinted = run(
        image,
        depth_m,
        (3, 4),
        (20, 30),
        change(max_zoom=1.4, colour_probability=1.0, gain_range=0.2),
    )
    np.testing.assert_array_equal(tinted[1], zoom_alone[1])
    assert (tinted[0] != zoom_alone[0]).any()


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("seed", range(4))
def test_presets_move_image_depth_and_validity_together(name, seed):
    image, _ = ramps(180, 250)  # red tells the column, green the row
    columns, rows = image[..., 0].astype(int), image[..., 1].astype(int)
    depth_m = (1.0 + columns + 250 * rows).astype(np.float32)
    depth_m[rows % 60 < 20] = 0
    augmentation = AugmentConfig(**(AUGMENTATIONS[name] | dict(colour_probability=0.0)))
    crop = (160, 220)
    out, out_depth_m = run(image, depth_m, (0, seed), crop, augmentation)
    constant = run(image, np.full_like(depth_m, 60), (0, seed), crop, augmentation)[1]
    zoom = 60 / constant.max()

    inside, known = constant > 0, out_depth_m > 0
    number = np.round(out_depth_m[known] * zoom - 1).astype(int)
    red, green = out[known][:, 0].astype(float), out[known][:, 1].astype(float)
    # But on the border, where pixels fade into the surroundings.
    assert (np.abs(red - number % 250) <= 1.01).mean() > 0.98
    assert (np.abs(green - number // 250) <= 1.01).mean() > 0.98
    hidden = inside & ~known
    assert hidden.mean() > 0.05
    assert ((out[hidden][:, 1] + 1.0) % 60 <= 21).mean() > 0.98


def test_rotation_turns_about_the_middle_by_the_angle():
    image = np.zeros((201, 201, 3), np.uint8)
    image[100, :, 0] = 255
    depth_m = np.ones((201, 201), np.float32)
    slopes = []
    for seed in range(40):
        out, _ = run(image, depth_m, (0, seed), (201, 201), change(rotation_deg=10.0))
        rows = out[..., 0].astype(float).argmax(0)
        assert abs(rows[100] - 100) <= 1
        slopes.append(np.degrees(np.arctan((rows[150] - rows[50]) / 100)))
    assert -10.6 < min(slopes) < -8
    assert 8 < max(slopes) < 10.6


def test_pixels_without_depth_stay_without_depth():
    image, depth_m = example()
    depth_m[::2] = 0
    _, out = run(image, depth_m, (0, 3), (50, 60), change(max_zoom=1.4))
    assert set(np.unique(out * (out > 0)).tolist()) >= {0.0}
    assert (out > 0).mean() < 0.6


def test_another_seed_is_another_example():
    image, depth_m = example()
    options = change(max_zoom=1.3, colour_probability=1.0, gain_range=0.2)
    first, again, other = (
        run(image, depth_m, seed, (20, 30), options)[0]
        for seed in ((1, 2), (1, 2), (2, 1))
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def with_rare_blocks():
    """An image with a block of kind 1, and one of kind 2 that is much smaller."""
    image, depth_m = example(60, 200)
    mined = np.zeros(depth_m.shape, int)
    mined[5:25, 10:60], mined[50:53, 180:183] = 1, 2
    depth_m[mined > 0] = 1000.0 * mined[mined > 0]
    return image, depth_m, mined


MINING = change(
    mining_probability=1.0, max_zoom=1.5, rotation_deg=5.0, flip_probability=0.5
)


def test_crops_are_placed_on_mined_pixels_of_each_kind_alike():
    image, depth_m, mined = with_rare_blocks()

    def kinds(augmentation, mined):
        for index in range(100):
            _, found_m = augment(
                image,
                depth_m,
                (3, index),
                crop=(20, 30),
                augmentation=augmentation,
                mined=mined,
            )
            large_m = found_m[found_m > 100]  # zoomed by 1.5 at most
            yield (large_m > 0).any(), (large_m > 1000).any()

    found = np.array(list(kinds(MINING, mined)))
    assert found[:, 0].all()
    assert 35 < found[:, 1].sum() < 65
    seldom = dataclasses.replace(MINING, mining_probability=0.0)
    assert np.array(list(kinds(seldom, mined)))[:, 0].sum() < 60
    assert list(kinds(MINING, None)) == list(kinds(seldom, mined))


def test_an_image_without_mined_pixels_is_cropped_as_ever():
    image, depth_m = example()
    nothing = np.zeros(depth_m.shape, int)
    mined = augment(
        image, depth_m, (0, 1), crop=(9, 9), augmentation=MINING, mined=nothing
    )
    usual = run(image, depth_m, (0, 1), (9, 9), MINING)
    for left, right in zip(mined, usual, strict=True):
        np.testing.assert_array_equal(left, right)
