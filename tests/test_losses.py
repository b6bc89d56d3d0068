import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from deepdepth_jax.bins import IGNORE
from deepdepth_jax.losses import (
    at_labelled_pixels,
    by_rows,
    cross_entropy,
    upsampled_cross_entropy,
)
from deepdepth_jax.models.layers import resize_bilinear

LOGITS = jnp.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [5.0, -5.0, 0.0]])
LABELS = jnp.array([2, 0, IGNORE], jnp.int32)


def test_golden_values():
    # -log(e^3 / (e + e^2 + e^3)) and log 3, worked out by hand.
    expected = [0.40760596, 1.09861229, 0.0]
    np.testing.assert_allclose(cross_entropy(LOGITS, LABELS), expected, rtol=1e-6)


def test_gradient_is_the_derivative():
    def loss(logits):
        return cross_entropy(jnp.asarray(logits), LABELS)

    check_grads(loss, (LOGITS,), order=1, modes=["rev"])


def test_ignored_pixels_give_no_gradient():
    logits = LOGITS.at[2].set(jnp.array([1e30, -1e30, 0.0]))
    gradient = jax.grad(lambda x: cross_entropy(x, LABELS).sum())(logits)
    np.testing.assert_array_equal(gradient[2], 0)
    np.testing.assert_allclose(
        gradient[:2], [[0.09003, 0.24473, -0.33476], [-2 / 3, 1 / 3, 1 / 3]], atol=1e-5
    )


def test_sum_over_all_equals_sum_over_valid():
    key = jax.random.key(0)
    logits = jax.random.normal(key, (4, 5, 7)) * 9
    labels = jax.random.randint(key, (4, 5), 0, 7)
    labels = jnp.where(jax.random.bernoulli(key, 0.4, (4, 5)), labels, IGNORE)
    valid = np.asarray(labels != IGNORE)
    picked = cross_entropy(logits[valid], labels[valid])
    np.testing.assert_allclose(
        cross_entropy(logits, labels).sum(), picked.sum(), rtol=1e-6
    )


def test_everything_ignored_is_zero_and_not_nan():
    labels = jnp.full((3,), IGNORE, jnp.int32)
    assert cross_entropy(LOGITS, labels).sum() == 0


def at_size(size, share):
    """Logits and labels of batch, height, width, bins; and of full height and width."""
    batch, height, width, bins, full_height, full_width = size
    rng = np.random.default_rng(0)
    logits = 4 * rng.normal(size=(batch, height, width, bins)).astype(np.float32)
    labels = rng.integers(0, bins, (batch, full_height, full_width), np.int32)
    labels[rng.uniform(size=labels.shape) >= share] = IGNORE
    return jnp.asarray(logits), jnp.asarray(labels)


def plain(logits, labels):
    return cross_entropy(resize_bilinear(logits, labels.shape[1:]), labels).sum()


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
def test_without_logits_of_all_pixels_loss_and_gradient_are_the_same(size, share, form):
    logits, labels = at_size(size, share)
    expected, expected_gradient = jax.value_and_grad(plain)(logits, labels)
    loss, gradient = jax.jit(form)(logits, labels)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-5, atol=1e-5)


def test_its_gradient_is_multiplied_by_what_is_done_with_it():
    logits, labels = at_size((1, 5, 4, 3, 33, 26), 0.5)

    def of(loss):
        return jax.grad(lambda logits: 3 * loss(logits, labels) ** 2)(logits)

    np.testing.assert_allclose(of(upsampled_cross_entropy), of(plain), rtol=1e-4)


@pytest.mark.parametrize("form", [at_labelled_pixels, by_rows])
def test_labels_spread_over_the_network_s_last_row_and_column(form):
    """The corners of the picture are the corners of the logits."""
    logits = jnp.zeros((1, 3, 4, 2)).at[0, [0, 0, -1, -1], [0, -1, 0, -1], 1].set(9.0)
    labels = np.full((1, 17, 25), IGNORE, np.int32)
    labels[0, [0, 0, -1, -1], [0, -1, 0, -1]] = 1
    loss, gradient = form(logits, jnp.asarray(labels))
    assert loss == pytest.approx(4 * np.log1p(np.exp(-9)), rel=1e-2)
    touched = np.abs(gradient[0, :, :, 1]) > 0
    np.testing.assert_array_equal(touched, [[1, 0, 0, 1], [0, 0, 0, 0], [1, 0, 0, 1]])


def temporary_bytes(loss_and_gradient):
    """Of the paper's batch, by the compiled program; nothing is run."""
    logits = jax.ShapeDtypeStruct((3, 53, 101, 71), jnp.float32)
    labels = jax.ShapeDtypeStruct((3, 420, 800), jnp.int32)
    compiled = jax.jit(loss_and_gradient).lower(logits, labels).compile()
    return compiled.memory_analysis().temp_size_in_bytes


@pytest.mark.parametrize("form", [jax.value_and_grad(upsampled_cross_entropy), by_rows])
def test_memory_is_a_fifth_at_the_most(form):
    assert temporary_bytes(form) < temporary_bytes(jax.value_and_grad(plain)) / 5
