"""A trained network for pictures that nobody labelled, of any size and camera."""

import functools
import itertools
import operator
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Shaped, UInt8

from deepdepth_jax.config import Config, with_fields
from deepdepth_jax.geometry import Sight, TrainingCamera
from deepdepth_jax.inference.batching import Item
from deepdepth_jax.inference.build import build_prediction
from deepdepth_jax.inference.restore import restore
from deepdepth_jax.inference.sights import resize_image, resize_prediction, seen_size
from deepdepth_jax.inference.steps import Trained
from deepdepth_jax.models.build import build_bins
from deepdepth_jax.runtime.checkpoints import Which
from deepdepth_jax.runtime.workdir import stored_config, training_focal_px
from deepdepth_jax.types import AnyArray, Prediction

LARGEST_WHOLE_PX = 2_500_000
"""Pixels that the network is given at once, be it of one picture or of a batch.

It takes about 1 kB of memory a pixel, most of it for distributions over 71 bins.
"""
WINDOW = (1080, 1920)
"""Height and width of the windows that larger pictures are predicted by."""

Window = tuple[int, int] | None
"""A height and width; (0, 0) for whole pictures, whatever memory they take; None for
`eval.window` of the run, or if it has none `WINDOW` above `LARGEST_WHOLE_PX`."""


class DepthPredictor:
    """A trained network that takes pictures of any size.

    Args:
      config: the completed config of the run.
      trained: what was learnt.
      training_focal_px: the focal length of the pictures that it learnt from, in their
        pixels; 0 = unknown. Not used if the config has a canonical one.
      window: of the overlapping ones that larger pictures are predicted by; see
        `Window`.
      scale: how many times larger than the picture the network is to see it; None:
        see `sight`.

    Raises:
      ValueError: the scale is not above 0.
    """

    def __init__(
        self,
        config: Config,
        trained: Trained,
        training_focal_px: float | int = 0.0,
        *,
        window: Window = None,
        scale: float | int | None = None,
    ) -> None:
        if scale is not None and scale <= 0:
            raise ValueError(f"scale={scale}: must be above 0")
        self.config = config
        canonical_focal_px = config.data.canonical_focal_px
        self.training_focal_px = canonical_focal_px or training_focal_px
        self._camera = TrainingCamera(canonical_focal_px, training_focal_px)
        self._trained = trained
        self._window = window
        self._scale = scale
        self._program = functools.cache(self._build_program)

    @classmethod
    def load(
        cls,
        workdir: str | Path,
        checkpoint: Which = "best",
        *,
        window: Window = None,
        scale: float | int | None = None,
    ) -> "DepthPredictor":
        """Loads a run.

        Args:
          workdir: where it was trained.
          checkpoint: `best` by validation, `last`, or a step.
          window: see the class.
          scale: see the class.

        Raises:
          UserError: there is no run, or no such checkpoint.
        """
        workdir = Path(workdir)
        config = stored_config(workdir)
        _, trained = restore(config, workdir, checkpoint)
        focal_px = training_focal_px(workdir)
        return cls(config, trained, focal_px, window=window, scale=scale)

    def __call__(
        self, image: Shaped[AnyArray, "..."], focal_px: float | int = 0.0
    ) -> Prediction:
        """Predicts the depth of an RGB picture, at its own size.

        The network knows things by their size in pixels: it is at its best with
        pictures of about the scale of those that it was trained on, which it can be
        shown if their focal length is given.

        Args:
          image: uint8 (h, w, 3).
          focal_px: of the picture's camera, in the picture's pixels; 0: as in training.
            See `sight`.

        Returns:
          float32 (h, w) each, on the host.

        Raises:
          ValueError: it is no such array, or the focal length is needed and not given.
          UserError: no camera has that focal length.
        """
        image = np.asarray(image)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(
                "the picture must be uint8 of shape (height, width, 3), not "
                f"{image.dtype} of shape {image.shape}"
            )
        if not image.size:
            raise ValueError(f"the picture has no pixels: its shape is {image.shape}")
        [prediction] = self._predict_alike([image], focal_px)
        return prediction

    def predict_each(
        self, pictures: Iterator[Item], focal_px: float | int = 0.0
    ) -> Iterator[tuple[Item, Prediction]]:
        """Predicts many pictures, in their order.

        Neighbours of the same size run as a batch, of at most `eval.batch_size` of the
        config and as long as they are small: no more than a batch is in memory.

        Raises:
          ValueError: the focal length is needed and not given.
        """
        for shape, alike in itertools.groupby(pictures, lambda item: item.image.shape):
            batch_size = self._batch_size(*self._seen_size(shape, focal_px))
            while group := list(itertools.islice(alike, batch_size)):
                images = [item.image for item in group]
                yield from zip(
                    group, self._predict_alike(images, focal_px), strict=True
                )

    def sight(self, focal_px: float | int = 0.0) -> Sight:
        """Computes how images of a focal length are seen; see `TrainingCamera.sight`.

        Args:
          focal_px: of the image, in its pixels; 0: as in training.

        Raises:
          ValueError: it is 0, and the network learnt the depth of a canonical camera.
        """
        return self._camera.sight(focal_px, self._scale)

    def depth_range_m(self, focal_px: float | int = 0.0) -> tuple[float, float]:
        """Gives the nearest and the farthest depth that can be predicted, in metres."""
        bins, factor = build_bins(self.config), self.sight(focal_px).depth_factor
        return bins.min_depth_m * factor, bins.max_depth_m * factor

    def _predict_alike(
        self, images: list[UInt8[np.ndarray, "h w 3"]], focal_px: float | int
    ) -> Iterator[Prediction]:
        """Predicts pictures of the same size, at most a batch of them."""
        height, width = images[0].shape[:2]
        seen = self._seen_size((height, width), focal_px)
        # One program for full batches, which also runs what is left of them, and one
        # for single pictures.
        batch_size = 1 if len(images) == 1 else self._batch_size(*seen)
        run = self._program(batch_size, self._window_of(*seen))
        batch = run(np.stack([resize_image(image, seen) for image in images]))
        factor = self.sight(focal_px).depth_factor

        def result(index: int) -> Prediction:
            one = jax.tree.map(operator.itemgetter(index), batch)
            return resize_prediction(one, (height, width)).times(factor)

        return map(result, range(len(images)))

    def _seen_size(
        self, shape: tuple[int, ...], focal_px: float | int
    ) -> tuple[int, int]:
        """Computes height and width of the image that the network sees."""
        return seen_size(shape, focal_px, self.sight(focal_px))

    def _batch_size(self, height: int, width: int) -> int:
        fitting = LARGEST_WHOLE_PX // (height * width)
        return max(1, min(self.config.eval.batch_size, fitting))

    def _window_of(self, height: int, width: int) -> tuple[int, int]:
        """Gives the window for a picture; (0, 0) to take it as a whole."""
        if self._window is not None:
            return self._window
        if any(self.config.eval.window):
            return self.config.eval.window
        return WINDOW if height * width > LARGEST_WHOLE_PX else (0, 0)

    def _build_program(
        self, batch_size: int, window: tuple[int, int]
    ) -> Callable[[UInt8[np.ndarray, "b h w 3"]], Prediction]:
        config = with_fields(
            self.config, {"eval.batch_size": batch_size, "eval.window": window}
        )
        return functools.partial(build_prediction(config), self._trained)
