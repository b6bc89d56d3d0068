"""The training step of a run, kept on disk as a compiled program."""

import dataclasses
from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Array

from deepdepth_jax.config import Config, TrainConfig
from deepdepth_jax.runtime.parallel import on_all_devices
from deepdepth_jax.runtime.stored_programs import StoredProgram
from deepdepth_jax.training.build import (
    build_abstract_state,
    build_one_device_step,
)
from deepdepth_jax.training.state import TrainState
from deepdepth_jax.types import Batch

SOURCES = tuple(
    f"training/{name}.py"
    for name in (
        "build",
        "kept_step",
        "objective",
        "optimizer",
        "state",
        "step",
        "upsampled",
    )
)
"""The code that the step consists of, besides `OF_EACH_PROGRAM`."""
OF_NO_EFFECT = (
    "resize",
    "log_every",
    "log_to",
    "checkpoint_every",
    "keep_checkpoints",
    "keep_every",
    "max_bad_steps",
    "profile_steps",
)
"""The fields of the section `train` that the step does not depend on."""


_LAST: dict[str, "KeptStep"] = {}
"""The step that was built last, by its identity."""


class KeptStep:
    """The training step on all devices, a `TrainStep`. See `StoredProgram`.

    Args:
      config: completed.
      identity: differs between steps that do different things.
    """

    def __init__(self, config: Config, identity: str) -> None:
        self._config = config
        self._program = StoredProgram(
            lambda: self._on_one_device,
            on_all_devices,
            1,
            identity,
            SOURCES,
            # To compile it takes long.
            takes_cached=True,
        )

    def __call__(
        self, state: TrainState, batch: Batch
    ) -> tuple[TrainState, dict[str, Array]]:
        """Takes a step. The memory of the state before is reused."""
        # A program on disk knows no classes but lists, dicts and tuples.
        leaves, structure = jax.tree.flatten(state)
        following, numbers = self._program(leaves, jax.tree.leaves(batch))
        return jax.tree.unflatten(structure, following), numbers

    def read_ahead(self) -> None:
        """Begins to read the program in the background, if it is kept."""
        section, devices = self._config.train, jax.local_device_count()
        shape = devices, section.batch_size // jax.device_count(), *section.crop
        self._program.read_ahead(
            [
                jax.ShapeDtypeStruct((*shape, 3), np.uint8),
                jax.ShapeDtypeStruct(shape, np.float32),
            ]
        )

    def _on_one_device(
        self, leaves: Sequence[Array], arrays: Sequence[Array]
    ) -> tuple[list[Array], dict[str, Array]]:
        structure = jax.tree.structure(build_abstract_state(self._config))
        step = build_one_device_step(self._config)
        following, numbers = step(jax.tree.unflatten(structure, leaves), Batch(*arrays))
        return jax.tree.leaves(following), numbers


def kept_step(config: Config) -> KeptStep:
    """Returns the training step of a run.

    The last one is kept in memory, too: a run that is resumed in the same process, as
    in a notebook, is neither traced nor read again.

    Args:
      config: completed.
    """
    model = dataclasses.replace(config.model, pretrained="", pretrained_override=False)
    unset = TrainConfig()
    train = dataclasses.replace(
        config.train, **{name: getattr(unset, name) for name in OF_NO_EFFECT}
    )
    identity = repr((config.bins, model, train))
    step = _LAST.get(identity)
    if step is None:
        step = KeptStep(config, identity)
        _LAST.clear()
        _LAST[identity] = step
    return step
