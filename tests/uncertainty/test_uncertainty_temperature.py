import math
import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.special

from deepdepth_jax.bins import IGNORE
from deepdepth_jax.errors import UserError
from deepdepth_jax.uncertainty.confidence import at_temperature
from deepdepth_jax.uncertainty.temperature import (
    LOG_TEMPERATURES,
    TemperatureFit,
    nll_by_temperature,
)

K = 12
nll_sums = jax.jit(nll_by_temperature)


def labelled(temperature, count=6000, seed=0):
    """Logits whose labels are drawn from softmax(logits / temperature)."""
    rng = np.random.default_rng(seed)
    logits = (2.5 * rng.normal(size=(count, K))).astype(np.float32)
    until = scipy.special.softmax(logits / temperature, axis=-1).cumsum(-1)
    labels = (rng.uniform(size=(count, 1)) * until[:, -1:] > until).sum(-1)
    return logits, labels.astype(np.int32)


def nll_in_scipy(log_temperature, logits, labels):
    log_p = scipy.special.log_softmax(
        logits.astype(np.float64) / math.exp(log_temperature), axis=-1
    )
    return -np.take_along_axis(log_p, labels[:, None], axis=-1).sum()


def fitted(logits, labels):
    fit = TemperatureFit()
    fit.add(*nll_sums(jnp.asarray(logits), jnp.asarray(labels)))
    return fit.compute()


def test_sums_are_the_negative_log_likelihood_at_each_temperature():
    logits, labels = labelled(1.0, 300)
    sums, pixels = nll_sums(jnp.asarray(logits), jnp.asarray(labels))
    expected = [nll_in_scipy(u, logits, labels) for u in LOG_TEMPERATURES]
    np.testing.assert_allclose(sums, expected, rtol=1e-5)
    assert pixels == 300


def test_the_grid_is_from_a_tenth_to_ten():
    temperatures = np.exp(LOG_TEMPERATURES)
    assert temperatures[0] == pytest.approx(0.1)
    assert temperatures[-1] == pytest.approx(10)
    assert temperatures[len(temperatures) // 2] == 1


@pytest.mark.parametrize("true", [0.12, 0.3, 0.55, 1.0, 1.9, 4.0, 8.5])
def test_it_finds_the_true_temperature_and_scipys_minimum(true):
    logits, labels = labelled(true)
    found = fitted(logits, labels)
    best = scipy.optimize.minimize_scalar(
        nll_in_scipy, bounds=(-2.3, 2.3), args=(logits, labels), method="bounded"
    )
    assert found == pytest.approx(true, rel=0.1)  # as far as 6000 labels tell
    assert found == pytest.approx(math.exp(best.x), rel=1e-3)


def test_pixels_without_a_label_do_not_count():
    logits, labels = labelled(2.0)
    hidden = np.concatenate([labels, np.full(500, IGNORE, np.int32)])
    confident_nonsense = np.zeros((500, K), np.float32)
    confident_nonsense[:, 3] = 50
    more = np.concatenate([logits, confident_nonsense])
    sums, pixels = nll_sums(jnp.asarray(more), jnp.asarray(hidden))
    expected, _ = nll_sums(jnp.asarray(logits), jnp.asarray(labels))
    np.testing.assert_allclose(sums, expected, rtol=1e-5)
    assert pixels == len(labels)


def test_image_by_image_is_all_at_once_and_needs_no_more_memory():
    logits, labels = labelled(1.4)
    fits = [TemperatureFit(), TemperatureFit()]
    for index, part in enumerate(np.split(np.arange(len(labels)), 4)):
        image = jnp.asarray(logits[part].reshape(30, 50, K))
        fits[index % 2].add(*nll_sums(image, jnp.asarray(labels[part].reshape(30, 50))))
    joined = jax.tree.map(operator.add, *fits)
    assert joined.nll.shape == LOG_TEMPERATURES.shape
    assert joined.pixels == len(labels)
    assert joined.compute() == pytest.approx(fitted(logits, labels), rel=1e-4)


def test_an_optimum_outside_gives_the_bound():
    rng = np.random.default_rng(0)
    right = rng.integers(0, K, 500).astype(np.int32)
    always_right = np.eye(K, dtype=np.float32)[right]
    assert fitted(always_right, right) == pytest.approx(0.1)
    always_wrong = np.eye(K, dtype=np.float32)[(right + 1) % K]
    assert fitted(always_wrong, right) == pytest.approx(10)


def test_logits_that_say_nothing_are_left_as_they_are():
    labels = np.arange(K, dtype=np.int32)
    assert fitted(np.zeros((K, K), np.float32), labels) == 1


def test_nothing_to_fit_on_is_said():
    fit = TemperatureFit()
    fit.add(*nll_sums(jnp.zeros((5, K)), jnp.full(5, IGNORE, jnp.int32)))
    with pytest.raises(UserError, match="no labelled pixel") as caught:
        fit.compute()
    assert "\n" not in str(caught.value)


def test_a_network_that_diverged_is_said():
    logits = jnp.zeros((5, K)).at[2, 3].set(jnp.nan)
    fit = TemperatureFit()
    fit.add(*nll_sums(logits, jnp.zeros(5, jnp.int32)))
    with pytest.raises(UserError, match="not finite"):
        fit.compute()


def test_the_distribution_at_a_temperature():
    logits, _ = labelled(1.0, 50)
    hot = jax.jit(at_temperature)(jnp.asarray(logits), 3.0)
    expected = scipy.special.softmax(logits / 3, axis=-1)
    np.testing.assert_allclose(hot, expected, rtol=1e-5)
    # By way of log-probabilities it is the same.
    again = at_temperature(jnp.log(jax.nn.softmax(jnp.asarray(logits))), 3.0)
    np.testing.assert_allclose(again, expected, rtol=1e-4)
