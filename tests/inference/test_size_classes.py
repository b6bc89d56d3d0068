"""Images are padded to few sizes, and no result depends on the padding."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deepdepth_jax.bins import DepthBins
from deepdepth_jax.inference.layout import padded_side
from deepdepth_jax.inference.posterior import OWN, PixelPosterior, Views
from deepdepth_jax.inference.runner import Runner
from deepdepth_jax.inference.steps import LikelihoodStep, PredictStep, ScoreStep
from deepdepth_jax.models import resnet
from deepdepth_jax.models.build import initial_variables
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.models.heads import HEADS
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.resampling import scaled
from deepdepth_jax.types import Trained

BINS = DepthBins("sid", 10, 1.0, 80.0)
SIZES = (33, 65), (62, 71), (41, 94)
"""All padded to 62 x 94."""
STRIDE_16 = {"output_stride": 16}


@pytest.fixture(autouse=True)
def _small_bottlenecks(monkeypatch):
    small = {"bottleneck": resnet.Architecture("bottleneck", (1, 1, 1, 1))}
    monkeypatch.setattr(resnet, "ARCHITECTURES", small | dict(resnet.ARCHITECTURES))


def posterior(*, head="classification", views=OWN, **fields):
    of = HEADS[head](BINS)
    defaults = {"architecture": "tiny", "width": 4, "aspp_rates": (1, 6)}
    model = DeepLabV2(outputs=of.channels, **(defaults | fields))
    return PixelPosterior(model, of, CONVENTIONS["imagenet_rgb"], views)


def variables(model):
    """As after training: normalisation is nowhere what it starts as."""
    rng = np.random.default_rng(0)
    ranges = {"mean": (-1, 1), "bias": (-1, 1), "var": (0.5, 2), "scale": (0.5, 1)}

    def trained(path, leaf):
        name = path[-1].key
        if name in ranges:
            return rng.uniform(*ranges[name], leaf.shape).astype(np.float32)
        # So large in the end that no two pixels are alike, and that none is sure.
        wide = math.sqrt(0.5 if path[1].key == "aspp" else 2)
        wide /= math.sqrt(math.prod(leaf.shape[:3]))
        return rng.normal(0, wide, leaf.shape).astype(np.float32)

    shapes = jax.eval_shape(lambda: initial_variables(model, seed=0))
    return jax.tree.map_with_path(trained, shapes)


def random_images(size, count=2):
    rng = np.random.default_rng(sum(size))
    return rng.integers(0, 256, (count, *size, 3), np.uint8)


def depths_m(size, count=2):
    rng = np.random.default_rng(sum(size))
    depth_m = rng.uniform(1, 90, (count, *size)).astype(np.float32)
    return np.where(rng.random(depth_m.shape) < 0.5, depth_m, np.float32(0))


def assert_equal(found, expected):
    leaves = jax.tree.leaves(found), jax.tree.leaves(expected)
    for one, other in zip(*leaves, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def in_both_ways(step, trained, sizes, *arrays_of):
    """Runs a step on padded images, with one program, and on the images alone."""
    compiled = []

    class Traced(type(step)):
        """Lists the sizes that the step is compiled for."""

        def __call__(self, trained, image, *maps, extent=None):
            compiled.append(image.shape[1:3])
            return super().__call__(trained, image, *maps, extent=extent)

    fields = {
        field.name: getattr(step, field.name) for field in dataclasses.fields(step)
    }
    padded, alone = Runner(Traced(**fields), 2), jax.jit(step)
    for size in sizes:
        arrays = [of(size) for of in arrays_of]
        yield padded(trained, *arrays), alone(trained, *map(jnp.asarray, arrays))
    assert compiled == [tuple(map(padded_side, sizes[0]))]


@pytest.mark.parametrize(
    ("sizes", "fields"),
    [
        (SIZES, {"architecture": "tiny", "output_stride": 8, "norm": "frozen"}),
        (SIZES[:2], {"architecture": "bottleneck", "norm": "trained"}),
        (SIZES[2:], {"architecture": "bottleneck", "stride_on": "3x3"} | STRIDE_16),
        (SIZES[:2], {"decoder_width": 5, "output_stride": 32}),
    ],
)
def test_the_network_does_not_see_what_lies_beyond_the_extent(sizes, fields):
    """Not even where it is no number."""
    model = posterior(**fields).model
    weights, shape = variables(model), (1, 62, 94, 3)
    apply = jax.jit(functools.partial(model.apply, weights))
    for size in sizes:
        rng = np.random.default_rng(0)
        image = rng.normal(size=(1, *size, 3)).astype(np.float32)
        filled = np.full(shape, np.nan, np.float32)
        filled[:, : size[0], : size[1]] = image
        alone = apply(image)
        found = apply(filled, extent=np.array(size, np.int32))
        extent = model.output_extent(np.array(size))
        assert alone.shape[1:3] == tuple(extent)
        found = found[:, : extent[0], : extent[1]]
        np.testing.assert_allclose(found, alone, rtol=1e-5, atol=1e-5)
        assert np.std(alone) > 0.5


@pytest.mark.parametrize(
    ("sizes", "head", "views"),
    [
        (SIZES[:1], "ordinal", OWN),
        (SIZES[1:], "regression", Views(flip=True, scales=(0.7,))),
        ([(1, 1)], "regression", Views(flip=True)),
    ],
)
def test_no_prediction_depends_on_the_padding(sizes, head, views):
    of = posterior(head=head, views=views)
    trained = Trained(variables(of.model), 1.3)
    step = PredictStep(of, "expectation")
    for found, expected in in_both_ways(step, trained, sizes, random_images):
        assert_equal(found, expected)
        assert np.ptp(found.depth_m) > 2 or sizes == [(1, 1)]


def test_nor_do_scores_and_likelihoods():
    of = posterior(views=Views(flip=True))
    trained = Trained(variables(of.model), 1.3)

    for step in (ScoreStep(of, "median"), LikelihoodStep(of)):
        [(found, expected)] = in_both_ways(
            step, trained, SIZES[:1], random_images, depths_m
        )
        assert_equal(found, expected)


@pytest.mark.parametrize("scale", [0.3, 1.3])
def test_images_are_scaled_as_jax_does_it_within_their_extent(scale):
    image = random_images((23, 37)).astype(np.float32)
    size = round(23 * scale), round(37 * scale)
    expected = jax.image.resize(image, (2, *size, 3), "bilinear")
    alone, extent = jax.jit(scaled, static_argnums=(1, 2))(image, None, scale)
    assert extent is None
    np.testing.assert_allclose(alone, expected, rtol=1e-4)
    filled = np.full((2, 30, 62, 3), 255, np.float32)
    filled[:, :23, :37] = image
    resize = jax.jit(scaled, static_argnums=2)
    found, extent = resize(filled, np.array((23, 37)), scale)
    assert tuple(extent) == size
    np.testing.assert_allclose(found[:, : size[0], : size[1]], alone, rtol=1e-6)


def test_sizes_fall_into_few_classes():
    kitti = (375, 1242), (370, 1224), (374, 1238), (370, 1226), (376, 1241)
    assert {tuple(map(padded_side, size)) for size in kitti} == {(382, 1246)}
    for side in range(1, 200):
        padded = padded_side(side)
        assert padded in (32 * -(-side // 32), 32 * -(-side // 32) - 2)
        assert padded_side(padded) == padded >= side
    for side in (96, 320, 480, 640):
        assert padded_side(side) == side


def test_without_an_extent_nothing_is_masked():
    """As in training and in exported models, whose programs stay what they were."""
    model = posterior().model
    apply = functools.partial(model.apply, variables(model))
    image = jnp.zeros((1, 33, 41, 3))
    assert " = lt " not in str(jax.make_jaxpr(apply)(image))
    extent = jnp.array((33, 41))
    masked = jax.make_jaxpr(lambda image: apply(image, extent=extent))(image)
    assert " = lt " in str(masked)
