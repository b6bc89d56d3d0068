"""Predictions of depth whose other maps are computed when they are asked for."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Array, Float32, UInt8

from deepdepth_jax.config import Config
from deepdepth_jax.geometry import UNSCALED, ViewScale
from deepdepth_jax.inference.layout import Layout
from deepdepth_jax.inference.programs import PredictionPrograms
from deepdepth_jax.inference.rescaling import resize_map
from deepdepth_jax.inference.trained import Trained
from deepdepth_jax.inference.windows import Window
from deepdepth_jax.models.heads import HEADS
from deepdepth_jax.types import DEPTH, IN_METRES, OUTPUTS

Maps = Mapping[str, Float32[np.ndarray, "b h w"] | None]
"""Maps of a batch by their names in `types.Prediction`. None: the network has none."""
ImageMaps = Mapping[str, Float32[np.ndarray, "h w"] | None]
"""The same of one image."""


class DeferredMaps:
    """The maps of a batch of images, each computed when it is first asked for.

    Args:
      known: the maps that are computed.
      compute: from the names of others to these. It keeps what they are computed from.
    """

    def __init__(
        self, known: Maps, compute: Callable[[Sequence[str]], Maps] | None = None
    ) -> None:
        self._known = dict(known)
        self._compute = compute

    def read(self, names: Sequence[str]) -> Maps:
        """Returns some maps. Those that are not known are computed together."""
        compute = self._compute  # read first: another thread may be done meanwhile
        missing = tuple(name for name in names if name not in self._known)
        if missing:
            assert compute is not None, missing
            self._known |= compute(missing)
        if len(self._known) == len(OUTPUTS):
            self._compute = None
        return {name: self._known[name] for name in names}

    def read_image(
        self,
        names: Sequence[str],
        *,
        index: int,
        size: tuple[int, int],
        view: ViewScale,
    ) -> ImageMaps:
        """Returns some maps of one image, at its own size and in its own metres.

        Args:
          names: of the maps.
          index: of the image in the batch.
          size: its height and width.
          view: how it was scaled for the network.
        """

        def own(name: str, values: np.ndarray) -> np.ndarray:
            if view == UNSCALED:
                return values
            factor = view.depth_factor if name in IN_METRES else 1
            return resize_map(values, size) * factor

        return {
            name: None if batch is None else own(name, batch[index])
            for name, batch in self.read(names).items()
        }


@dataclasses.dataclass(frozen=True)
class _WindowScores:
    """The network's scores of a window of a batch.

    Attributes:
      shape: number, height and width of the images.
      padded: the same on each device, padding included.
      scores: of all views, on the devices.
    """

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
            return self._refined(trained, image)
        kept: list[_WindowScores] = []

        def run(window: Window) -> Maps:
            pixels = image[:, *window]
            shape, arrays = pixels.shape[:3], self.shard(pixels)
            program, extent = self._programs.depth, np.array(shape[1:], np.int32)
            depth_m, scores = program(trained.variables, extent, arrays)
            kept.append(_WindowScores(shape, arrays[0].shape[1:4], scores))
            return {DEPTH: self.undo(depth_m, shape)}

        size = image.shape[1:3]
        known = dict(self.over_windows(size, run))
        if not HEADS[self._config.model.head].has_distribution:
            return DeferredMaps(dict.fromkeys(OUTPUTS) | known)
        temperature = np.float32(trained.temperature)
        compute = functools.partial(self._read, size, kept, temperature)
        return DeferredMaps(known, compute)

    def _read(
        self,
        size: tuple[int, ...],
        kept: Sequence[_WindowScores],
        temperature: np.float32,
        names: tuple[str, ...],
    ) -> Maps:
        """Reads maps off the scores of all windows."""
        windows = iter(kept)

        def read(_: Window) -> Maps:
            part = next(windows)
            program = self._programs.maps(names, part.padded)
            extent = np.array(part.shape[1:], np.int32)
            return self.undo(program(temperature, extent, part.scores), part.shape)

        return self.over_windows(size, read)

    def _refined(
        self, trained: Trained, image: UInt8[np.ndarray, "b h w 3"]
    ) -> DeferredMaps:
        from deepdepth_jax.inference.build import build_prediction

        runner = build_prediction(self._config).sized(self.batch_size, self.window)
        return DeferredMaps(vars(runner(trained, image)))
