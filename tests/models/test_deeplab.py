import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tensorflow as tf

from deepdepth_jax.models.deeplab import ASPP, DeepLabV2
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.resnet import ARCHITECTURES, ResNet


def count(variables):
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


@functools.cache
def shapes_of_init(model, size=(1, 33, 33, 3)):
    return jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.zeros(size)))


def stage_shapes(size, **fields):
    model = ResNet(**fields)
    variables = shapes_of_init(model)
    image = jax.ShapeDtypeStruct((1, *size, 3), jnp.float32)
    features = jax.eval_shape(model.apply, variables, image)
    return [feature.shape[1:] for feature in features]


def test_golden_parameter_count_of_the_papers_network():
    # 42 500 160 of ResNet-101 without its classifier, 4 x (9 x 2048 x 71 + 71) of ASPP.
    assert count(shapes_of_init(DeepLabV2())) == 42_500_160 + 5_234_972


@pytest.mark.parametrize(
    ("architecture", "with_classifier", "features"),
    [
        # What torchvision's documentation gives for each network with 1000 classes.
        ("resnet18", 11_689_512, 512),
        ("resnet34", 21_797_672, 512),
        ("resnet50", 25_557_032, 2048),
        ("resnet101", 44_549_160, 2048),
        ("resnet152", 60_192_808, 2048),
    ],
)
def test_backbones_have_the_published_sizes(architecture, with_classifier, features):
    backbone = count(shapes_of_init(ResNet(architecture)))
    assert backbone + features * 1000 + 1000 == with_classifier


@pytest.mark.parametrize(
    ("size", "stages"),
    [
        ((420, 800), [(106, 201), (53, 101), (53, 101), (53, 101)]),
        ((375, 1242), [(95, 311), (48, 156), (48, 156), (48, 156)]),
        ((760, 1280), [(191, 321), (96, 161), (96, 161), (96, 161)]),
    ],
)
def test_golden_stage_shapes(size, stages):
    channels = (256, 512, 1024, 2048)
    expected = [(*side, c) for side, c in zip(stages, channels, strict=True)]
    assert stage_shapes(size, architecture="resnet101") == expected


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_output_stride_is_what_it_says(stride):
    last = stage_shapes((321, 641), architecture="resnet18", output_stride=stride)[-1]
    assert last[:2] == (320 // stride + 1, 640 // stride + 1)


def reach_of(architecture, stride_on):
    """Adds up how far the last stage looks to either side, in input pixels."""
    blocks = ARCHITECTURES[architecture].blocks
    basic = ARCHITECTURES[architecture].block == "basic"
    reach = 3 * 1 + 1 * 2  # the stem's 7x7, then the pool's 3x3
    for stage, (step, dilation) in enumerate(((4, 1), (8, 1), (8, 2), (8, 4))):
        for block in range(blocks[stage]):
            # A 3x3 that has the stride looks at the finer grid that it comes from.
            strided = stage == 1 and block == 0 and (basic or stride_on == "3x3")
            reach += (step // 2 if strided else step) * dilation
            reach += step * dilation if basic else 0
    return reach


@pytest.mark.parametrize("architecture", ["tiny", "resnet18", "resnet50"])
@pytest.mark.parametrize("stride_on", ["1x1", "3x3"])
def test_the_last_stage_sees_as_far_as_strides_and_dilations_say(
    architecture, stride_on
):
    model = ResNet(architecture, width=2, norm="frozen", stride_on=stride_on)
    # With positive weights whatever is seen makes the response larger.
    variables = jax.tree.map(
        lambda leaf: jnp.full(leaf.shape, 0.1), shapes_of_init(model)
    )

    @jax.jit
    def response(x):
        return model.apply(variables, x)[-1][0, 0, 75].sum()

    flat = jnp.ones((1, 1, 1201, 3))
    reach = reach_of(architecture, stride_on)
    for side in (-1, 1):
        seen = flat.at[0, 0, 8 * 75 + side * reach].set(1e25)
        unseen = flat.at[0, 0, 8 * 75 + side * (reach + 1)].set(1e25)
        assert response(seen) > response(flat)
        assert response(unseen) == response(flat)


def test_aspp_sums_all_of_its_branches():
    x = jax.random.normal(jax.random.key(0), (1, 50, 50, 3))
    aspp = ASPP(4)
    params = aspp.init(jax.random.key(1), x)["params"]
    for index, branch in enumerate(params.values()):
        branch["bias"] = branch["bias"] + 0.1 * (index + jnp.arange(4))
    assert sorted(params) == ["branch0", "branch1", "branch2", "branch3"]
    whole = aspp.apply({"params": params}, x)

    def alone(index):
        only = jax.tree.map(jnp.zeros_like, params)
        only[f"branch{index}"] = params[f"branch{index}"]
        return aspp.apply({"params": only}, x)

    parts = [alone(index) for index in range(4)]
    np.testing.assert_allclose(whole, sum(parts), atol=1e-6)
    for branch, rate, part in zip(params.values(), aspp.rates, parts, strict=True):
        sides = [[0, 0], [rate, rate], [rate, rate], [0, 0]]
        theirs = tf.nn.atrous_conv2d(np.pad(x, sides), branch["kernel"], rate, "VALID")
        expected = theirs.numpy() + np.asarray(branch["bias"])
        np.testing.assert_allclose(part, expected, atol=1e-5)


def test_head_starts_small_and_without_bias():
    params = ASPP(71).init(jax.random.key(0), jnp.zeros((1, 5, 5, 8)))["params"]
    branch = params["branch2"]
    assert np.std(branch["kernel"]) == pytest.approx(0.01, rel=0.05)
    assert (branch["bias"] == 0).all()


def test_input_conventions():
    image = np.zeros((1, 1, 2, 3), np.uint8)
    image[0, 0, 0] = (255, 0, 51)
    rgb = CONVENTIONS["imagenet_rgb"](image)[0, 0, 0]
    expected = [(1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225]
    np.testing.assert_allclose(rgb, expected, rtol=1e-5)
    bgr = CONVENTIONS["caffe_bgr"](image)[0, 0, 0]
    np.testing.assert_allclose(bgr, [51 - 103.939, -116.779, 255 - 123.68], rtol=1e-5)
