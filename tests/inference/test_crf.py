import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deepdepth_jax.config import CrfConfig
from deepdepth_jax.errors import UserError
from deepdepth_jax.inference.crf.mean_field import (
    appearance_lattice,
    dense_crf,
    mean_field,
)
from deepdepth_jax.inference.crf.permutohedral import build_lattice
from deepdepth_jax.inference.crf.smoothing import smooth

HEIGHT, WIDTH, BINS = 36, 50, 7
USUAL = CrfConfig(
    iterations=5,
    smoothness_weight=3.0,
    theta_gamma_px=3.0,
    appearance_weight=10.0,
    theta_alpha_px=60.0,
    theta_beta=13.0,
    compatibility="potts",
    truncation_bins=5,
)


def positions(height, width):
    y_px, x_px = np.mgrid[:height, :width].reshape(2, -1)
    return np.stack([x_px, y_px]).astype(np.float64)


def features(image, options):
    colours = image.reshape(-1, 3).T / options.theta_beta
    where = positions(*image.shape[:2]) / options.theta_alpha_px
    return np.concatenate([where, colours])


def exact_kernel(points):
    """Joins all pairs of points (d, n), normalised symmetrically."""
    offsets = points[:, :, None] - points[:, None]
    kernel = np.exp(-0.5 * (offsets**2).sum(0))
    scale = kernel.sum(1) ** -0.5
    return scale[:, None] * kernel * scale


def exact_mean_field(probabilities, image, options):
    """Repeats equation 1 of the paper's mean field, over all pairs, in float64."""
    k = probabilities.shape[-1]
    near = exact_kernel(positions(*image.shape[:2]) / options.theta_gamma_px)
    alike = exact_kernel(features(image, options))
    joined = options.smoothness_weight * near + options.appearance_weight * alike
    distance = np.abs(np.subtract.outer(np.arange(k), np.arange(k)))
    cost = (distance > 0).astype(float)
    if options.compatibility == "truncated_linear":
        cost = np.minimum(distance / options.truncation_bins, 1)
    unary = -np.log(probabilities.reshape(-1, k).astype(np.float64))
    field = np.exp(-unary)
    for _ in range(options.iterations):
        energy = unary + joined @ field @ cost
        field = np.exp(energy.min(1, keepdims=True) - energy)
        field /= field.sum(1, keepdims=True)
    return field.reshape(probabilities.shape)


def scene(seed=0, noise=1.5):
    """Gives an image of three areas, their bins, and a poor guess at these."""
    rng = np.random.default_rng(seed)
    y_px, x_px = np.mgrid[:HEIGHT, :WIDTH]
    area = np.where((y_px - 16) ** 2 + (x_px - 18) ** 2 < 120, 2, 0)
    area[x_px + y_px > 60] = 1
    paint = np.array([[60, 90, 120], [40, 160, 60], [200, 180, 160]])
    shade = 2 * (y_px[:, :, None] - HEIGHT / 2)
    image = paint[area] + shade + rng.normal(0, 5, (HEIGHT, WIDTH, 3))
    bins = np.array([1, 3, 5])[area]
    logits = noise * rng.normal(size=(HEIGHT, WIDTH, BINS)) + 2 * np.eye(BINS)[bins]
    probabilities = np.asarray(jax.nn.softmax(jnp.asarray(logits, jnp.float32)))
    return np.clip(image, 0, 255).astype(np.uint8), bins, probabilities


def rms(x):
    return np.sqrt(np.mean(np.square(x)))


@pytest.mark.parametrize(
    ("theta_px", "height", "width"), [(1.0, 9, 20), (2.3, 37, 14), (3.0, 5, 7)]
)
def test_smoothing_is_the_sum_over_all_pairs(theta_px, height, width):
    x = np.random.default_rng(0).random((height, width, 3))
    expected = exact_kernel(positions(height, width) / theta_px) @ x.reshape(-1, 3)
    smoothed = smooth(jnp.asarray(x, jnp.float32), theta_px)
    # What lies beyond 4 standard deviations is left out.
    np.testing.assert_allclose(smoothed.reshape(-1, 3), expected, atol=3e-4)


