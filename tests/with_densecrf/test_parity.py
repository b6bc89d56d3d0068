"""The CRF against its authors' C++ code, in pydensecrf2's binding."""

import dataclasses

import numpy as np
import pytest
from pydensecrf.densecrf import DenseCRF2D

from deepdepth_jax.config import CrfConfig
from deepdepth_jax.inference.crf.mean_field import dense_crf

HEIGHT, WIDTH, LABELS = 120, 160, 21
USUAL = CrfConfig(
    iterations=5,
    smoothness_weight=3.0,
    theta_gamma_px=3.0,
    appearance_weight=10.0,
    theta_alpha_px=80.0,
    theta_beta=13.0,
    compatibility="potts",
    truncation_bins=5,
)
# What DeepLab v2 is usually run with on its ResNet-101.
DEEPLAB = dataclasses.replace(
    USUAL,
    theta_gamma_px=1.0,
    appearance_weight=4.0,
    theta_alpha_px=67.0,
    theta_beta=3.0,
)


def scene():
    """Gives an image of ellipses, their labels, and a poor guess at these."""
    rng = np.random.default_rng(0)
    y_px, x_px = np.mgrid[:HEIGHT, :WIDTH]
    labels = np.zeros((HEIGHT, WIDTH), int)
    for label in range(1, LABELS):
        y, x = rng.uniform(0, (HEIGHT, WIDTH))
        b, a = rng.uniform(8, (HEIGHT / 3, WIDTH / 4))
        labels[((y_px - y) / b) ** 2 + ((x_px - x) / a) ** 2 < 1] = label
    paint = rng.integers(30, 226, (LABELS, 3))
    image = paint[labels] + 20 * np.sin(x_px / 9)[:, :, None]
    image = np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)
    likely = np.exp(1.5 * rng.normal(size=(*labels.shape, LABELS)))
    likely *= np.exp(2.5 * np.eye(LABELS)[labels])
    return image, labels, (likely / likely.sum(-1, keepdims=True)).astype(np.float32)


def theirs(probabilities, image, options):
    bins = np.arange(LABELS)
    distance = np.abs(bins[:, None] - bins) / options.truncation_bins
    cost = np.minimum(distance, 1).astype(np.float32)

    def compatibility(weight):
        return weight if options.compatibility == "potts" else weight * cost

    crf = DenseCRF2D(WIDTH, HEIGHT, LABELS)
    unary = -np.log(probabilities).reshape(-1, LABELS).T
    crf.setUnaryEnergy(np.ascontiguousarray(unary))
    crf.addPairwiseGaussian(
        sxy=options.theta_gamma_px, compat=compatibility(options.smoothness_weight)
    )
    crf.addPairwiseBilateral(
        sxy=options.theta_alpha_px,
        srgb=options.theta_beta,
        rgbim=image,
        compat=compatibility(options.appearance_weight),
    )
    field = np.array(crf.inference(options.iterations))
    return field.T.reshape(probabilities.shape)


@pytest.mark.parametrize("iterations", [5, 10])
@pytest.mark.parametrize(
    ("settings", "same", "rms_difference"),
    [
        (dataclasses.replace(USUAL, theta_alpha_px=60.0), 0.999, 0.001),
        (USUAL, 0.999, 0.001),
        (
            dataclasses.replace(USUAL, compatibility="truncated_linear"),
            0.999,
            0.001,
        ),
        (dataclasses.replace(DEEPLAB, theta_gamma_px=3.0), 0.998, 0.002),
        # At 1 px their lattice is a poor Gaussian over positions; ours is exact.
        (DEEPLAB, 0.99, 0.005),
        (dataclasses.replace(DEEPLAB, compatibility="truncated_linear"), 0.99, 0.005),
    ],
)
def test_same_labels(settings, same, rms_difference, iterations):
    image, labels, probabilities = scene()
    options = dataclasses.replace(settings, iterations=iterations)
    expected = theirs(probabilities, image, options)
    refined = np.asarray(dense_crf(probabilities, image, options))
    assert np.mean(refined.argmax(-1) == expected.argmax(-1)) > same
    assert np.sqrt(np.mean((refined - expected) ** 2)) < rms_difference
    # The settings are ones that matter: most labels were wrong before.
    assert np.mean(probabilities.argmax(-1) == labels) < 0.5
    assert np.mean(refined.argmax(-1) == labels) > 0.7
