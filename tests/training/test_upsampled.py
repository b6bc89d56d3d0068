"""Sums over all pixels, without all pixels in memory, beside sums with them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deepdepth_jax.bins import IGNORE
from deepdepth_jax.losses import cross_entropy
from deepdepth_jax.models.resampling import resize_bilinear
from deepdepth_jax.training import upsampled
from deepdepth_jax.training.upsampled import at_labelled_pixels, by_rows, upsampled_sums


def terms(logits, labels, depth_m):
    """Two terms, one of which looks at the depth."""
    loss = cross_entropy(logits, labels)
    off = jnp.mean(logits, axis=-1) - jnp.log(jnp.maximum(depth_m, 1))
    return [loss, jnp.where(labels != IGNORE, off**2, 0)]


def loss_alone(logits, labels, depth_m):
    return terms(logits, labels, depth_m)[:1]


def at_size(size, share):
    """Batch, height, width, bins, full height and width: logits, labels and depth."""
    batch, height, width, bins, full_height, full_width = size
    rng = np.random.default_rng(0)
    logits = 4 * rng.normal(size=(batch, height, width, bins)).astype(np.float32)
    labels = rng.integers(0, bins, (batch, full_height, full_width), np.int32)
    labels[rng.uniform(size=labels.shape) >= share] = IGNORE
    depth_m = rng.uniform(1, 9, labels.shape).astype(np.float32)
    return jnp.asarray(logits), jnp.asarray(labels), jnp.asarray(depth_m)


def plain(terms, logits, labels, depth_m):
    full = resize_bilinear(logits, labels.shape[1:])
    return [jnp.sum(x, axis=(1, 2)) for x in terms(full, labels, depth_m)]


@functools.cache
def plain_with_gradients(size, share):
    """The sums, and of each one the gradient."""
    logits, *rest = at_size(size, share)
    sums, pull = jax.vjp(lambda logits: plain(terms, logits, *rest), logits)
    gradients = []
    for index in range(len(sums)):
        only = [jnp.full_like(x, at == index) for at, x in enumerate(sums)]
        gradients += pull(only)
    return sums, gradients


# More pixels than a chunk, a part of one, a single row, a single place.
@pytest.mark.parametrize(
    "size",
    [
        (2, 6, 7, 11, 61, 90),
        (1, 5, 4, 3, 33, 26),
        (2, 1, 4, 5, 1, 9),
        (1, 1, 1, 5, 3, 4),
    ],
)
@pytest.mark.parametrize("share", [1.0, 0.19, 0.04, 0.0])
@pytest.mark.parametrize("form", [at_labelled_pixels, by_rows])
def test_sums_and_gradients_are_the_same(size, share, form, monkeypatch):
    monkeypatch.setattr(upsampled, "ROWS_PX", upsampled.CHUNK_PX)
    logits, *rest = at_size(size, share)
    expected_sums, expected_gradients = plain_with_gradients(size, share)
    sums, gradients = jax.jit(lambda *given: form(terms, *given))(logits, *rest)
    for found, expected in zip(sums, expected_sums, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    for found, expected in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_what_is_done_with_the_sums_is_derived():
    """Also where images and terms are weighed unlike."""
    logits, *rest = at_size((2, 5, 4, 3, 33, 26), 0.5)
    weights = jnp.array([1.0, 3.0])

    def of(sums):
        def total(logits):
            loss, off = sums(terms, logits, *rest)
            return jnp.sum(weights * loss**2) + jnp.sum(weights * jnp.sqrt(off))

        return jax.jit(jax.grad(total))(logits)

    np.testing.assert_allclose(of(upsampled_sums), of(plain), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("form", [at_labelled_pixels, by_rows])
def test_labels_spread_over_the_network_s_last_row_and_column(form):
    """The corners of the image are the corners of the logits."""
    logits = jnp.zeros((1, 3, 4, 2)).at[0, [0, 0, -1, -1], [0, -1, 0, -1], 1].set(9.0)
    labels = np.full((1, 17, 25), IGNORE, np.int32)
    labels[0, [0, 0, -1, -1], [0, -1, 0, -1]] = 1
    depth_m = jnp.ones((1, 17, 25))
    (loss,), (gradient,) = form(loss_alone, logits, jnp.asarray(labels), depth_m)
    assert loss == pytest.approx(4 * np.log1p(np.exp(-9)), rel=1e-2)
    touched = np.abs(gradient[0, :, :, 1]) > 0
    np.testing.assert_array_equal(touched, [[1, 0, 0, 1], [0, 0, 0, 0], [1, 0, 0, 1]])


def temporary_bytes(function):
    """Of the paper's batch, by the compiled program; nothing is run."""
    size = (3, 420, 800)
    logits = jax.ShapeDtypeStruct((3, 53, 101, 71), jnp.float32)
    labels = jax.ShapeDtypeStruct(size, jnp.int32)
    depth_m = jax.ShapeDtypeStruct(size, jnp.float32)
    compiled = jax.jit(function).lower(logits, labels, depth_m).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def loss_and_gradient(sums):
    def total(*given):
        return jnp.sum(sums(loss_alone, *given)[0])

    return jax.value_and_grad(total)


@pytest.mark.parametrize(
    "form",
    [loss_and_gradient(upsampled_sums), lambda *given: by_rows(loss_alone, *given)],
)
def test_memory_is_a_fifth_at_the_most(form):
    assert temporary_bytes(form) < temporary_bytes(loss_and_gradient(plain)) / 5
