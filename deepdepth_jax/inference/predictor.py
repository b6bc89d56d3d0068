"""A trained network for images of any size, from any camera."""

import itertools
import operator
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import jax
import numpy as np
from jaxtyping import Shaped, UInt8

from deepdepth_jax.config import Config
from deepdepth_jax.geometry import UNSCALED, FocalLength, TrainingCamera, ViewScale
from deepdepth_jax.inference.batching import HasImage
from deepdepth_jax.inference.build import build_prediction
from deepdepth_jax.inference.rescaling import (
    resize_image,
    resize_prediction,
    seen_size,
)
from deepdepth_jax.inference.saved_network import SavedNetwork, load_network
from deepdepth_jax.inference.steps import Trained
from deepdepth_jax.models.build import build_bins
from deepdepth_jax.runtime.checkpoint_folder import Which
from deepdepth_jax.runtime.shipped import shipped_network
from deepdepth_jax.types import AnyArray, Prediction

LARGEST_WHOLE_PX = 2_500_000
"""The most pixels in one run of the network, be it of one image or of a batch.

A pixel takes about 1 kB of memory, most of it for distributions over 71 bins.
"""
WINDOW = (1080, 1920)
"""Height and width of the windows that larger images are cut into."""

Window = tuple[int, int] | None
"""A height and width. (0, 0) for whole images, whatever memory they take. None for
`eval.window` of the run, or if it has none `WINDOW` above `LARGEST_WHOLE_PX`."""


@runtime_checkable
class HasCamera(HasImage, Protocol):
    """An image with the focal length of its camera."""

    @property
    def focal_px(self) -> float | int:
        """Focal length in pixels of the image; 0 = unknown."""


Item = TypeVar("Item", bound=HasCamera)


