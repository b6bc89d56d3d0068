"""A trained network for images of any size, from any camera."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import jax
import numpy as np

from deepdepth_jax.config import Config
from deepdepth_jax.datasets.images import CameraImage
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import UNSCALED, Pinhole, TrainingCamera, ViewScale
from deepdepth_jax.inference.batching import CameraItem, HasCamera, neighbours
from deepdepth_jax.inference.depth_runner import DepthRunner
from deepdepth_jax.inference.image_prediction import ImagePrediction
from deepdepth_jax.inference.inputs import (
    Focal,
    ImageInput,
    ImageList,
    Number,
    read_inputs,
    read_stream,
)
from deepdepth_jax.inference.layout import Window, batch_size_for, window_for
from deepdepth_jax.inference.rescaling import resize_image, seen_size
from deepdepth_jax.inference.saved_network import Loadable, SavedNetwork
from deepdepth_jax.runtime.parallel import replicated
from deepdepth_jax.types import Trained


class DepthPredictor(Loadable):
    """A trained network that takes images of any size. See `Loadable` for `load`.

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
        scale: Number | None = None,
    ) -> None:
        if scale is not None and scale <= 0:
            raise ValueError(f"scale={scale}: must be > 0")
        self.config = config
        self._camera = camera or TrainingCamera(config.data.canonical_focal_px)
        variables = jax.device_put(trained.variables, replicated())
        self._trained = Trained(variables, trained.temperature)
        self._window = window
        self._scale = scale
        self._runner = DepthRunner(config)

    @classmethod
    def of(
        cls,
        network: SavedNetwork,
        *,
        window: Window = None,
        scale: Number | None = None,
    ) -> "DepthPredictor":
        """See `Loadable`. The options are those of the class."""
        config, trained, camera = network.config, network.trained, network.camera
        predictor = cls(config, trained, camera, window=window, scale=scale)
        predictor._network = network
        return predictor

    @property
    def training_focal_px(self) -> float:
        """Focal length that the network's depth is for, in pixels. 0 = unknown."""
        return self._camera.canonical_focal_px or self._camera.focal_px

    @overload
    def __call__(
        self, image: ImageInput, focal_px: Number = ..., *, focal_mm35: Number = ...
    ) -> ImagePrediction | Any: ...  # Any, as an array may hold several
    @overload
    def __call__(
        self,
        image: ImageList,
        focal_px: Focal = ...,
        *,
        focal_mm35: Number = ...,
    ) -> list[ImagePrediction]: ...
    def __call__(
        self, image: Any, focal_px: Focal = 0.0, *, focal_mm35: Number = 0.0
    ) -> ImagePrediction | list[ImagePrediction]:
        """Predicts the depth of an image, or of several, each at its own size.

        The network knows things by their size in pixels. It is at its best with images
        of about the scale of its training images, to which an image can be brought if
        its focal length is known.

        Args:
          image: a path, a Pillow image or an array, see `inputs`. Or several: a list, a
            tuple, or an array (b, h, w, c), of which images of one size run as batches.
          focal_px: of the image's camera, in the image's pixels, or that of each image.
            0: from EXIF tags, or without any assumed. See `assumed_focal_px`.
          focal_mm35: 35 mm equivalent, in place of `focal_px`. See `FocalLength`.

        Returns:
          The prediction, or a list of those of several images.

        Raises:
          UserError: an image cannot be read, or a focal length is negative, given
            twice, or that of no camera.
        """
        read = read_inputs(image, focal_px, focal_mm35, self._camera)
        if not isinstance(read, CameraImage):
            return [found for _, found in self.predict_each(read)]
        [prediction] = self._predict_batch([read], batch_size=1)
        return prediction

    def stream(
        self,
        images: Iterable[ImageInput],
        focal_px: Number = 0.0,
        *,
        focal_mm35: Number = 0.0,
    ) -> Iterator[ImagePrediction]:
        """Predicts images as they are needed, such as the frames of a video.

        No more than a batch is in memory.

        Args:
          images: see `__call__`.
          focal_px: of all images.
          focal_mm35: of all images, in place of `focal_px`.

        Returns:
          The prediction of each image, in their order.

        Raises:
          UserError: see `__call__`.
        """
        read = read_stream(images, focal_px, focal_mm35, self._camera)
        return (found for _, found in self.predict_each(read))

    def assumed_focal_px(self, shape: tuple[int, ...]) -> float:
        """Computes the focal length of images without one. 0: as in training.

        See `TrainingCamera.assumed_px`.
        """
        return self._camera.assumed_px(*shape[:2])

    def predict_each(
        self, items: Iterator[CameraItem]
    ) -> Iterator[tuple[CameraItem, ImagePrediction]]:
        """Predicts RGB images with known focal lengths, in their order.

        Neighbours of the same size and focal length run as a batch, of at most
        `eval.batch_size` of the config and as long as they are small: no more than a
        batch is in memory.

        Args:
          items: images with focal lengths, read as they are needed.

        Yields:
          Each item with its prediction.

        Raises:
          UserError: a focal length is that of no camera.
        """
        for group, batch_size in neighbours(items, self._batch_size):
            yield from zip(group, self._predict_batch(group, batch_size), strict=True)

    def view_scale(
        self, focal_px: Number = 0.0, shape: tuple[int, ...] = ()
    ) -> ViewScale:
        """Computes how images are scaled. See `TrainingCamera.view_scale`.

        Args:
          focal_px: of the image, in its pixels. 0: as in training.
          shape: of the image, beginning with height and width. Empty: unknown.

        Raises:
          UserError: it is 0, and the network was trained on the depth of a canonical
            camera.
        """
        try:
            return self._camera.view_scale(focal_px, self._scale, shape=shape)
        except ValueError as error:
            raise UserError(f"{error}: give focal_px or focal_mm35") from error

    def seen_size(self, shape: tuple[int, ...], focal_px: Number) -> tuple[int, int]:
        """Computes height and width of the image that the network sees.

        Args:
          shape: of the image: height, width, and what may follow.
          focal_px: of the image, in its pixels. 0: as in training.

        Raises:
          UserError: no camera has that focal length, or the image cannot be scaled so.
        """
        view = self.view_scale(focal_px, shape)
        if view == UNSCALED and not focal_px:
            return shape[0], shape[1]
        return seen_size(shape, focal_px, view)

    def depth_range_m(
        self, focal_px: Number = 0.0, shape: tuple[int, ...] = ()
    ) -> tuple[float, float]:
        """Returns the nearest and the farthest depth it can predict, in metres.

        Args and errors are those of `view_scale`.
        """
        bins, factor = self.config.bins, self.view_scale(focal_px, shape).depth_factor
        return bins.min_depth_m * factor, bins.max_depth_m * factor

    def _predict_batch(
        self, items: Sequence[HasCamera], batch_size: int
    ) -> Iterator[ImagePrediction]:
        """Predicts images of one size and focal length, at most a batch of them."""
        images, own_px = [item.image for item in items], float(items[0].focal_px)
        shape = images[0].shape
        focal_px = own_px or self.assumed_focal_px(shape)
        view, seen = self.view_scale(focal_px, shape), self.seen_size(shape, focal_px)
        window = window_for(seen, self._window, self.config.eval.window)
        runner = self._runner.sized(batch_size, window)
        pixels = images
        if view != UNSCALED:
            pixels = [resize_image(image, seen) for image in images]
        maps = runner(self._trained, np.stack(pixels))
        camera = Pinhole(focal_px or self.training_focal_px)
        depth_range_m = self.depth_range_m(focal_px, shape)

        def result(index: int) -> ImagePrediction:
            return ImagePrediction.deferred(
                functools.partial(
                    maps.read_image, index=index, size=shape[:2], view=view
                ),
                image=images[index],
                focal_px=own_px,
                camera=camera,
                depth_range_m=depth_range_m,
                num_bins=self.config.bins.num_bins,
            )

        return map(result, range(len(images)))

    def _batch_size(self, shape: tuple[int, ...], focal_px: float) -> int:
        seen = self.seen_size(shape, focal_px or self.assumed_focal_px(shape))
        return batch_size_for(seen, self.config.eval.batch_size)
