"""Depth of images of any size, and their other maps when they are asked for.

This module imports no network: where its programs are kept on disk, none is built.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Array, Float, Int32, UInt8

from deepdepth_jax.config import Config
from deepdepth_jax.inference.image_prediction import DeferredMaps, Maps
from deepdepth_jax.inference.layout import Layout, Place
from deepdepth_jax.models.heads import HEADS
from deepdepth_jax.runtime.parallel import on_local_devices
from deepdepth_jax.runtime.stored_programs import Program, StoredProgram
from deepdepth_jax.types import DEPTH, OUTPUTS, AnyArray, Trained, Tree

if TYPE_CHECKING:
    from deepdepth_jax.inference.steps import PredictStep

SOURCES = "inference", "metrics.py", "uncertainty"
"""The code that the programs consist of, besides `OF_EACH_PROGRAM`."""


@dataclasses.dataclass(frozen=True)
class _WindowScores:
    """The network's scores of a window of a batch.

    Attributes:
      place: of the window.
      shape: number, height and width of the images.
      padded: the same on each device, padding included.
      scores: of all views, on the devices.
    """

    place: Place
    shape: tuple[int, ...]
    padded: tuple[int, ...]
    scores: list[Array]


class DepthRunner(Layout):
    """Predicts depth on all devices of this process, and keeps the network's scores.

    The other maps are read off the scores when they are asked for. With a CRF, which
    refines the distributions of all pixels on the host, all maps are computed at once.

    Args:
      config: completed.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config.eval.batch_size, config.eval.window)
        self._config = config
        self._programs = PredictionPrograms.of(config)

    def __call__(
        self, trained: Trained, image: UInt8[np.ndarray, "b h w 3"]
    ) -> DeferredMaps:
        """Predicts the depth of images of one size.

        Args:
          trained: variables, on the devices, and temperature.
          image: RGB, at most `batch_size` images.

        Returns:
          The maps.
        """
        if self._config.crf.enabled:
            from deepdepth_jax.inference.runner import build_prediction

            refining = build_prediction(self._config)
            runner = refining.sized(self.batch_size, self.window)
            return DeferredMaps(vars(runner(trained, image)))
        size, kept = image.shape[1:3], []
        mosaic = self.cut(size)
        for place in mosaic.windows:
            pixels = image[:, *place]
            shape, arrays = pixels.shape[:3], self.shard(pixels)
            extent = np.array(shape[1:], np.int32)
            depth_m, scores = self._programs.depth(trained.variables, extent, arrays)
            kept.append(_WindowScores(place, shape, arrays[0].shape[1:4], scores))
            mosaic.add(place, {DEPTH: self.undo(depth_m, shape)})
        if not HEADS[self._config.model.head].has_distribution:
            return DeferredMaps(dict.fromkeys(OUTPUTS) | mosaic.whole)
        temperature = np.float32(trained.temperature)
        read = functools.partial(self._read, size, kept, temperature)
        return DeferredMaps(mosaic.whole, read)

    def _read(
        self,
        size: tuple[int, ...],
        kept: Sequence[_WindowScores],
        temperature: np.float32,
        names: tuple[str, ...],
    ) -> Maps:
        """Reads maps off the scores of all windows."""
        mosaic = self.cut(size)
        for part in kept:
            program = self._programs.maps(names, part.padded)
            extent = np.array(part.shape[1:], np.int32)
            found = program(temperature, extent, part.scores)
            mosaic.add(part.place, self.undo(found, part.shape))
        return mosaic.whole


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
        from deepdepth_jax.inference.steps import PredictStep

        return PredictStep.of(self.config)

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
        spread = functools.partial(on_local_devices, shared=2)
        return StoredProgram(build, spread, 2, f"{what} {self.identity}", SOURCES)

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
