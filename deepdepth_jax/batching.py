"""Pictures of any size through a network that takes batches of one size."""

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np

from deepdepth_jax.camera import canonical_scale
from deepdepth_jax.types import Prediction


@runtime_checkable
class Taken(Protocol):
    """Anything taken by a camera."""

    @property
    def image(self) -> np.ndarray:
        """The picture, uint8 (h, w, 3)."""

    @property
    def focal_px(self) -> float:
        """The camera's focal length in pixels of the picture; 0 = unknown."""


Item = TypeVar("Item", bound=Taken)


def predict_each(
    predict: Callable[[np.ndarray], Prediction],
    items: Iterator[Item],
    batch_size: int,
    canonical_focal_px: float,
) -> Iterator[tuple[Item, Prediction]]:
    """Predicts every item once, in batches of pictures of the same size.

    Args:
      predict: from uint8 (b, h, w, 3), b at most batch_size, to a batch of depth.
      items: whose `image` is predicted; read as they are needed.
      batch_size: the most pictures at once.
      canonical_focal_px: of the camera whose depth `predict` gives; 0 = the picture's.

    Yields:
      Each item with the prediction (h, w) of its picture, in its own metres.
    """
    for group in group_by_size(items, batch_size):
        batch = predict(np.stack([item.image for item in group]))
        for index, item in enumerate(group):
            scale = canonical_scale(canonical_focal_px, item.focal_px)
            depth_m = batch.depth_m[index] / np.float32(scale)
            yield item, Prediction(depth_m, batch.confidence[index])


def group_by_size(items: Iterator[Item], group_size: int) -> Iterator[list[Item]]:
    """Collects items whose pictures have the same size, up to group_size at a time.

    Every item comes out exactly once; the groups that are not full come last.
    """
    waiting: dict[tuple[int, ...], list[Item]] = {}
    for item in items:
        group = waiting.setdefault(item.image.shape, [])
        group.append(item)
        if len(group) == group_size:
            yield waiting.pop(item.image.shape)
    yield from waiting.values()
