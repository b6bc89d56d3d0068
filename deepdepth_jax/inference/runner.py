"""Images of any size through the step of a config, on all devices of a process."""

import functools
from collections.abc import Callable
from typing import Any, Generic

import numpy as np
from jaxtyping import Array, Float, Float32, Shaped, UInt8

from deepdepth_jax.config import Config
from deepdepth_jax.inference.layout import Layout
from deepdepth_jax.inference.posterior import PixelPosterior
from deepdepth_jax.inference.steps import (
    Distributions,
    LikelihoodStep,
    PredictStep,
    Result,
    Scores,
    ScoreStep,
    Step,
)
from deepdepth_jax.models.layers import Extent
from deepdepth_jax.runtime.parallel import on_local_devices
from deepdepth_jax.types import AnyArray, Prediction, Trained, Tree
from deepdepth_jax.uncertainty.confidence import calibrate

Refine = Callable[
    [Float[np.ndarray, "b h w k"], UInt8[np.ndarray, "b h w 3"]],
    Float32[Array, "b h w k"],
]
"""From calibrated distributions and the images to refined ones. See `dense_crf`."""


class Runner(Layout, Generic[Result]):
    """Runs a step on images of any size, on all devices of this process. See `Layout`.

    The CRF, if there is one, refines the distributions between the network and the
    readout. It runs on the host, window by window, and sees no padding.

    Args:
      step: of one device.
      batch_size: the most images that are given at once.
      window: height and width. (0, 0): images are not cut.
      refine: the CRF. None for none.
    """

    def __init__(
        self,
        step: Step[Result],
        batch_size: int,
        window: tuple[int, int] = (0, 0),
        refine: Refine | None = None,
    ) -> None:
        super().__init__(batch_size, window)
        self._refine = refine
        self._programs = _programs(step)

    def __call__(
        self,
        trained: Trained,
        image: UInt8[AnyArray, "b h w 3"],
        *maps: Shaped[AnyArray, "b h w"],
    ) -> Result:
        """Runs images of one size.

        Args:
          trained: variables and temperature for the step.
          image: RGB, at most `batch_size` images.
          *maps: further inputs of the step, of the images' size.

        Returns:
          The step's result, on the host. Of windows, all its arrays must be (b, h, w).
        """
        arrays = [np.asarray(array) for array in (image, *maps)]
        mosaic = self.cut(arrays[0].shape[1:3])
        for place in mosaic.windows:
            parts = [array[:, *place] for array in arrays]
            mosaic.add(place, self._run_window(trained, *parts))
        return mosaic.whole

    def _run_window(
        self, trained: Trained, image: np.ndarray, *maps: np.ndarray
    ) -> Result:
        shape = image.shape[:3]
        extent = np.array(shape[1:], np.int32)
        if self._refine is None:
            found = self._programs.run(trained, extent, self.shard(image, *maps))
            return self.undo(found, shape)
        found = self._programs.run_network(trained, extent, self.shard(image))
        own, calibrated = self.undo(found, shape)
        refined = np.asarray(self._refine(calibrated, image))
        return self.undo(self._programs.read(self.shard(own, refined, *maps)), shape)


class _Programs(Generic[Result]):
    """A step compiled for all devices: as a whole, and in two parts around a CRF."""

    def __init__(self, step: Step[Result]) -> None:
        self._step = step
        self.run = on_local_devices(self._step_on_device, shared=2)
        self.run_network = on_local_devices(self._network_on_device, shared=2)
        self.read = on_local_devices(self._readout_on_device, shared=0)

    def _step_on_device(self, trained: Trained, extent: Extent, arrays: Tree) -> Result:
        return self._step(trained, *arrays, extent=extent)

    def _network_on_device(
        self, trained: Trained, extent: Extent, arrays: Tree
    ) -> tuple[Array | None, Array]:
        [image] = arrays
        posterior = self._step.posterior
        own = posterior.whole_images(posterior.scores(trained.variables, image, extent))
        calibrated = calibrate(own, trained.temperature)
        return own if self._step.reads_own else None, calibrated

    def _readout_on_device(self, arrays: Tree) -> Result:
        own, refined, *maps = arrays
        return self._step.read(Distributions(own, refined, refined), *maps)


@functools.lru_cache(maxsize=8)
def _programs(step: Step[Any]) -> _Programs[Any]:
    """Returns the same programs for equal steps, which are then traced once.

    The predictions of validation and those of the final figures share them, and so do
    predictors of one architecture.
    """
    return _Programs(step)


def build_prediction(config: Config) -> Runner[Prediction]:
    """Builds the runner that predicts. See `PredictStep`."""
    return _build(PredictStep.of(config), config)


def build_scoring(config: Config) -> Runner[tuple[Prediction, Scores]]:
    """Builds the runner that predicts and scores. See `ScoreStep`."""
    step = ScoreStep(PixelPosterior.of(config), config.eval.decode)
    return _build(step, config)


def build_likelihood(config: Config) -> Runner[tuple[Array, Array]]:
    """Builds the runner that a temperature is fitted by. See `LikelihoodStep`.

    It sees the image as a whole, averages the config's views, and runs no CRF.
    """
    step = LikelihoodStep(PixelPosterior.of(config))
    return Runner(step, config.eval.batch_size)


def _build(step: Step[Result], config: Config) -> Runner[Result]:
    section = config.eval
    return Runner(step, section.batch_size, section.window, _refine(config))


def _refine(config: Config) -> Refine | None:
    if not config.crf.enabled:
        return None
    from deepdepth_jax.inference.crf.mean_field import dense_crf

    return functools.partial(dense_crf, options=config.crf)
