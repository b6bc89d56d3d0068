"""Compiles programs for GPUs that this machine need not have."""

import dataclasses
from collections.abc import Callable
from types import MappingProxyType
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import topologies
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from benchmarks.gpu_program.chips import CHIPS
from benchmarks.memory import memory_gb, recipe
from deepdepth_jax.inference.posterior import PixelPosterior
from deepdepth_jax.inference.steps import PredictStep
from deepdepth_jax.models.build import build_network, initial_variables
from deepdepth_jax.runtime.parallel import on_all_devices
from deepdepth_jax.training.build import build_abstract_state, build_one_device_step
from deepdepth_jax.types import Batch, Trained

IMAGES = 3
"""Of the training step, on each device."""
PREDICTED = (375, 1242)
"""Height and width of the predicted image."""
PRODUCTS = MappingProxyType({"triton": True, "cublas": False})
"""Who computes matrix products, and whether XLA's option for Triton is on."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """One program.

    Attributes:
      chip: a name in `CHIPS`.
      program: `step` or `prediction`.
      devices: that the step runs on.
      precision, remat: see `TrainConfig`.
      products: a name in `PRODUCTS`.
    """

    chip: str
    program: str
    devices: int
    precision: str
    remat: str
    products: str


@dataclasses.dataclass(frozen=True)
class Program:
    """A compiled program.

    Attributes:
      text: as XLA prints it.
      state_gb: memory of the arguments that become results. 0 of a prediction.
      other_gb: all other memory.
    """

    text: str
    state_gb: float
    other_gb: float


def compile_choice(choice: Choice) -> Program:
    """Compiles a program for a GPU.

    No algorithm of cuDNN is chosen and no product is tuned, because nothing runs.

    Raises:
      jax.errors.JaxRuntimeError: XLA cannot compile it.
    """
    lowered = {"step": lower_step, "prediction": lower_prediction}[choice.program]
    compiled = lowered(choice).compile(
        compiler_options={"xla_gpu_enable_triton_gemm": PRODUCTS[choice.products]}
    )
    return Program(cast(str, compiled.as_text()), *memory_gb(compiled))


def devices_of(chip: str, count: int) -> list[jax.Device]:
    """Returns devices that programs can be compiled for, but not run on."""
    return topologies.get_topology_desc(
        platform="cuda",
        topology_name=chip,
        target_config=CHIPS[chip].target_config(),
        topology=f"1x1x{count}",
    ).devices


def lower_step(choice: Choice) -> jax.stages.Lowered:
    """Lowers the training step of the paper's recipe, 3 crops on each device."""
    config = recipe(choice.precision, choice.remat, 1)
    size = (choice.devices, IMAGES, *config.train.crop)
    batch = jax.eval_shape(
        lambda: Batch(
            image=jnp.zeros((*size, 3), jnp.uint8), depth_m=jnp.zeros(size, jnp.float32)
        )
    )
    state = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), build_abstract_state(config)
    )
    devices = devices_of(choice.chip, choice.devices)
    step = on_all_devices(build_one_device_step(config), devices)
    return cast(jax.stages.Wrapped, step).lower(state, batch)


def lower_prediction(choice: Choice) -> jax.stages.Lowered:
    """Lowers the prediction of depth and confidence for one image."""
    parts = build_network(recipe(choice.precision, "none", 1))
    model = parts.model.clone(dtype=jnp.dtype(choice.precision))
    mesh = Mesh(np.array(devices_of(choice.chip, 1)), ("device",))
    here = NamedSharding(mesh, PartitionSpec())

    def described(function: Callable) -> object:
        return jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=here),
            jax.eval_shape(function),
        )

    step = PredictStep(
        PixelPosterior(model, parts.head, parts.convention), "expectation"
    )
    return jax.jit(step).lower(
        described(lambda: Trained(initial_variables(model, seed=0), jnp.ones(()))),
        described(lambda: jnp.zeros((1, *PREDICTED, 3), jnp.uint8)),
    )
