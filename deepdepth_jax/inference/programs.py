"""The programs of a network's predictions.

This module imports no network: where the programs are kept on disk, none is built.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxtyping import Array, Float, Int32, UInt8

from deepdepth_jax.config import Config
from deepdepth_jax.runtime.stored_programs import Program, StoredProgram
from deepdepth_jax.types import DEPTH, AnyArray, Tree

if TYPE_CHECKING:
    from deepdepth_jax.inference.steps import PredictStep

PACKAGE = Path(__file__).parents[1]
SOURCES = tuple(
    PACKAGE / name
    for name in (
        "bins.py",
        "config",
        "errors.py",
        "geometry",
        "inference",
        "losses.py",
        "metrics.py",
        "models",
        "runtime",
        "types.py",
        "uncertainty",
    )
)
"""The code that the programs consist of."""


@dataclasses.dataclass(frozen=True)
class PredictionPrograms:
    """The programs that predict depth and, afterwards, the other maps.

    Attributes:
      identity: all of the config that they depend on. Equal ones are the same programs.
      config: completed.
    """

    identity: str
    config: Config = dataclasses.field(compare=False, repr=False)
    _readers: dict[Any, StoredProgram] = dataclasses.field(
        default_factory=dict, compare=False, repr=False
    )

    @classmethod
    def of(cls, config: Config) -> "PredictionPrograms":
        """Returns the programs of a completed config, the same for equal networks."""
        model = dataclasses.replace(
            config.model, pretrained="", pretrained_override=False
        )
        section = config.eval
        views = section.decode, section.flip, section.scales
        return _once(cls(repr((model, config.bins, *views)), config))

    @functools.cached_property
    def step(self) -> "PredictStep":
        """The step that the programs are traced from."""
        from deepdepth_jax.inference.build import build_prediction_step

        return build_prediction_step(self.config)

    @functools.cached_property
    def depth(self) -> StoredProgram:
        """The program from images to depth.

        On each device from the network's variables, the extent and a list of the images
        to the depth (b, h, w) and a list of the network's scores of all views.
        """
        return self._stored(lambda: self._depth_on_device, DEPTH)

    def maps(self, names: tuple[str, ...], shape: tuple[int, ...]) -> StoredProgram:
        """Returns the program from the network's scores to some maps, and no others.

        On each device from the temperature, the extent and a list of the scores of all
        views to the maps by name.

        Args:
          names: of fields of `types.Prediction`.
          shape: number, height and width of the images on a device, padding included.
        """
        program = self._readers.get((names, shape))
        if program is None:
            program = self._readers[names, shape] = self._reader(names, shape)
        return program

    def _reader(self, names: tuple[str, ...], shape: tuple[int, ...]) -> StoredProgram:
        def on_device(
            temperature: Float[AnyArray, ""],
            extent: Int32[AnyArray, "2"],
            arrays: Sequence[Array],
        ) -> dict[str, Float[Array, "b h w"]]:
            posterior = self.step.posterior
            scores = posterior.describe_scores(arrays, shape, extent)
            return self.step.maps(scores, temperature, names)

        return self._stored(lambda: on_device, f"{names} {shape}")

    def _stored(self, build: Callable[[], Program], what: str) -> StoredProgram:
        return StoredProgram(build, 2, f"{what} {self.identity}", SOURCES)

    def _depth_on_device(
        self,
        variables: dict[str, Tree],
        extent: Int32[AnyArray, "2"],
        arrays: Sequence[UInt8[Array, "b h w 3"]],
    ) -> tuple[Float[Array, "b h w"], list[Array]]:
        [image] = arrays
        scores = self.step.posterior.scores(variables, image, extent)
        maps = self.step.maps(scores, 1.0, (DEPTH,))
        return maps[DEPTH], [view.scores for view in scores.views]


@functools.lru_cache(maxsize=8)
def _once(programs: PredictionPrograms) -> PredictionPrograms:
    """Returns the first of equal ones: predictors of one architecture share them."""
    return programs
