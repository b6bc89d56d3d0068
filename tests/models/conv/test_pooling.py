import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deepdepth_jax.models.conv.pooling import max_pool_ceil


@pytest.mark.parametrize("size", [9, 10, 53, 210, 400])
def test_max_pool_rounds_its_size_up(size):
    # Negative, so that zeros in the padding would win.
    x = np.random.default_rng(0).normal(size=(1, size, size, 1)) - 5
    ours = np.asarray(max_pool_ceil(jnp.asarray(x)))[0, :, :, 0]
    places = -(-(size + 2 - 3) // 2) + 1
    if (places - 1) * 2 >= size + 1:  # a window has to start inside the image
        places -= 1
    assert ours.shape == (places, places)
    for i in range(places):
        rows = slice(max(2 * i - 1, 0), 2 * i + 2)
        for j in range(0, places, 7):
            window = x[0, rows, max(2 * j - 1, 0) : 2 * j + 2, 0]
            assert ours[i, j] == np.float32(window.max())


def xlas(x):
    return nn.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 2), (1, 2)))


@pytest.mark.parametrize("size", [(9, 14), (10, 13), (1, 2)])
def test_its_gradient_is_xlas(size):
    """Whole numbers: many are alike, and what is added up is exact."""
    rng = np.random.default_rng(1)
    x = jnp.asarray(rng.integers(-2, 2, (3, *size, 5)), jnp.float32)
    y, pull = jax.vjp(max_pool_ceil, x)
    expected, expected_pull = jax.vjp(xlas, x)
    np.testing.assert_array_equal(y, expected)
    dy = jnp.asarray(rng.integers(-9, 9, y.shape), jnp.float32)
    np.testing.assert_array_equal(pull(dy)[0], expected_pull(dy)[0])
