import dataclasses

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import LogNorm, Normalize

from deepdepth_jax.drawing.colors import (
    NARROWEST_STRIP_PX,
    STRIP_HEIGHT_PX,
    confidence_scale,
    depth_scale,
    error_scale,
)

SCALE = depth_scale(1.0, 80.0)
SCALES = [SCALE, confidence_scale(71), error_scale()]


def at(scale, share):
    """Returns the value at a place between the ends, from 0 to 1."""
    if scale.is_linear:
        return scale.low + (scale.high - scale.low) * share
    return scale.low * (scale.high / scale.low) ** share


def row(*values):
    return np.array([values], np.float32)


def bar_of(strip):
    """Finds the coloured part of a strip: the middle one of its rows."""
    is_coloured = np.ptp(strip.astype(int), axis=-1) > 40
    rows = np.flatnonzero(is_coloured.mean(1) > 0.5)
    middle = rows[len(rows) // 2]
    columns = np.flatnonzero(is_coloured[middle])
    return strip[middle, columns[0] : columns[-1] + 1].astype(int)


def is_dark(pixels):
    return (pixels.max(-1) < 100).any()


def test_near_is_red_far_is_blue_and_nothing_is_black():
    near, far, nothing = SCALE.paint(row(1.5, 70.0, 0.0))[0]
    assert near[0] > 2 * near[2]
    assert far[2] > far[0]
    np.testing.assert_array_equal(nothing, 0)


def test_beyond_the_scale_is_its_end():
    colours = SCALE.paint(row(0.1, 1.0, 80.0, 500.0))[0]
    np.testing.assert_array_equal(colours[0], colours[1])
    np.testing.assert_array_equal(colours[2], colours[3])


@pytest.mark.parametrize("scale", SCALES)
def test_the_256_colours_are_matplotlibs(scale):
    """Of another colour map the file is `Image.fromarray(expected[None]).save(...)`."""
    expected = mpl.colormaps[scale.colours](np.arange(256), bytes=True)[:, :3]
    middles = at(scale, (np.arange(256) + 0.5) / 256)
    np.testing.assert_array_equal(scale.paint(middles[None])[0], expected)


@pytest.mark.parametrize("scale", SCALES)
def test_colours_are_matplotlibs_over_the_logarithm_or_the_value(scale):
    values = at(scale, np.linspace(0.001, 1, 5000)).astype(np.float32)[None]
    kind = Normalize if scale.is_linear else LogNorm
    norm = kind(scale.low, scale.high, clip=True)
    expected = mpl.colormaps[scale.colours](norm(values), bytes=True)[..., :3]
    painted = scale.paint(values)
    # Where a value lies on the border of two colours, rounding decides.
    assert (painted == expected).all(-1).mean() > 0.99
    assert np.abs(painted.astype(int) - expected).max() <= 10


def test_confidence_goes_from_that_of_a_guess_to_certainty():
    scale = confidence_scale(50)
    assert (scale.low, scale.high) == (0.02, 1.0)
    assert (scale.low_word, scale.high_word) == ("unsure", "sure")


def test_numbers_stand_where_their_values_are():
    ticks = SCALE.ticks()
    assert list(ticks.values()) == ["1 m", "2 m", "5 m", "10 m", "20 m", "80 m"]
    np.testing.assert_allclose(at(SCALE, np.array(list(ticks))), (1, 2, 5, 10, 20, 80))


def test_relative_errors_go_from_none_to_a_half_in_equal_steps():
    scale = error_scale()
    ticks = scale.ticks()
    assert list(ticks.values()) == ["0", "0.1", "0.2", "0.3", "0.4", "0.5"]
    np.testing.assert_allclose(list(ticks), (0, 0.2, 0.4, 0.6, 0.8, 1))
    np.testing.assert_allclose(scale.values(3), (0, 0.25, 0.5))


def test_what_is_no_number_has_no_colour():
    np.testing.assert_array_equal(SCALE.paint(row(np.nan, 0.0, -1.0))[0], 0)


def test_a_scale_from_zero_shows_two_decades():
    scale = depth_scale(0.0, 80.0)
    assert scale.low == pytest.approx(0.8)
    assert (scale.paint(row(0.1, 80.0))[0].max(-1) > 0).all()


@pytest.mark.parametrize("width", [320, 401, 1242, 3000])
@pytest.mark.parametrize("scale", [SCALE, confidence_scale(71)])
def test_the_bar_shows_the_colours_from_the_first_to_the_last(scale, width):
    bar = bar_of(scale.strip(width))
    assert len(bar) > 0.7 * width
    for share in (0.03, 0.5, 0.97):  # its outline is black
        expected = scale.paint(row(at(scale, share)))[0, 0].astype(int)
        assert np.abs(bar[round(share * (len(bar) - 1))] - expected).max() < 16


@pytest.mark.parametrize("width", [320, 1242])
def test_words_stand_beside_the_bar_and_numbers_under_it(width):
    strip = SCALE.strip(width)
    assert strip.shape == (STRIP_HEIGHT_PX, width, 3)
    upper, lower = strip[: STRIP_HEIGHT_PX // 2], strip[STRIP_HEIGHT_PX // 2 :]
    assert is_dark(upper[:, :42])
    assert is_dark(upper[:, -42:])
    assert is_dark(lower[:, 20:70])
    assert is_dark(lower[:, -70:-20])
    assert (strip[:, [0, -1]] == 255).all()  # nothing is cut off


def test_the_word_for_an_end_stands_at_that_end():
    assert (SCALE.low_word, SCALE.high_word) == ("near", "far")
    strip = SCALE.strip(400).astype(int)
    without = dataclasses.replace(SCALE, low_word="").strip(400)
    columns = np.flatnonzero((strip != without).any((0, 2)))
    assert 0 < columns[0] < columns[-1] < 44


def test_the_strip_of_a_large_image_is_large():
    assert SCALE.strip(5120).shape == (4 * STRIP_HEIGHT_PX, 5120, 3)


def test_every_pixel_stands_above_the_scale():
    image = SCALE.paint(
        np.geomspace(1, 80, 50 * 400, dtype=np.float32).reshape(50, 400)
    )
    sheet = SCALE.under(image)
    np.testing.assert_array_equal(sheet[:50], image)
    np.testing.assert_array_equal(sheet[50:], SCALE.strip(400))


def test_a_narrow_image_is_centred_above_a_scale_that_can_be_read():
    image = SCALE.paint(np.full((20, 30), 5, np.float32))
    sheet = SCALE.under(image)
    assert sheet.shape[1] == NARROWEST_STRIP_PX == 320
    np.testing.assert_array_equal(sheet[:20, 145:175], image)
    assert (sheet[:20, :145] == 255).all()
