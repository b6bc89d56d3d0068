"""The training step as it would run on a GPU, read without one."""

import re

import jax
import jax.numpy as jnp
import pytest

from deepdepth_jax.config import complete, default_config
from deepdepth_jax.training.build import build_abstract_state, build_train_step
from deepdepth_jax.types import Batch
from deepdepth_jax.weights.adopt import adopt_pretrained


@pytest.fixture(scope="module")
def lowered():
    """The step of a small bottleneck network for CUDA, as StableHLO."""
    config = default_config()
    config.model.update(backbone="resnet50", width=8, norm="trained")
    config.train.update(precision="bfloat16", batch_size=4)
    config = adopt_pretrained(complete(config))
    state, step, arrays = traceable(config, 33, 41)
    # The order in memory of the gradients is nothing that old programs must keep.
    allowed = jax.export.DisabledSafetyCheck.custom_call("LayoutConstraint")
    export = jax.export.export(step, platforms=["cuda"], disabled_checks=[allowed])
    exported = export(state, *arrays)
    return exported.mlir_module(), len(jax.tree.leaves(state))


def traceable(config, height, width, each=1):
    """An abstract state, the step of it and of two arrays, and these, also abstract."""
    step = build_train_step(config)
    state = build_abstract_state(config)
    state = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), state)
    size = (jax.local_device_count(), each, height, width)
    return (
        state,
        jax.jit(lambda s, *arrays: step(s, Batch(*arrays)), donate_argnums=0),
        (
            jax.ShapeDtypeStruct((*size, 3), jnp.uint8),
            jax.ShapeDtypeStruct(size, jnp.float32),
        ),
    )


def element_types(line):
    """Types of the operands of an operation, written behind its colon."""
    operands = line.rsplit(" : ", 1)[1].partition("->")[0]
    return set(re.findall(r"x([a-z]+\d+)>", operands))


def test_every_convolution_is_bfloat16(lowered):
    text, _ = lowered
    lines = [x for x in text.splitlines() if "stablehlo.convolution" in x]
    # 53 of the backbone and 4 of the head, and the gradients of all their kernels and
    # of all their inputs but the image.
    assert len(lines) == 57 + 57 + 56
    assert {kind for line in lines for kind in element_types(line)} == {"bf16"}


def test_the_only_dots_bring_the_logits_to_the_images_size(lowered):
    """Rows and columns, forward and backward, in the loss."""
    text, _ = lowered
    lines = [x for x in text.splitlines() if "stablehlo.dot_general" in x]
    assert len(lines) == 4
    for line in lines:
        assert "precision = [HIGHEST, HIGHEST]" in line


def test_the_state_is_donated_and_the_host_is_not_called(lowered):
    text, leaves = lowered
    signature = next(x for x in text.splitlines() if "func.func public @main" in x)
    assert signature.count("jax.buffer_donor = true") == leaves
    for call in re.findall(r"custom_call @(\w+)", text):
        assert "callback" not in call
    assert "infeed" not in text


def loops_with_convolutions(jaxpr, is_inside=False):
    """Names the loops of a traced function that convolutions run in."""
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        if is_inside and name == "conv_general_dilated":
            yield name
        for value in jax.tree.leaves(list(equation.params.values())):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                is_loop = name in ("scan", "while")
                yield from loops_with_convolutions(inner, is_inside or is_loop)


@pytest.mark.parametrize(("accumulate", "convolutions"), [(1, False), (2, True)])
def test_the_network_runs_in_a_loop_only_where_the_batch_is_cut(
    accumulate, convolutions
):
    """On a CPU, XLA's convolutions are ten times slower inside a loop."""
    config = default_config()
    config.model.update(backbone="tiny", width=4, norm="trained")
    config.train.update(batch_size=8, accumulate=accumulate)
    config = adopt_pretrained(complete(config))
    state, step, arrays = traceable(config, 33, 41, each=2)
    jaxpr = jax.make_jaxpr(step)(state, *arrays)
    assert any(loops_with_convolutions(jaxpr.jaxpr)) == convolutions


def test_the_compiled_step_reuses_the_states_memory():
    config = default_config()
    config.model.update(backbone="tiny", width=4, norm="trained")
    config.train.update(batch_size=4)
    config = adopt_pretrained(complete(config))
    state, step, arrays = traceable(config, 17, 17)
    memory = step.lower(state, *arrays).compile().memory_analysis()
    state_bytes = sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(state))
    assert memory.alias_size_in_bytes == pytest.approx(state_bytes, rel=0.01)
