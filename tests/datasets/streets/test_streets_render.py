"""Images and depth of whole views."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from street_views import HEIGHT, WIDTH, see

from deepdepth_jax.datasets.streets.geometry import SKY
from deepdepth_jax.datasets.streets.render import intrinsics, render
from deepdepth_jax.datasets.streets.scene import look


def test_intrinsics_are_those_of_kitti():
    assert intrinsics(375, 1242) == (721.5377, 621, pytest.approx(172.5))
    assert intrinsics(96, 320).focal_px == pytest.approx(721.5377 * 320 / 1242)


def test_views_are_images_with_metric_depth(views):
    for view in views:
        assert view.image.shape == (HEIGHT, WIDTH, 3)
        assert view.image.dtype == np.uint8
        assert view.image.std() > 25
        assert view.depth_m.shape == (HEIGHT, WIDTH)
        assert view.depth_m.dtype == np.float32
        assert np.isfinite(view.depth_m).all()


def test_only_the_sky_has_no_depth(views):
    for view in views:
        is_sky = view.hits.solid.reshape(HEIGHT, WIDTH) == SKY
        np.testing.assert_array_equal(view.depth_m == 0, is_sky)
    assert any((view.depth_m == 0).any() for view in views)


def test_depth_is_along_the_optical_axis(empty_scene):
    """On level ground it depends on the row alone; the length of the ray would not."""
    view = see(empty_scene)
    focal_px, _, center_y_px = intrinsics(HEIGHT, WIDTH)
    below_px = np.arange(HEIGHT) + 0.5 - center_y_px
    rows = np.where(below_px > 0, 1.6 * focal_px / below_px, 0)
    expected_m = np.broadcast_to(rows[:, None], view.depth_m.shape)
    np.testing.assert_allclose(view.depth_m, expected_m, rtol=1e-5)


def test_depth_is_along_the_axis_of_a_tilted_camera(empty_scene):
    pitch = -0.2
    camera = dataclasses.replace(
        empty_scene.camera, axes=look(jnp.float32(0.7), jnp.float32(pitch))
    )
    view = see(dataclasses.replace(empty_scene, camera=camera))
    focal_px, _, center_y_px = intrinsics(HEIGHT, WIDTH)
    down = (HEIGHT - 0.5 - center_y_px) / focal_px
    expected_m = 1.6 / (down * np.cos(pitch) - np.sin(pitch))
    np.testing.assert_allclose(view.depth_m[-1], expected_m, rtol=1e-5)


def test_the_key_decides_every_byte():
    first, again, other = (
        [np.asarray(array) for array in render(jax.random.key(k), HEIGHT, WIDTH)]
        for k in (11, 11, 12)
    )
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert np.mean(first[0] != other[0]) > 0.8
    assert np.mean(first[1] != other[1]) > 0.5


def wall_on_the_left(scene, sun):
    """Puts a wall 4 m high at x = -4 .. -3, z = 8 .. 16, under a clear sky."""
    boxes = scene.boxes
    first = jnp.arange(len(boxes.yaw)) == 0
    boxes = dataclasses.replace(
        boxes,
        base=jnp.where(first[:, None], jnp.array([[-3.5, 0.0, 12.0]]), boxes.base),
        half_width=jnp.where(first, 0.5, boxes.half_width),
        half_length=jnp.where(first, 4.0, boxes.half_length),
        height=jnp.where(first, 4.0, boxes.height),
        yaw=0 * boxes.yaw,
        lean=0 * boxes.lean,
    )
    light = dataclasses.replace(
        scene.light,
        sun_direction=jnp.array(sun) / np.linalg.norm(sun),
        sun_color=jnp.array([2.0, 2.0, 2.0]),
    )
    return dataclasses.replace(scene, boxes=boxes, light=light)


def test_the_sun_casts_shadows_away_from_it(empty_scene):
    """With the sun 45 degrees high on the left, shade lies 4 m to the wall's right."""
    from_left = see(wall_on_the_left(empty_scene, (-1.0, 1.0, 0.0)))
    from_right = see(wall_on_the_left(empty_scene, (1.0, 1.0, 0.0)))
    point = from_left.hits.point.T.reshape(HEIGHT, WIDTH, 3)
    is_ground = from_left.hits.solid.reshape(HEIGHT, WIDTH) == 0
    x, z = point[..., 0], point[..., 2]
    behind = is_ground & (x > -1.8) & (x < 0.8) & (z > 8.5) & (z < 15.5)
    beyond = is_ground & (x > 1.3) & (x < 4) & (z > 8.5) & (z < 15.5)
    assert behind.sum() > 20
    assert beyond.sum() > 20
    shade = from_left.image[behind].mean() / from_left.image[beyond].mean()
    light = from_right.image[behind].mean() / from_right.image[beyond].mean()
    assert shade < 0.8 * light


def test_haze_hides_what_is_far(empty_scene):
    """The wall's far end fades into the horizon, the near end less."""
    scene = wall_on_the_left(empty_scene, (1.0, 1.0, 0.0))
    contrasts = []
    for haze_per_m in (0.0, 0.2):
        light = dataclasses.replace(scene.light, haze_per_m=jnp.float32(haze_per_m))
        view = see(dataclasses.replace(scene, light=light))
        is_wall = view.hits.solid.reshape(HEIGHT, WIDTH) == 1
        contrasts.append(view.image[is_wall].std())
        sky = view.image[10, WIDTH // 2].astype(float)
    far_ground = view.image[view.depth_m > 30].astype(float).mean(0)
    assert contrasts[1] < 0.7 * contrasts[0]
    assert np.abs(far_ground - sky).max() < 60
