"""The sensor of the wide world, step by step."""

import dataclasses
import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from deepdepth_jax.datasets.streets.wide.draws import Draws
from deepdepth_jax.datasets.streets.wide.jpeg import through_jpeg
from deepdepth_jax.datasets.streets.wide.sensor import (
    capture,
    demosaiced,
    encoded,
    exposed,
    metered_gain,
    optics,
    sharpened,
)
from deepdepth_jax.datasets.streets.wide.value_noise import cell_level, smooth_level
from deepdepth_jax.datasets.streets.wide.weather import random_light, random_sensor

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def sensor():
    """One that changes nothing but the exposure and the encoding."""
    drawn = random_sensor(Draws(1))
    nothing = {
        field.name: jnp.zeros_like(getattr(drawn, field.name))
        for field in dataclasses.fields(drawn)
    }
    one = jnp.ones(())
    return dataclasses.replace(
        drawn,
        **nothing
        | dict(exposure=0.2 * one, balance=jnp.ones(3), saturation=one, gamma=one),
    )


@pytest.fixture(scope="module")
def ramp():
    """Grey that rises from left to right, 16 x 24."""
    return jnp.tile(jnp.linspace(0.0, 1.0, 24)[None, :, None], (16, 1, 3))


def image_of_noise(height=40, width=56):
    rng = np.random.default_rng(4)
    coarse = rng.random((height // 8, width // 8, 3))
    smooth = np.repeat(np.repeat(coarse, 8, 0), 8, 1) * 0.8
    return np.float32(np.clip(smooth + 0.1 * rng.random((height, width, 3)), 0, 1))


def test_nothing_changes_without_faults(sensor, ramp):
    assert np.allclose(optics(ramp, sensor), ramp, atol=1e-6)
    assert np.allclose(exposed(ramp, sensor, KEY), ramp)
    assert np.allclose(demosaiced(ramp, sensor.mosaic), ramp)
    assert np.allclose(encoded(ramp, sensor), ramp, atol=1e-6)
    assert np.allclose(sharpened(ramp, sensor.sharpen), ramp)
    assert np.allclose(through_jpeg(ramp, sensor.jpeg_step), ramp, atol=1e-5)


def test_metering_aims_at_the_mean_and_ignores_a_lamp(sensor):
    level = jnp.full((8, 8, 3), 0.05)
    assert 0.05 * metered_gain(level, sensor.exposure) == pytest.approx(0.2, rel=1e-4)
    with_lamp = level.at[3, 4].set(50.0)
    assert 0.15 < 0.05 * metered_gain(with_lamp, sensor.exposure) < 0.2


def test_light_beyond_full_scale_is_clipped(sensor):
    image = capture(jnp.full((8, 8, 3), 0.1).at[:2].set(9.0), sensor, KEY)
    assert image.dtype == jnp.uint8
    assert image[:2].min() == 255
    assert image[4:].max() < 255


def test_balance_noise_and_vignette(sensor):
    grey = jnp.full((64, 64, 3), 0.25)
    warm = dataclasses.replace(sensor, balance=jnp.array([1.2, 1.0, 0.8]))
    np.testing.assert_allclose(exposed(grey, warm, KEY)[3, 3], [0.3, 0.25, 0.2])
    noisy = dataclasses.replace(
        sensor, shot_noise=jnp.float32(0.04), read_noise=jnp.float32(0.01)
    )
    deviation = np.std(exposed(grey, noisy, KEY))
    assert deviation == pytest.approx(np.hypot(0.04 * 0.5, 0.01), rel=0.05)
    dark = dataclasses.replace(sensor, vignette=jnp.float32(0.3))
    assert optics(grey, dark)[0, 0, 0] < 0.7 * optics(grey, dark)[32, 32, 0]


def test_a_mosaic_keeps_grey_and_softens_colours():
    grey = jnp.full((16, 16, 3), 0.4)
    np.testing.assert_allclose(demosaiced(grey, jnp.ones(())), grey, atol=1e-6)
    red = jnp.zeros((16, 16, 3)).at[:, 7:, 0].set(1.0)
    soft = demosaiced(red, jnp.ones(()))
    assert 0.2 < float(soft[4, 7, 0]) < 1.01
    assert np.ptp(np.asarray(soft[:, :, 1])) == 0


def test_the_tone_curve_rises(sensor, ramp):
    curve = dataclasses.replace(
        sensor,
        gamma=jnp.float32(2.2),
        contrast=jnp.float32(0.6),
        black=jnp.float32(0.01),
    )
    levels = np.asarray(encoded(ramp, curve))[0, :, 0]
    assert np.all(np.diff(levels) > 0)
    assert levels[0] == 0
    assert levels[-1] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("quality", "step"), [(50, 1.0), (90, 0.2)])
def test_jpeg_is_like_that_of_pillow(quality, step):
    image = image_of_noise()
    levels = np.uint8(np.round(image * 255))
    stream = io.BytesIO()
    Image.fromarray(levels).save(stream, "JPEG", quality=quality, subsampling=0)
    expected = np.asarray(Image.open(stream), np.float64)
    found = through_jpeg(jnp.asarray(levels / np.float32(255)), jnp.float32(step))
    levels_found = np.clip(255 * np.asarray(found), 0, 255)
    lost = np.abs(expected - levels).mean()
    assert np.abs(levels_found - expected).mean() < 0.4 * lost
    assert np.abs(levels_found - levels).mean() == pytest.approx(lost, rel=0.02)


def test_jpeg_of_any_size():
    image = image_of_noise()[:37, :50]
    assert through_jpeg(jnp.asarray(image), jnp.float32(0.3)).shape == image.shape


def test_weather_and_sensors_have_their_ranges():
    lights = [random_light(Draws(5, i))[0] for i in range(80)]
    elevation = np.arcsin([float(light.sun_direction[1]) for light in lights])
    assert 0 < elevation.min() < 0.2
    assert elevation.max() > 1
    strength = np.array([float(light.sun_color[0]) for light in lights])
    assert np.mean(strength < 0.4) > 0.1  # overcast, fog
    assert np.mean(strength > 2) > 0.3  # hard shadows
    for light in lights:
        assert np.all(np.asarray(light.horizon_color) > 0)
        assert np.linalg.norm(light.sun_direction) == pytest.approx(1, abs=1e-5)
    sensors = [random_sensor(Draws(6, i)) for i in range(80)]
    assert 0.2 < np.mean([float(s.jpeg_step) > 0 for s in sensors]) < 0.7
    assert 0.2 < np.mean([float(s.mosaic) > 0 for s in sensors]) < 0.8


def test_the_lattice_has_uniform_levels():
    rng = np.random.default_rng(0)
    place = jnp.asarray(rng.uniform(-300, 300, (3, 20000)), jnp.float32)
    levels = np.asarray(cell_level(*place))
    assert 0 <= levels.min() < levels.max() < 1
    counts, _ = np.histogram(levels, 10, (0, 1))
    assert counts.min() > 1800
    # Neighbours along each axis have nothing to do with each other.
    for axis in range(3):
        other = cell_level(*(v + (i == axis) for i, v in enumerate(place)))
        assert abs(np.corrcoef(levels, other)[0, 1]) < 0.03


def test_the_lattice_is_smooth_between_its_points():
    points = jnp.arange(-3.0, 4.0)
    at_points = smooth_level(points, points + 1)
    beside = smooth_level(points + 1e-3, points + 1 - 1e-3)
    np.testing.assert_allclose(at_points, beside, atol=1e-4)
    np.testing.assert_allclose(at_points, cell_level(points, points + 1), atol=1e-6)
