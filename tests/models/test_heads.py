import jax.numpy as jnp
import numpy as np
import pytest

from deepdepth_jax.bins import DepthBins
from deepdepth_jax.models.heads import HEADS, Classification, Ordinal, Regression

BINS = DepthBins("sid", 12, 1.0, 80.0)


def outputs(head, size=(3, 40), scale=3.0):
    rng = np.random.default_rng(0)
    drawn = scale * rng.normal(size=(*size, head.channels))
    return jnp.asarray(drawn, jnp.float32)


def posterior_of(head, outputs):
    return head.posterior(head.scores(outputs))


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


def test_every_head_has_as_many_channels_as_it_reads():
    channels = {name: head(BINS).channels for name, head in HEADS.items()}
    assert channels == {"classification": 12, "ordinal": 24, "regression": 1}


@pytest.mark.parametrize("head", [Classification(BINS), Ordinal(BINS)])
@pytest.mark.parametrize("scale", [0.1, 3.0, 300.0])
def test_posteriors_over_bins_are_distributions(head, scale):
    posterior = np.asarray(posterior_of(head, outputs(head, scale=scale)))
    assert posterior.shape == (3, 40, 12)
    np.testing.assert_allclose(posterior.sum(-1), 1, rtol=1e-5)
    assert (posterior >= 0).all()


def test_a_classification_is_a_softmax():
    head = Classification(BINS)
    logits = outputs(head)
    exponentials = np.exp(np.asarray(logits, np.float64))
    expected = exponentials / exponentials.sum(-1, keepdims=True)
    np.testing.assert_allclose(posterior_of(head, logits), expected, rtol=1e-5)


# DORN.


def dorn_depth_m(given):
    """Eq. 4 and 5 as they stand, without a shift; after the last bin comes none."""
    no, yes = (np.asarray(given[..., first::2], np.float64) for first in (0, 1))
    beyond = np.exp(yes) / (np.exp(no) + np.exp(yes))
    label = np.minimum((beyond >= 0.5).sum(-1), 11)
    return (BINS.edges_m[label] + BINS.edges_m[label + 1]) / 2


def test_counting_is_dorns_whether_the_answers_agree_or_not():
    head = Ordinal(BINS)
    given = outputs(head)
    falls = np.diff(np.asarray(given[..., 1::2] - given[..., ::2]), axis=-1) <= 0
    assert not falls.all(-1).any()
    found = head.depth_m(posterior_of(head, given), "count")
    np.testing.assert_allclose(found, dorn_depth_m(given), rtol=1e-6)


def test_answers_that_agree_are_the_distribution_s_own_tail():
    """P(beyond bin k) is what the bins after it sum up to."""
    head = Ordinal(BINS)
    beyond = np.linspace(3, -5, 12)
    given = np.zeros((1, 24), np.float32)
    given[0, 1::2] = beyond
    posterior = np.asarray(posterior_of(head, jnp.asarray(given)))[0]
    after = posterior[::-1].cumsum()[::-1]
    np.testing.assert_allclose(after[1:], sigmoid(beyond)[:-1], rtol=1e-5)
    swapped = given.reshape(1, 12, 2)[:, ::-1].reshape(1, 24)
    np.testing.assert_allclose(
        posterior_of(head, jnp.asarray(swapped))[0], posterior, rtol=1e-5
    )


def test_answers_that_do_not_agree_are_put_in_falling_order():
    head = Ordinal(BINS)
    given = outputs(head)
    beyond = sigmoid(given[..., 1::2] - given[..., ::2])
    falling = -np.sort(-beyond)
    posterior = np.asarray(posterior_of(head, given))
    after = posterior[..., ::-1].cumsum(-1)[..., ::-1]
    np.testing.assert_allclose(after[..., 1:], falling[..., :-1], atol=1e-5)


def test_only_the_difference_of_a_pair_matters():
    head = Ordinal(BINS)
    given = np.asarray(outputs(head)).reshape(3, 40, 12, 2)
    moved = given + np.random.default_rng(1).normal(size=(3, 40, 12, 1))
    moved = jnp.asarray(moved.reshape(3, 40, 24), jnp.float32)
    expected = posterior_of(head, outputs(head))
    np.testing.assert_allclose(posterior_of(head, moved), expected, atol=1e-5)


def test_no_bin_is_ever_impossible():
    """Else a true depth there would have an infinite likelihood ratio against it."""
    head = Ordinal(BINS)
    assert posterior_of(head, outputs(head, scale=1000.0)).min() > 1e-8


# Regression.


def test_an_output_of_0_is_the_middle_of_the_bins():
    for bins, middle_m in ((BINS, 80**0.5), (DepthBins("ud", 10, 0.0, 50.0), 25.0)):
        head = Regression(bins)
        found = head.depth_m(posterior_of(head, jnp.zeros((2, 1))), "argmax")
        np.testing.assert_allclose(found, middle_m, rtol=1e-6)


def test_an_output_is_a_logarithm_and_depth_stays_within_the_bins():
    head = Regression(BINS)
    given = jnp.log(jnp.array([[0.01], [0.5], [1.0], [2.0], [100.0]]))
    found = head.depth_m(posterior_of(head, given), "median")
    np.testing.assert_allclose(found, [1, 80**0.5 / 2, 80**0.5, 2 * 80**0.5, 80], 1e-5)


@pytest.mark.parametrize("head", [Classification(BINS), Ordinal(BINS)])
def test_a_larger_world_is_more_bins_away(head):
    """By one bin, where it is larger by the ratio of two edges."""
    posterior = posterior_of(head, outputs(head))
    moved = np.asarray(head.rescaled(posterior, 80 ** (1 / 12)))
    np.testing.assert_allclose(moved[..., 1:-1], posterior[..., :-2], rtol=1e-3)


def test_a_larger_world_is_farther_by_the_factor():
    head = Regression(BINS)
    posterior = posterior_of(head, outputs(head, scale=0.3))
    near = head.depth_m(posterior, "argmax")
    far = head.depth_m(head.rescaled(posterior, 1.7), "argmax")
    np.testing.assert_allclose(far, 1.7 * near, rtol=1e-5)
