"""The forms that GPUs run compute, on a CPU, the same as the forms for CPUs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deepdepth_jax.models.conv import plain
from deepdepth_jax.models.conv.convolution import convolve
from deepdepth_jax.models.layers import Conv, _placed, batch_norm, normalised, relu
from deepdepth_jax.models.resnet import Bottleneck


@pytest.fixture
def as_on_gpus(monkeypatch):
    """Takes the forms of all platforms that have none of their own."""

    def choose():
        monkeypatch.setattr(
            jax.lax,
            "platform_dependent",
            lambda *arguments, default, **_: default(*arguments),
        )
        jax.clear_caches()

    yield choose
    jax.clear_caches()


def random(shape, seed=0):
    values = np.random.default_rng(seed).normal(size=shape)
    return jnp.asarray(values, jnp.float32)


def test_a_block_and_its_gradients_are_those_of_the_cpus_forms(as_on_gpus):
    block = Bottleneck(
        width=32,
        stride=2,
        dilation=2,
        project=True,
        norm="frozen",
        stride_on="1x1",
        dtype=jnp.float32,
        train=True,
    )
    x, dy = random((1, 17, 21, 16)), random((1, 9, 11, 128), seed=1)
    variables = block.init(jax.random.key(0), x)
    variables["batch_stats"] = jax.tree.map(
        lambda v: v + 0.5 * jnp.abs(random(v.shape)), variables["batch_stats"]
    )

    def values_and_gradients():
        def apply(params, x):
            return block.apply(variables | {"params": params}, x)

        y, pull = jax.vjp(jax.jit(apply), variables["params"], x)
        return y, pull(dy)

    expected = values_and_gradients()
    as_on_gpus()
    found = values_and_gradients()
    for ours, theirs in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.parametrize("dilation", [1, 2, 3, 6])
@pytest.mark.parametrize("outputs", [7, 90])  # shifted to taps, on interleaved grids
def test_the_gradients_are_those_that_jax_derives(dilation, outputs):
    x, kernel = random((2, 11, 13, 80)), random((3, 3, 80, outputs), seed=1)
    dy = random((2, 11, 13, outputs), seed=2)
    _, pull = jax.vjp(lambda x, k: plain.convolve(x, k, dilation), x, kernel)
    found = plain.gradients(x, kernel, dy, dilation)
    for ours, theirs in zip(found, pull(dy), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6 * np.abs(theirs).max())


def test_interleaved_grids_have_the_pixels_at_their_distance():
    x = random((2, 5, 7, 3))
    grids = plain.interleaved(x, 3).reshape(2, 3, 3, 2, 3, 3)
    for row in range(3):
        for column in range(3):
            grid = x[:, row::3, column::3]
            height, width = grid.shape[1:3]
            found = grids[:, row, column]
            np.testing.assert_array_equal(found[:, :height, :width], grid)
            assert not found[:, height:].any()
            assert not found[:, :, width:].any()


@pytest.mark.parametrize("norm", ["frozen", "trained"])
def test_a_normalised_convolution_is_the_convolution_and_then_the_norm(norm):
    conv = Conv(6, 3, stride=2)
    layer = batch_norm(norm, train=False, name="bn")
    x = random((2, 9, 7, 4))
    of_conv = conv.init(jax.random.key(0), x)
    y = conv.apply(of_conv, x)
    of_norm = jax.tree.map(
        lambda v: v + 0.5 * jnp.abs(random(v.shape)), layer.init(jax.random.key(0), y)
    )

    def found(forms):
        bound = conv.bind(of_conv), layer.bind(of_norm)
        return normalised(*bound, x) if forms == "together" else bound[1](bound[0](x))

    np.testing.assert_allclose(found("together"), found("apart"), rtol=1e-5, atol=1e-6)


def lowered_for_cuda(function, *arrays):
    exported = jax.export.export(jax.jit(function), platforms=["cuda"])(*arrays)
    return exported.mlir_module()


@pytest.mark.parametrize("is_on_gpu", [False, True])
def test_a_gain_goes_to_the_output_on_cpus_and_to_the_kernel_on_gpus(
    is_on_gpu, as_on_gpus
):
    """Where nothing then keeps cuDNN from adding the offset to the convolution."""
    if is_on_gpu:
        as_on_gpus()
    of_kernel, of_output = _placed(gain := random((6,)))
    expected = (gain, jnp.ones(6)) if is_on_gpu else (jnp.ones(6), gain)
    np.testing.assert_array_equal((of_kernel, of_output), expected)


def test_the_gradient_of_a_gpus_relu_goes_by_its_result():
    """By the sign of its argument, XLA could not leave the ReLU to the convolution."""
    text = lowered_for_cuda(jax.grad(lambda x: relu(x).sum()), jnp.zeros(5))
    assert "stablehlo.maximum" in text
    assert "NE" in text
    assert "GT" not in text


def test_a_1x1_convolution_is_one_on_gpus_with_both_gradients():
    x, kernel = jnp.zeros((1, 5, 5, 8)), jnp.zeros((1, 1, 8, 16))

    def step(x, kernel):
        y, pull = jax.vjp(convolve, x, kernel)
        return y, pull(y)

    text = lowered_for_cuda(step, x, kernel)
    assert text.count("stablehlo.convolution") == 3
    assert "stablehlo.dot_general" not in text
