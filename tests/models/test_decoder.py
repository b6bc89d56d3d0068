"""The decoder, beside TensorFlow's own operations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tensorflow as tf

from deepdepth_jax.models.build import initial_variables
from deepdepth_jax.models.decoder import Decoder, finer_stages, upsample_twice
from deepdepth_jax.models.deeplab import DeepLabV2

EPSILON = 1e-5


def drawn(shapes, seed=0):
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda leaf: rng.uniform(0.1, 1.0, leaf.shape).astype(np.float32), shapes
    )


def normalised(x, params, statistics, name):
    one = {**params[name], **statistics[name]}
    return tf.nn.relu(
        tf.nn.batch_normalization(
            x, one["mean"], one["var"], one["bias"], one["scale"], EPSILON
        )
    )


def of_tensorflow(variables, x, finer):
    params, statistics = variables["params"], variables["batch_stats"]
    x = normalised(x, params, statistics, "bn0")
    for step, features in enumerate(finer, 1):
        height, width = features.shape[1:3]
        twice = 2 * x.shape[1], 2 * x.shape[2]
        x = tf.compat.v1.image.resize_bilinear(x, twice, half_pixel_centers=False)
        x = tf.concat([x[:, :height, :width], features], axis=-1)
        kernel = params[f"conv{step}"]["kernel"]
        x = tf.nn.conv2d(x, kernel, strides=1, padding="SAME")
        x = normalised(x, params, statistics, f"bn{step}")
    outputs = params["outputs"]
    return tf.nn.conv2d(x, outputs["kernel"], 1, "SAME") + outputs["bias"]


def test_it_computes_what_tensorflow_computes():
    rng = np.random.default_rng(1)
    sizes = (3, 4, 6), (5, 8, 4), (10, 15, 2)  # odd and even
    x, *finer = (jnp.float32(rng.normal(size=(2, *size))) for size in sizes)
    decoder = Decoder(width=6, outputs=5)
    nowhere = [None] * len(sizes)
    shapes = jax.eval_shape(decoder.init, jax.random.key(0), x, finer, nowhere)
    variables = drawn(shapes)

    found = decoder.apply(variables, x, finer, nowhere)

    assert found.shape == (2, 10, 15, 5)
    np.testing.assert_allclose(found, of_tensorflow(variables, x, finer), rtol=1e-5)


@pytest.mark.parametrize(("coarse", "fine"), [(3, 6), (3, 5), (30, 60)])
def test_features_keep_their_place_at_every_size(coarse, fine):
    ramp = jnp.broadcast_to(jnp.arange(coarse)[:, None, None], (1, coarse, 1, 1))
    like = jnp.zeros((1, fine, 2, 1))
    places = upsample_twice(jnp.float32(ramp), None, like)[0, :, 0, 0]
    np.testing.assert_array_equal(places, np.minimum(np.arange(fine) / 2, coarse - 1))


@pytest.mark.parametrize(("stride", "finer"), [(8, [0]), (16, [1, 0]), (32, [2, 1, 0])])
def test_the_logits_are_at_a_stride_of_4(stride, finer):
    assert finer_stages(stride) == finer
    model = DeepLabV2(
        7, "tiny", 4, output_stride=stride, aspp_rates=(1,), decoder_width=3
    )
    shape = (1, 97, 150, 3)
    variables = jax.eval_shape(lambda: initial_variables(model, seed=0))
    logits = jax.eval_shape(model.apply, variables, jnp.zeros(shape))
    assert logits.shape == (1, 25, 38, 7)
    assert tuple(model.output_extent(np.array([97, 150]))) == (25, 38)


def test_its_normalisation_learns_beside_a_frozen_backbone():
    model = DeepLabV2(7, "tiny", 4, norm="frozen", aspp_rates=(1,), decoder_width=3)
    variables = initial_variables(model, seed=0)
    image = jax.random.normal(jax.random.key(1), (1, 1, 64, 96, 3))
    step = jax.vmap(
        lambda x: model.apply(variables, x, train=True, mutable=["batch_stats"])[1],
        axis_name="batch",
    )
    old, new = variables["batch_stats"], step(image)["batch_stats"]
    assert np.any(new["decoder"]["bn1"]["mean"][0] != old["decoder"]["bn1"]["mean"])
    for before, after in zip(
        jax.tree.leaves(old["backbone"]), jax.tree.leaves(new["backbone"]), strict=True
    ):
        np.testing.assert_array_equal(after[0], before)


def test_a_pretrained_backbone_leaves_the_decoder_its_start():
    model = DeepLabV2(7, "tiny", 4, aspp_rates=(1,), decoder_width=3)
    whole = initial_variables(model, seed=3)
    alone = initial_variables(model, seed=3, head_alone=True)
    for collection in ("params", "batch_stats"):
        for part in set(whole[collection]) - {"backbone"}:
            jax.tree.map(
                np.testing.assert_array_equal,
                alone[collection][part],
                whole[collection][part],
            )
    shapes = jax.tree.leaves(alone["params"]["backbone"])
    assert all(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in shapes)