class DepthPredictor:
    """A trained network that takes images of any size.

    Args:
      config: the completed config of the run.
      trained: its variables and temperature.
      camera: the focal lengths of the training images. None = unknown.
      window: of the overlapping windows that larger images are cut into. See `Window`.
      scale: factor that images are enlarged by. None: see `view_scale`.

    Raises:
      ValueError: the scale is not > 0.
    """

    def __init__(
        self,
        config: Config,
        trained: Trained,
        camera: TrainingCamera | None = None,
        *,
        window: Window = None,
        scale: float | int | None = None,
    ) -> None:
        if scale is not None and scale <= 0:
            raise ValueError(f"scale={scale}: must be > 0")
        self.config = config
        self._camera = camera or TrainingCamera(config.data.canonical_focal_px)
        self._trained = trained
        self._window = window
        self._scale = scale
        self._runner = build_prediction(config)

    @classmethod
    def load(
        cls,
        source: str | Path | None = None,
        checkpoint: Which = "best",
        *,
        window: Window = None,
        scale: float | int | None = None,
    ) -> "DepthPredictor":
        """Loads a trained network.

        Args:
          source: the folder of a run, or a file of weights (see `network_file`). None:
            the network that comes with the package.
          checkpoint: of a run: `best` by validation, `last`, or a step.
          window: see the class.
          scale: see the class.

        Returns:
          The predictor.

        Raises:
          UserError: there is no run or file, no such checkpoint, or it is damaged.
        """
        path = shipped_network() if source is None else Path(source)
        network = load_network(path, checkpoint)
        return cls.of(network, window=window, scale=scale)

    @classmethod
    def of(
        cls,
        network: SavedNetwork,
        *,
        window: Window = None,
        scale: float | int | None = None,
    ) -> "DepthPredictor":
        """Makes the predictor of a loaded network. See `load`."""
        config, trained, camera = network.config, network.trained, network.camera
        return cls(config, trained, camera, window=window, scale=scale)

    @property
    def training_focal_px(self) -> float:
        """Focal length that the network's depth is for, in pixels. 0 = unknown."""
        return self._camera.canonical_focal_px or self._camera.focal_px

    def __call__(
        self,
        image: Shaped[AnyArray, "..."],
        focal_px: float | int = 0.0,
        *,
        focal_mm35: float | int = 0.0,
    ) -> Prediction:
        """Predicts the depth of an RGB image, at its own size.

        The network knows things by their size in pixels. It is at its best with images
        of about the scale of its training images, to which an image can be brought if
        its focal length is given.

        Args:
          image: uint8 (h, w, 3).
          focal_px: of the image's camera, in the image's pixels. 0: as in training. See
            `view_scale`.
          focal_mm35: 35 mm equivalent, in place of `focal_px`. See `FocalLength`.

        Returns:
          float32 (h, w) each, on the host.

        Raises:
          ValueError: it is no such array, or the focal length is needed and not given,
            negative or given twice.
          UserError: no camera has that focal length.
        """
        image = np.asarray(image)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(
                "the image must be uint8 of shape (height, width, 3), not "
                f"{image.dtype} of shape {image.shape}"
            )
        if not image.size:
            raise ValueError(f"the image has no pixels: its shape is {image.shape}")
        focal = FocalLength(focal_px, focal_mm35)
        [prediction] = self._predict_batch([image], focal.in_pixels(*image.shape[:2]))
        return prediction

    def predict_each(self, items: Iterator[Item]) -> Iterator[tuple[Item, Prediction]]:
        """Predicts many images, in their order.

        Neighbours of the same size and focal length run as a batch, of at most
        `eval.batch_size` of the config and as long as they are small: no more than a
        batch is in memory.

        Args:
          items: images with focal lengths, read as they are needed.

        Yields:
          Each item with its prediction.

        Raises:
          ValueError: the focal length is needed and not given.
        """
        cameras = itertools.groupby(items, lambda x: (x.image.shape, x.focal_px))
        for (shape, focal_px), alike in cameras:
            batch_size = self._batch_size(*self.seen_size(shape, focal_px))
            while group := list(itertools.islice(alike, batch_size)):
                images = [item.image for item in group]
                yield from zip(
                    group, self._predict_batch(images, focal_px), strict=True
                )

    def view_scale(self, focal_px: float | int = 0.0) -> ViewScale:
        """Computes how images are scaled. See `TrainingCamera.view_scale`.

        Args:
          focal_px: of the image, in its pixels. 0: as in training.

        Raises:
          ValueError: it is 0, and the network was trained on the depth of a canonical
            camera.
        """
        return self._camera.view_scale(focal_px, self._scale)

    def seen_size(
        self, shape: tuple[int, ...], focal_px: float | int
    ) -> tuple[int, int]:
        """Computes height and width of the image that the network sees.

        Args:
          shape: of the image: height, width, and what may follow.
          focal_px: of the image, in its pixels. 0: as in training.

        Raises:
          UserError: no camera has that focal length, or the image cannot be scaled so.
        """
        view = self.view_scale(focal_px)
        if view == UNSCALED and not focal_px:
            return shape[0], shape[1]
        return seen_size(shape, focal_px, view)

    def depth_range_m(self, focal_px: float | int = 0.0) -> tuple[float, float]:
        """Returns the nearest and the farthest depth it can predict, in metres."""
        bins, factor = build_bins(self.config), self.view_scale(focal_px).depth_factor
        return bins.min_depth_m * factor, bins.max_depth_m * factor

    def _predict_batch(
        self, images: list[UInt8[np.ndarray, "h w 3"]], focal_px: float | int
    ) -> Iterator[Prediction]:
        """Predicts images of the same size, at most a batch of them."""
        shape, view = images[0].shape, self.view_scale(focal_px)
        seen = self.seen_size(shape, focal_px)
        # One program for full batches, which also runs the last batch, and one
        # for single images.
        batch_size = 1 if len(images) == 1 else self._batch_size(*seen)
        runner = self._runner.sized(batch_size, self._window_of(*seen))
        if view != UNSCALED:
            images = [resize_image(image, seen) for image in images]
        batch = runner(self._trained, np.stack(images))

        def result(index: int) -> Prediction:
            one = jax.tree.map(operator.itemgetter(index), batch)
            if view == UNSCALED:
                return one
            return resize_prediction(one, shape[:2]).times(view.depth_factor)

        return map(result, range(len(images)))

    def _batch_size(self, height: int, width: int) -> int:
        fitting = LARGEST_WHOLE_PX // (height * width)
        return max(1, min(self.config.eval.batch_size, fitting))

    def _window_of(self, height: int, width: int) -> tuple[int, int]:
        """Chooses the window for an image. (0, 0) to take it as a whole."""
        if self._window is not None:
            return self._window
        if any(self.config.eval.window):
            return self.config.eval.window
        return WINDOW if height * width > LARGEST_WHOLE_PX else (0, 0)
