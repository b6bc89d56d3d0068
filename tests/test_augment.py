import numpy as np
import pytest
import tensorflow as tf

from deepdepth_jax.augment import MEAN_COLOUR, Augmentation, augment

NOTHING = Augmentation(
    max_zoom=1.0, rotation_deg=0.0, colour_gain=0.0, flip_probability=0.0
)


def change(**fields):
    return Augmentation(
        **{
            "max_zoom": 1.0,
            "rotation_deg": 0.0,
            "colour_gain": 0.0,
            "flip_probability": 0.0,
        }
        | fields
    )


def example(height=37, width=53, seed=0):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return image, rng.uniform(1, 80, (height, width)).astype(np.float32)


def ramps(height=60, width=100):
    """A picture whose red is its depth: the two show whether they moved alike."""
    columns = np.broadcast_to(np.arange(width), (height, width))
    rows = np.broadcast_to(np.arange(height)[:, None], (height, width))
    image = np.stack([columns, rows, np.full_like(rows, 9)], -1).astype(np.uint8)
    return image, (columns + 1.0).astype(np.float32)


def run(image, depth_m, seed, crop, augmentation):
    result = augment(
        tf.constant(image),
        tf.constant(depth_m),
        tf.constant(seed, tf.int64),
        crop=crop,
        augmentation=augmentation,
    )
    return [part.numpy() for part in result]


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
def test_a_crop_is_a_window_of_the_picture(seed):
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
def test_a_picture_smaller_than_the_crop_is_padded(seed):
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
    zoom = 39 / (red[0, -1] - red[0, 0])  # pixels of the crop to one of the picture
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


def test_colour_gain_is_one_factor_for_each_colour():
    image = np.full((8, 8, 3), 100, np.uint8)
    depth_m = np.ones((8, 8), np.float32)
    gains = np.array(
        [
            run(image, depth_m, (0, s), (8, 8), change(colour_gain=0.2))[0][0, 0]
            for s in range(200)
        ]
    )
    assert gains.min() >= 80
    assert gains.max() <= 120
    assert (gains.min(0) <= 82).all()
    assert (gains.max(0) >= 118).all()
    assert np.abs(np.corrcoef(gains.T)[np.triu_indices(3, 1)]).max() < 0.25


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


def test_eagerly_and_inside_tf_data_are_the_same():
    image, depth_m = example()
    options = change(
        max_zoom=1.3, rotation_deg=4.0, colour_gain=0.2, flip_probability=0.5
    )
    dataset = tf.data.Dataset.range(4).map(
        lambda i: augment(
            tf.constant(image),
            tf.constant(depth_m),
            tf.stack([7, i]),
            crop=(20, 30),
            augmentation=options,
        )
    )
    for index, (inside, inside_depth_m) in enumerate(dataset.as_numpy_iterator()):
        eager, eager_depth_m = run(image, depth_m, (7, index), (20, 30), options)
        np.testing.assert_array_equal(inside, eager)
        np.testing.assert_array_equal(inside_depth_m, eager_depth_m)


def test_another_seed_is_another_example():
    image, depth_m = example()
    options = change(max_zoom=1.3, colour_gain=0.2)
    first, again, other = (
        run(image, depth_m, seed, (20, 30), options)[0]
        for seed in ((1, 2), (1, 2), (2, 1))
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
