import jax
import jax.numpy as jnp
import numpy as np
from jax.test_util import check_grads

from deepdepth_jax.bins import IGNORE
from deepdepth_jax.losses import cross_entropy

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
