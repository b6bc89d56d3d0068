"""Memory of the paper's training step, from the compiled program's own analysis.

    python -m benchmarks.memory

ResNet-101, crops of 420 x 800, batch of 3, frozen normalisation, SGD: for each
precision, for all that may be computed again, and with the batch taken whole or image
by image. Nothing is run. XLA compiles for the device at hand: on a CPU it computes
bfloat16 convolutions in float32, so that what they save shows on a GPU only.
"""

import argparse
import itertools
from typing import cast, get_args

import jax
import jax.numpy as jnp

from deepdepth_jax.config import Config, complete, default_config, with_fields
from deepdepth_jax.models.conv.recompute import Remat
from deepdepth_jax.training.build import build_abstract_state, build_train_step
from deepdepth_jax.types import Batch


def main() -> None:
    """Runs the benchmark."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(
        f"{'precision':12}{'remat':10}{'accumulate':>11}{'state':>9}{'step':>9}{'all':>9}"
    )
    choices = ("float32", "bfloat16"), get_args(Remat), (1, 3)
    for choice in itertools.product(*choices):
        state_gb, step_gb = step_memory_gb(recipe(*choice))
        precision, remat, accumulate = choice
        print(
            f"{precision:12}{remat:10}{accumulate:11}"
            f"{state_gb:9.2f}{step_gb:9.2f}{state_gb + step_gb:9.2f}",
            flush=True,
        )
    print(f"gigabytes, compiled for {jax.devices()[0].device_kind}")


def recipe(precision: str, remat: str, accumulate: int) -> Config:
    """Returns the paper's config with one choice of what saves memory."""
    config = default_config()
    config.train.update(precision=precision, remat=remat, accumulate=accumulate)
    own = {"model.stride_on": "1x1", "model.input_convention": "imagenet_rgb"}
    return with_fields(complete(config), own)


def step_memory_gb(config: Config) -> tuple[float, float]:
    """Compiles the step, and gives the memory of the state and of all else."""
    return memory_gb(compile_step(config))


def compile_step(config: Config) -> jax.stages.Compiled:
    """Compiles the step for all devices."""
    height, width = config.train.crop
    devices = jax.local_device_count()
    size = (devices, config.train.batch_size // devices, height, width)
    batch = Batch(
        image=jnp.zeros((*size, 3), jnp.uint8), depth_m=jnp.zeros(size, jnp.float32)
    )
    step = cast(jax.stages.Wrapped, build_train_step(config))
    return step.lower(build_abstract_state(config), batch).compile()


def memory_gb(compiled: jax.stages.Compiled) -> tuple[float, float]:
    """Returns the memory that a compiled step says its state and all else takes."""
    memory = compiled.memory_analysis()
    assert memory is not None  # CPUs and GPUs give it
    state = memory.alias_size_in_bytes
    beside = (
        memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        + memory.temp_size_in_bytes
        - 2 * state
    )
    return state / 1e9, beside / 1e9


if __name__ == "__main__":
    main()
