"""Labels of pixels and their files: the same bins come back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from test_thresholds import BINS, distributions, sorted_thresholds

from deepdepth_jax.adapt.label_files import encode_png, label_codes
from deepdepth_jax.adapt.readout import LabelStep, first_largest, window_matrix
from deepdepth_jax.adapt.thresholds import select
from deepdepth_jax.bins import DepthBins
from deepdepth_jax.config import complete, default_config
from deepdepth_jax.datasets.depth_png import read_depth_png
from deepdepth_jax.inference.posterior import PixelPosterior
from deepdepth_jax.inference.steps import Distributions
from deepdepth_jax.models.build import build_network
from deepdepth_jax.weights.adopt import adopt_pretrained


def label(p, window_bins=1, thresholds=(), cells=None, **options):
    found = read(p, window_bins, thresholds, cells, **options)
    return np.asarray(found.label), np.asarray(found.confidence)


def read(p, window_bins=1, thresholds=(), cells=None, **options):
    config = default_config()
    config.model.norm = "trained"
    config.bins.num_bins = BINS
    network = build_network(adopt_pretrained(complete(config)))
    posterior = PixelPosterior(network.model, network.head, network.convention)
    step = LabelStep(posterior, window_bins, tuple(map(float, thresholds)), **options)
    maps = [] if cells is None else [jnp.asarray(cells)]
    return step.read(Distributions(jnp.asarray(p), jnp.asarray(p), None), *maps)


def cbst_labels(p, thresholds):
    """The authors' code: argmax of p / threshold, ignored below 1."""
    ratios = p[:, :-1] / thresholds[:-1]
    labels = ratios.argmax(axis=1)
    is_kept = (ratios.max(axis=1) >= 1) & (p.argmax(axis=1) < BINS - 1)
    return labels, is_kept


@pytest.mark.parametrize("count", [1, 2, 12, 71])
def test_of_several_largest_values_the_first_counts(count):
    values = np.random.default_rng(0).integers(0, 5, (500, count)).astype(np.float32)
    values[0] = 0
    found = jax.jit(first_largest)(jnp.asarray(values))
    np.testing.assert_array_equal(found, values.argmax(axis=1))


def test_a_window_of_one_bin_is_cbst():
    p = distributions(2000)
    labels, confidence = label(p)
    np.testing.assert_array_equal(labels, p.argmax(axis=1))
    np.testing.assert_allclose(confidence, p.max(axis=1), rtol=1e-6)
    thresholds = sorted_thresholds(labels, confidence, 0.9).astype(np.float32)
    found, of_found = label(p, thresholds=thresholds)
    chosen = select(found, of_found, thresholds)
    expected, is_kept = cbst_labels(p, thresholds)
    at_edge = np.isclose((p[:, :-1] / thresholds[:-1]).max(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(chosen[~at_edge], is_kept[~at_edge])
    both = chosen & is_kept
    np.testing.assert_array_equal(found[both], expected[both])
    assert (found != labels)[both].any()  # reweighting moves labels


def test_the_median_is_the_bin_that_half_of_the_probability_lies_before():
    p = distributions(2000)
    labels, confidence = label(p, takes_median=True)
    before = np.cumsum(p.astype(np.float64), axis=1)
    expected = (before < 0.5 * before[:, -1:]).sum(axis=1)
    expected[p.argmax(axis=1) == BINS - 1] = BINS - 1  # whose pixels are never selected
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_allclose(confidence, p[np.arange(2000), labels], rtol=1e-6)
    assert (labels != p.argmax(axis=1)).any()


def test_confidence_is_the_mass_about_the_label():
    p = distributions(500)
    labels, confidence = label(p, window_bins=3)
    for index in range(500):
        near = slice(max(0, labels[index] - 1), labels[index] + 2)
        assert confidence[index] == pytest.approx(p[index, near].sum(), rel=1e-5)
    assert window_matrix(4, 3).tolist() == [
        [1, 1, 0, 0],
        [1, 1, 1, 0],
        [0, 1, 1, 1],
        [0, 0, 1, 1],
    ]


@pytest.mark.parametrize("lrent", [0.25, 1.0])
def test_the_variance_is_that_of_lrents_label_about_the_hard_one(lrent):
    p = distributions(500)
    p[:, 3] = 0  # an impossible bin
    p /= p.sum(axis=1, keepdims=True)
    found = read(p, lrent=lrent)
    soft = p.astype(np.float64) ** (1 / lrent)
    soft /= soft.sum(axis=1, keepdims=True)
    centers = np.log(DepthBins("sid", BINS, 1.0, 80.0).centers_m)
    apart = centers - centers[p.argmax(axis=1)][:, None]
    expected = (soft * apart**2).sum(axis=1)
    np.testing.assert_allclose(found.variance, expected, rtol=1e-3, atol=1e-6)
    assert read(p).variance is None


def test_a_prior_multiplies_the_probabilities_of_its_row():
    p = distributions(2000)
    rng = np.random.default_rng(1)
    prior, cells = rng.uniform(0.01, 3, (4, BINS)), rng.integers(0, 4, 2000)
    labels, confidence = label(p, cells=cells, prior=tuple(map(tuple, prior.tolist())))
    expected = p * prior[cells]
    expected /= expected.sum(axis=1, keepdims=True)
    is_last = p.argmax(axis=1) == BINS - 1
    np.testing.assert_array_equal(
        labels, np.where(is_last, BINS - 1, expected.argmax(axis=1))
    )
    np.testing.assert_allclose(
        confidence[~is_last], expected.max(axis=1)[~is_last], rtol=1e-5
    )
    assert (labels != p.argmax(axis=1)).any()


@pytest.mark.parametrize("kind", ["sid", "ud"])
@pytest.mark.parametrize(
    ("canonical_px", "focal_px"), [(0.0, 0.0), (0.0, 700.0), (185.9, 721.5)]
)
def test_every_bin_comes_back_from_the_file(kind, canonical_px, focal_px, tmp_path):
    bins = DepthBins(kind, 71, 1.0, 60.0)
    codes = label_codes(bins, canonical_px, focal_px)
    labels = np.arange(71).reshape(1, 71)
    path = tmp_path / "labels.png"
    path.write_bytes(encode_png(codes[labels]))
    with Image.open(path) as image:
        assert image.mode == "I;16"
    depth_m = read_depth_png(path, 256, lambda size: None)
    scale = np.float32(canonical_px / focal_px if canonical_px else 1)
    np.testing.assert_array_equal(bins.label(depth_m * scale), labels)
    if not canonical_px:
        np.testing.assert_allclose(depth_m[0], bins.centers_m, atol=0.5 / 256)


def test_bins_that_the_format_cannot_hold_have_no_label():
    fine = label_codes(DepthBins("sid", 80, 0.001, 80.0), 0.0, 0.0)
    assert (fine[:9] == 0).all()
    assert (fine[-40:] > 0).all()
    labelled = np.flatnonzero(fine)
    read_back = DepthBins("sid", 80, 0.001, 80.0).label(
        (fine[labelled] / 256).astype(np.float32)
    )
    np.testing.assert_array_equal(read_back, labelled)
    far = label_codes(DepthBins("sid", 10, 1.0, 1000.0), 0.0, 0.0)
    assert (far[:8] > 0).all()
    assert far[-1] == 0
