import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import map_coordinates

from deepdepth_jax.models.layers import Conv, FrozenBatchNorm
from deepdepth_jax.models.resampling import resize_bilinear, resize_bilinear_at


def random(shape, seed=0):
    values = np.random.default_rng(seed).normal(size=shape)
    return jnp.asarray(values, jnp.float32)


@pytest.mark.parametrize("size", [(11, 16), (12, 15)])
@pytest.mark.parametrize(
    ("kernel_size", "stride", "dilation"),
    [(1, 1, 1), (1, 2, 1), (3, 1, 1), (3, 2, 1), (3, 1, 2), (3, 1, 12), (7, 2, 1)],
)
def test_conv_equals_tensorflows(size, kernel_size, stride, dilation):
    x = random((2, *size, 5))
    conv = Conv(4, kernel_size, stride, dilation)
    variables = conv.init(jax.random.key(0), x)
    edge = dilation * (kernel_size // 2)
    padded = np.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
    kernel = np.asarray(variables["params"]["kernel"])
    theirs = tf.nn.conv2d(padded, kernel, stride, "VALID", dilations=dilation)
    ours = conv.apply(variables, x)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("new_size", [(33, 57), (5, 7), (1, 40), (9, 8)])
def test_resize_aligns_corners(new_size):
    x = random((2, 5, 8, 3))
    rows = np.linspace(0, 4, new_size[0])
    columns = np.linspace(0, 7, new_size[1])
    places = np.meshgrid(rows, columns, indexing="ij")
    expected = np.stack(
        [
            [map_coordinates(x[b, :, :, c], places, order=1) for c in range(3)]
            for b in range(2)
        ]
    ).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(resize_bilinear(x, new_size), expected, atol=1e-5)
    some = [0, new_size[0] // 2, new_size[0] - 1], [new_size[1] - 1, 0]
    for axis, at in enumerate(some, start=1):
        size, new = x.shape[axis], new_size[axis - 1]
        x = resize_bilinear_at(x, axis, jnp.array(at), size, new)
    np.testing.assert_allclose(x, expected[:, some[0]][:, :, some[1]], atol=1e-5)


def test_resize_to_the_same_size_changes_nothing():
    x = random((1, 6, 9, 2))
    np.testing.assert_allclose(resize_bilinear(x, (6, 9)), x, atol=1e-6)


def norm_variables(channels):
    rng = np.random.default_rng(0)
    draw = {
        "scale": rng.uniform(0.5, 2, channels),
        "bias": rng.normal(size=channels),
        "mean": rng.normal(size=channels),
        "var": rng.uniform(0.1, 3, channels),
    }
    draw = {name: jnp.asarray(value, jnp.float32) for name, value in draw.items()}
    return {
        "params": {name: draw[name] for name in ("scale", "bias")},
        "batch_stats": {name: draw[name] for name in ("mean", "var")},
    }


def test_frozen_norm_equals_flax_with_running_statistics():
    x = random((2, 4, 5, 6))
    variables = norm_variables(6)
    theirs = nn.BatchNorm(use_running_average=True, epsilon=1e-5).apply(variables, x)
    ours = FrozenBatchNorm().apply(variables, x)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_frozen_norm_lets_no_gradient_into_its_vectors_but_through_to_its_input():
    x = random((2, 4, 5, 6))

    def total(variables, x):
        return FrozenBatchNorm().apply(variables, x).sum()

    into_vectors, into_input = jax.grad(total, argnums=(0, 1))(norm_variables(6), x)
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(into_vectors))
    assert (into_input != 0).all()