@pytest.mark.parametrize(("dimensions", "error"), [(1, 0.05), (2, 0.07), (3, 0.1)])
def test_lattice_approaches_the_gaussian_in_any_dimension(dimensions, error):
    rng = np.random.default_rng(0)
    points = 4 * rng.random((dimensions, 900))
    values = rng.random((900, 2)) + (points[0] > 2)[:, None]
    lattice = build_lattice(points.astype(np.float32)).normalised()
    filtered = lattice.filter(jnp.asarray(values, jnp.float32))
    expected = exact_kernel(points) @ values
    assert rms(filtered - expected) < error * rms(expected)


def noise():
    return np.random.default_rng(5).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


@pytest.mark.parametrize(
    ("image", "theta_alpha_px", "theta_beta", "error"),
    [
        (scene(0)[0], 60.0, 13.0, 0.03),
        (scene(1)[0], 40.0, 8.0, 0.03),
        (scene(0)[0], 60.0, 3.0, 0.09),
        (noise(), 60.0, 13.0, 0.17),
    ],
)
def test_error_of_the_lattice_filter_in_an_image(
    image, theta_alpha_px, theta_beta, error
):
    options = dataclasses.replace(
        USUAL, theta_alpha_px=theta_alpha_px, theta_beta=theta_beta
    )
    values = scene()[2].reshape(-1, BINS)
    filtered = (
        appearance_lattice(image, options).normalised().filter(jnp.asarray(values))
    )
    expected = exact_kernel(features(image, options)) @ values
    assert rms(filtered - expected) < error * rms(expected)


def test_points_that_coincide_share_their_mean():
    # All pairs have the same weight, whatever simplex the points lie in.
    points = np.tile(np.array([[0.3], [-7.1], [2.6]], np.float32), (1, 40))
    values = jax.random.uniform(jax.random.key(0), (40, 4))
    filtered = build_lattice(points).normalised().filter(values)
    expected = jnp.tile(values.mean(0, keepdims=True), (40, 1))
    np.testing.assert_allclose(filtered, expected, rtol=1e-5)


def test_weights_of_a_simplex_are_barycentric():
    features_ = 9 * np.random.default_rng(0).normal(size=(5, 500)).astype(np.float32)
    weights = build_lattice(features_).corner_weights
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
    assert weights.min() > -1e-5


def test_far_points_do_not_touch():
    points = np.repeat(np.array([[0.0], [50.0]], np.float32), 30, axis=1).reshape(1, -1)
    values = jnp.asarray(np.repeat([[1.0], [3.0]], 30, axis=0), jnp.float32)
    filtered = build_lattice(points).normalised().filter(values)
    np.testing.assert_allclose(filtered, values, rtol=1e-5)


@pytest.mark.parametrize(
    ("compatibility", "truncation_bins"),
    [("potts", 5), ("truncated_linear", 2), ("truncated_linear", 5)],
)
def test_mean_field_is_the_exact_one_almost_everywhere(compatibility, truncation_bins):
    image, _, probabilities = scene()
    # Weights that leave room for doubt: where all are certain any cost will do.
    options = dataclasses.replace(
        USUAL,
        smoothness_weight=1.0,
        appearance_weight=2.0,
        compatibility=compatibility,
        truncation_bins=truncation_bins,
    )
    refined = np.asarray(dense_crf(probabilities, image, options))
    expected = exact_mean_field(probabilities, image, options)
    assert np.mean(refined.argmax(-1) == expected.argmax(-1)) > 0.995
    assert rms(refined - expected) < 0.004


