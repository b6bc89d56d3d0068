"""Noise, brushes, textures and the camera's own doing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deepdepth_jax.datasets.streets.facades import facade
from deepdepth_jax.datasets.streets.hits import Hits
from deepdepth_jax.datasets.streets.noise import cell_noise, rough_noise, smooth_noise
from deepdepth_jax.datasets.streets.patches import Patch, mix, rgb, striped, within
from deepdepth_jax.datasets.streets.roads import ground
from deepdepth_jax.datasets.streets.scene import random_scene
from deepdepth_jax.datasets.streets.shading import develop, through_lens
from deepdepth_jax.datasets.streets.solids import Material

GOLDEN_NOISE = [0.647321, 0.1277683, 0.6565955, 0.6273957]


def test_cell_noise_never_changes():
    """If this is meant to fail, raise `RENDERER_VERSION`."""
    cells = jnp.array([0, 1, -1, 1000]), jnp.array([0, 0, 5, -7])
    np.testing.assert_allclose(cell_noise(*cells), GOLDEN_NOISE, atol=1e-6)


def test_cell_noise_is_even_and_unrelated_between_neighbours():
    x, y = (cell.ravel() for cell in jnp.mgrid[-50:50, -50:50])
    values = np.asarray(cell_noise(x, y))
    counts, _ = np.histogram(values, 10, (0, 1))
    assert counts.min() > 850
    neighbours = np.corrcoef(values, cell_noise(x + 1, y))[0, 1]
    assert abs(neighbours) < 0.05
    assert abs(np.corrcoef(values, cell_noise(y, x))[0, 1]) < 0.05


def test_smooth_noise_passes_through_its_cells_without_jumps():
    x, y = jnp.array([-3.0, 0.0, 4.0]), jnp.array([2.0, -1.0, 7.0])
    cells = cell_noise(x.astype(int), y.astype(int))
    np.testing.assert_allclose(smooth_noise(x, y), cells, atol=1e-6)
    line = jnp.linspace(-2.0, 2.0, 4001)
    values = smooth_noise(line, 0.3 + 0 * line)
    assert np.abs(np.diff(values)).max() < 0.003
    assert values.max() - values.min() > 0.3


def test_rough_noise_stays_in_range():
    x = jnp.linspace(0.0, 300.0, 20000)
    values = rough_noise(3, x, 0.37 * x)
    assert values.min() >= 0
    assert values.max() < 1
    assert values.mean() == pytest.approx(0.5, abs=0.02)


def average(share_at, x, blur):
    """Averages a function over pixels, finely."""
    samples = x[:, None] + blur * (np.arange(2000)[None] + 0.5 - 1000) / 2000
    return share_at(samples).mean(1)


@pytest.mark.parametrize("blur", [0.05, 0.4, 1.5])
def test_within_is_the_average_over_the_pixel(blur):
    x = np.linspace(-1, 3, 200)
    expected = average(lambda s: (s > 0.5) & (s < 1.25), x, blur)
    found = within(jnp.asarray(x), 0.5, 1.25, jnp.full((200,), blur))
    np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("blur", [0.02, 0.2, 0.45])
def test_striped_is_the_average_over_the_pixel(blur):
    """Away from the seam, where the stripe before reaches over half a pixel."""
    x = np.linspace(-3, 3, 600)
    expected = average(lambda s: np.mod(s, 1.0) < 0.3, x, blur)
    found = striped(jnp.asarray(x), 1.0, 0.3, jnp.full((600,), blur))
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_fine_stripes_become_even():
    found = striped(jnp.linspace(0.0, 1.0, 50), 0.1, 0.03, jnp.full((50,), 0.5))
    np.testing.assert_allclose(found, 0.3, atol=1e-6)


def patch(point, **changes):
    """Flat bits of ground, seen from near by."""
    count = point.shape[1]
    fields = {
        "material": Material.GROUND,
        "color": (0.1, 0.2, 0.05),
        "accent": (0.9, 0.0, 0.0),
        "pattern": (0.0, 0.5, 0.9, 0.5),
        "normal": (0.0, 1.0, 0.0),
        "extent": (1.0, 1.0, 1.0),
    } | changes
    wide = {
        name: jnp.tile(jnp.array(value)[:, None], (1, count))
        for name, value in fields.items()
        if name != "material"
    }
    hits = Hits(
        distance=jnp.full((count,), 5.0),
        solid=jnp.full((count,), 3),
        point=point,
        normal=wide["normal"],
        local=point,
        extent=wide["extent"],
    )
    return Patch(
        hits=hits,
        solid=hits.solid,
        material=jnp.full((count,), fields["material"]),
        color=wide["color"],
        accent=wide["accent"],
        pattern=wide["pattern"],
        spread=jnp.full((count,), 0.005),
        stretch=jnp.full((count,), 0.005),
        reach=jnp.full((3, count), 0.005),
    )


def street_without_crossing():
    street = random_scene(jax.random.key(0)).street
    return street.replace(
        curvature_per_m=jnp.float32(0.01),
        crossing_half_m=jnp.float32(0),
        parking=jnp.array([False, False]),
    )


def test_the_middle_line_is_dashed_and_follows_the_bend():
    street = street_without_crossing()
    z = jnp.array([1.0, 3.0, 5.0, 8.0, 10.0, 12.0])  # painted: 0 to 4, 9 to 13
    bend = street.curvature_per_m / 2 * z**2
    on_line = jax.jit(ground)(patch(jnp.stack([bend, 0 * z, z])), street).color
    beside = jax.jit(ground)(patch(jnp.stack([bend + 0.5, 0 * z, z])), street).color
    is_painted = on_line.mean(0) > 1.7 * beside.mean(0)
    np.testing.assert_array_equal(is_painted, [True, True, False, False, True, True])


def test_roads_end_at_the_kerbs():
    street = street_without_crossing()
    left, right = street.kerb_m
    x = jnp.stack([-left - 2, -left + 0.2, right - 0.2, right + 2])
    color = jax.jit(ground)(patch(jnp.stack([x, 0 * x, 0 * x])), street).color
    is_green = color[1] > 1.4 * color[0]
    np.testing.assert_array_equal(is_green, [True, False, False, True])


def facade_patch(up, across, shop):
    """A wall 9 m wide that faces -x, with bays of 3 m and storeys of 3 m."""
    return patch(
        jnp.stack([0 * up, up, across]),
        material=Material.FACADE,
        color=(0.6, 0.6, 0.6),
        pattern=(3.0, 3.0, 0.5, shop),
        normal=(-1.0, 0.0, 0.0),
        extent=(4.0, 9.0, 4.5),
    )


def test_windows_are_in_the_middle_of_every_bay():
    up = jnp.full((6,), 4.2)  # in the second storey, below the transom
    across = jnp.array([-4.4, -2.8, -1.3, 0.2, 1.7, 3.2])  # pillar, pane, ...
    appearance = jax.jit(facade)(facade_patch(up, across, shop=0.0))
    is_glass = np.asarray(appearance.gloss) > 0.5
    np.testing.assert_array_equal(is_glass, [False, True, False, True, False, True])
    assert np.all(appearance.color[:, ~is_glass] > 0.3)


def test_shops_have_wide_windows_and_a_board():
    up = jnp.array([1.5, 1.5, 2.5, 4.4, 4.4])
    across = jnp.array([-4.2, 0.3, 0.3, -4.2, 0.3])
    shop = jax.jit(facade)(facade_patch(up, across, shop=1.0))
    is_glass = np.asarray(shop.gloss) > 0.5
    np.testing.assert_array_equal(is_glass, [True, True, False, False, True])
    np.testing.assert_allclose(shop.color[:, 2], (0.9, 0.0, 0.0), atol=1e-6)


def test_mix():
    share = jnp.array([0.0, 0.25, 1.0])
    mixed = mix(rgb(0.0, 0.4, 1.0), rgb(1.0, 0.0, 1.0), share)
    expected = [[0, 0.25, 1], [0.4, 0.3, 0], [1, 1, 1]]
    np.testing.assert_allclose(mixed, expected, atol=1e-6)


def test_the_lens_spreads_light_but_keeps_it():
    light = jnp.zeros((9, 9, 3)).at[4, 4].set(1.0)
    seen = through_lens(light)
    np.testing.assert_allclose(seen.sum((0, 1)), 1, rtol=1e-5)
    assert seen[4, 4, 0] > seen[4, 5, 0] > seen[5, 5, 0] > 0
    np.testing.assert_allclose(seen, seen.transpose(1, 0, 2), rtol=1e-5)
    assert seen[4, 6, 0] == 0
    np.testing.assert_allclose(through_lens(jnp.ones((4, 5, 3))), 1, rtol=1e-5)


def test_developing_meters_the_light_and_keeps_its_order():
    ramp = jnp.broadcast_to(jnp.linspace(0.05, 1.0, 64)[None, :, None], (32, 64, 3))
    key, exposure = jax.random.key(0), jnp.float32(1.2)
    image = np.asarray(develop(ramp, exposure, key)).astype(float)
    columns = image[12:20].mean((0, 2))
    assert np.all(np.diff(columns[2:-2:6]) > 0)
    # Sixteen times the light is less than two stops brighter in the image.
    bright = np.asarray(develop(16 * ramp, exposure, key)).astype(float)
    assert image.mean() < bright.mean() < 1.6 * image.mean()
    grain = np.asarray(develop(ramp, exposure, jax.random.key(1))) - image
    assert 1 < grain.std() < 5
