import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tensorflow as tf

from deepdepth_jax.models.conv.convolution import convolve, convolve_and_add, cpu_form


def random(shape, seed=0):
    values = np.random.default_rng(seed).normal(size=shape)
    return jnp.asarray(values, jnp.float32)


# Images larger and smaller than the reach of the kernel, sides odd and even, and
# more or fewer of them than tiles of 2 x 2 on every interleaved grid.
CASES = [
    ("winograd", (2, 9, 12, 32), 40, 1),
    ("winograd", (1, 10, 7, 40), 32, 2),
    ("winograd", (2, 11, 13, 32), 32, 4),
    ("winograd", (1, 3, 2, 32), 32, 5),
    ("winograd", (1, 1, 1, 32), 32, 1),
    ("products", (2, 9, 12, 64), 7, 1),
    ("products", (2, 13, 14, 64), 7, 6),
    ("products", (1, 5, 4, 64), 7, 24),
    ("plain", (2, 9, 12, 5), 7, 2),
]


@pytest.mark.parametrize(("form", "shape", "outputs", "dilation"), CASES)
def test_every_form_and_its_gradients_are_tensorflows(form, shape, outputs, dilation):
    x, kernel = random(shape), random((3, 3, shape[3], outputs), seed=1)
    weights = random((*shape[:3], outputs), seed=2)
    assert cpu_form(kernel.shape, 1, x.dtype) == form

    ours, pull = jax.vjp(lambda x, k: convolve(x, k, dilation=dilation), x, kernel)
    with tf.GradientTape() as tape:
        inputs = [tf.Variable(np.asarray(value, np.float64)) for value in (x, kernel)]
        sides = [[0, 0], [dilation, dilation], [dilation, dilation], [0, 0]]
        # Unlike conv2d's, its gradients are there on CPUs.
        padded = tf.pad(inputs[0], sides)
        theirs = tf.nn.atrous_conv2d(padded, inputs[1], dilation, "VALID")
        total = tf.reduce_sum(theirs * np.asarray(weights, np.float64))
    expected = [theirs, *tape.gradient(total, inputs)]
    for value, right in zip([ours, *pull(weights)], expected, strict=True):
        error = np.abs(value - right.numpy()).max() / np.abs(right.numpy()).max()
        assert error < 3e-6


@pytest.mark.parametrize(
    ("form", "inputs", "outputs"), [("products", 64, 7), ("winograd", 32, 40)]
)
def test_convolutions_that_are_added_up_are_the_sum_of_each(form, inputs, outputs):
    x, dilations = random((2, 9, 12, inputs)), (1, 3, 6)
    shape = (3, 3, inputs, outputs)
    kernels = tuple(random(shape, seed) for seed in (1, 2, 3))
    weights = random((2, 9, 12, outputs), seed=4)
    assert cpu_form(shape, 1, x.dtype) == form

    def each(x, kernels):
        parts = zip(kernels, dilations, strict=True)
        return sum(convolve(x, kernel, dilation=rate) for kernel, rate in parts)

    ours, pull = jax.vjp(lambda x, k: convolve_and_add(x, k, dilations), x, kernels)
    theirs, pull_theirs = jax.vjp(each, x, kernels)
    found, expected = (
        jax.tree.leaves((y, of(weights)))
        for y, of in ((ours, pull), (theirs, pull_theirs))
    )
    assert len(found) == 5
    for value, right in zip(found, expected, strict=True):
        assert jnp.abs(value - right).max() < 3e-6 * jnp.abs(right).max()


@pytest.mark.parametrize("stride", [1, 2])
def test_a_kernel_of_one_pixel_is_a_product_with_its_gradients(stride):
    x, kernel = random((2, 5, 6, 3)), random((1, 1, 3, 4), seed=1)
    weights = random((2, -(-5 // stride), -(-6 // stride), 4), seed=2)
    y, pull = jax.vjp(lambda x, k: convolve(x, k, stride), x, kernel)
    picked = np.asarray(x)[:, ::stride, ::stride]
    np.testing.assert_allclose(y, picked @ np.asarray(kernel)[0, 0], rtol=1e-5)
    of_x, of_kernel = pull(weights)
    expected = np.zeros(x.shape)
    expected[:, ::stride, ::stride] = weights @ np.asarray(kernel)[0, 0].T
    np.testing.assert_allclose(of_x, expected, atol=1e-5)
    sums = np.einsum("bhwc,bhwd->cd", picked, weights)
    np.testing.assert_allclose(of_kernel[0, 0], sums, rtol=1e-4)


@pytest.mark.parametrize(
    ("shape", "stride", "dtype"),
    [
        ((3, 3, 64, 64), 2, jnp.float32),
        ((7, 7, 64, 64), 1, jnp.float32),
        ((3, 3, 8, 64), 1, jnp.float32),
        ((3, 3, 64, 64), 1, jnp.bfloat16),
        ((3, 3, 2048, 71), 1, jnp.bfloat16),
    ],
)
def test_what_the_forms_are_not_for_stays_plain(shape, stride, dtype):
    assert cpu_form(shape, stride, jnp.dtype(dtype)) == "plain"


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize(
    ("shape", "outputs"), [((1, 9, 9, 32), 32), ((1, 9, 9, 64), 7)]
)
def test_gpus_get_ordinary_convolutions_and_gradients_without_a_stride(
    shape, outputs, dilation
):
    """One with a stride XLA does not recognise as what cuDNN has for it."""
    x, kernel = jnp.zeros(shape), jnp.zeros((3, 3, shape[3], outputs))

    def step(x, kernel):
        return jax.grad(
            lambda x, kernel: convolve(x, kernel, dilation=dilation).sum(), (0, 1)
        )(x, kernel)

    on_gpu = jax.export.export(jax.jit(step), platforms=["cuda"])(x, kernel)
    on_cpu = jax.export.export(jax.jit(step), platforms=["cpu"])(x, kernel)
    of_input, of_kernel = ("stablehlo.convolution",) * 2
    if dilation > 1 and outputs < 32:  # of a classifier
        of_kernel = "stablehlo.dot_general"
    found = re.findall(r"stablehlo\.(?:convolution|dot_general)", on_gpu.mlir_module())
    assert sorted(found) == sorted([of_input, of_kernel])
    assert "stablehlo.convolution" not in on_cpu.mlir_module()


@pytest.mark.parametrize("dilation", [1, 2, 4])
def test_gradients_in_bfloat16_are_those_in_float32_rounded(dilation):
    """As they are computed on GPUs in both types."""
    shapes = [(2, 11, 13, 32), (3, 3, 32, 32), (2, 11, 13, 32)]
    short = [random(sides, at).astype(jnp.bfloat16) for at, sides in enumerate(shapes)]

    def gradients(x, kernel, dy):
        _, pull = jax.vjp(lambda x, k: convolve(x, k, dilation=dilation), x, kernel)
        return pull(dy)

    exact = gradients(*(array.astype(jnp.float32) for array in short))
    for ours, right in zip(gradients(*short), exact, strict=True):
        assert ours.dtype == jnp.bfloat16
        assert jnp.abs(ours - right).max() < 0.01 * jnp.abs(right).max()