def test_smoothness_alone_is_exact():
    image, _, probabilities = scene()
    options = dataclasses.replace(USUAL, appearance_weight=0.0, theta_gamma_px=1.5)
    refined = dense_crf(probabilities, image, options)
    expected = exact_mean_field(probabilities, image, options)
    np.testing.assert_allclose(refined, expected, atol=2e-3)


def test_bins_follow_the_edges_of_the_image():
    image, bins, probabilities = scene()
    refined = dense_crf(probabilities, image, USUAL)
    assert np.mean(probabilities.argmax(-1) == bins) < 0.7
    assert np.mean(refined.argmax(-1) == bins) > 0.98


def test_linear_that_is_truncated_at_one_is_potts():
    image, _, probabilities = scene()
    linear = dataclasses.replace(
        USUAL, compatibility="truncated_linear", truncation_bins=1
    )
    np.testing.assert_allclose(
        dense_crf(probabilities, image, linear),
        dense_crf(probabilities, image, USUAL),
        atol=1e-4,
    )


@pytest.mark.parametrize("nothing", [{"iterations": 0}, {"weight": 0.0}])
def test_nothing_to_do_changes_nothing(nothing):
    image, _, probabilities = scene()
    if "weight" in nothing:
        nothing = {"smoothness_weight": 0.0, "appearance_weight": 0.0}
    refined = dense_crf(probabilities, image, dataclasses.replace(USUAL, **nothing))
    np.testing.assert_allclose(refined, probabilities, rtol=1e-4, atol=1e-7)


def test_a_batch_is_its_images_one_by_one():
    scenes = [scene(seed) for seed in (0, 1)]
    image = np.stack([image for image, _, _ in scenes])[None]
    probabilities = jnp.stack([p for _, _, p in scenes])[None]
    together = dense_crf(probabilities, image, USUAL)
    assert together.shape == (1, 2, HEIGHT, WIDTH, BINS)
    for index, (one_image, _, one) in enumerate(scenes):
        alone = dense_crf(one, jnp.asarray(one_image), USUAL)
        np.testing.assert_array_equal(together[0, index], alone)


def test_certain_bins_give_finite_distributions():
    image, bins, _ = scene()
    certain = jnp.eye(BINS, dtype=jnp.bfloat16)[bins]
    refined = dense_crf(certain, image, USUAL)
    assert refined.dtype == jnp.float32
    np.testing.assert_allclose(refined.sum(-1), 1, rtol=1e-5)
    np.testing.assert_array_equal(refined.argmax(-1), bins)


def test_one_program_serves_many_images():
    shapes = {
        appearance_lattice(scene(seed)[0], USUAL).neighbours.shape for seed in range(8)
    }
    assert len(shapes) <= 2


def test_mean_field_can_be_part_of_a_program():
    image, _, probabilities = scene()
    lattice = appearance_lattice(image, USUAL)

    def confidence(probabilities, lattice):
        return mean_field(probabilities, lattice, USUAL).max(-1)

    np.testing.assert_allclose(
        jax.jit(confidence)(jnp.asarray(probabilities), lattice),
        dense_crf(probabilities, image, USUAL).max(-1),
        rtol=1e-4,
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("iterations", -1),
        ("smoothness_weight", -0.5),
        ("appearance_weight", float("nan")),
        ("theta_gamma_px", 0.0),
        ("theta_alpha_px", float("inf")),
        ("theta_beta", -3.0),
        ("truncation_bins", 0),
    ],
)
def test_useless_options_are_named(field, value):
    with pytest.raises(ValueError, match=rf"{field}=.*: must be"):
        dataclasses.replace(USUAL, **{field: value})


def test_lattice_beyond_64_bits_is_the_thetas_mistake():
    image, _, _ = scene()
    with pytest.raises(UserError, match=r"crf\.theta_beta"):
        appearance_lattice(
            image, dataclasses.replace(USUAL, theta_beta=0.01, theta_alpha_px=0.01)
        )
