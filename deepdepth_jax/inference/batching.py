"""Images of any size through a network that takes batches of one size."""

import itertools
import operator
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar, runtime_checkable

import jax
import numpy as np

from deepdepth_jax.types import Tree

MOST_WAITING = 64
"""Images that wait in memory for others of their size."""


@runtime_checkable
class HasImage(Protocol):
    """Anything with an image."""

    @property
    def image(self) -> np.ndarray:
        """The image, uint8 (h, w, 3)."""


@runtime_checkable
class HasCamera(HasImage, Protocol):
    """An image with the focal length of its camera."""

    @property
    def focal_px(self) -> float | int:
        """Focal length in pixels of the image; 0 = unknown."""


Item = TypeVar("Item", bound=HasImage)
CameraItem = TypeVar("CameraItem", bound=HasCamera)


def in_batches(
    run: Callable[..., Tree],
    items: Iterator[Item],
    batch_size: int,
    arrays_of: Callable[[Item], tuple[np.ndarray, ...]],
) -> Iterator[tuple[Item, Tree]]:
    """Runs every item once, in batches of images of the same size.

    Args:
      run: from arrays (b, ...), b at most batch_size, to a tree of arrays (b, ...).
      items: read as they are needed.
      batch_size: the most images at once.
      arrays_of: returns the arrays of an item.

    Yields:
      Each item with its part of the tree.
    """
    for group in group_by_size(items, batch_size):
        batch = run(*map(np.stack, zip(*map(arrays_of, group), strict=True)))
        for index, item in enumerate(group):
            yield item, jax.tree.map(operator.itemgetter(index), batch)


def group_by_size(items: Iterator[Item], group_size: int) -> Iterator[list[Item]]:
    """Collects items whose images have the same size, up to group_size at a time.

    Every item comes out exactly once. Groups that are not full come last, or when more
    than `MOST_WAITING` items are in such groups: the one that began first.
    """
    waiting: dict[tuple[int, ...], list[Item]] = {}
    for item in items:
        group = waiting.setdefault(item.image.shape, [])
        group.append(item)
        if len(group) == group_size:
            yield waiting.pop(item.image.shape)
        elif sum(map(len, waiting.values())) > MOST_WAITING:
            yield waiting.pop(next(iter(waiting)))
    yield from waiting.values()


def neighbours(
    items: Iterator[CameraItem],
    batch_size_of: Callable[[tuple[int, ...], float], int],
) -> Iterator[tuple[list[CameraItem], int]]:
    """Collects neighbours of the same size and focal length.

    No more than a batch is read ahead.

    Args:
      items: read as they are needed.
      batch_size_of: the most images at once, of a shape and a focal length.

    Yields:
      Items, and the batch size to run them at: 1 for an item without such neighbours,
      else that of all their batches, so that one program runs them all.
    """
    cameras = itertools.groupby(items, lambda each: (each.image.shape, each.focal_px))
    for (shape, focal_px), alike in cameras:
        batch_size = batch_size_of(shape, float(focal_px))
        group = list(itertools.islice(alike, batch_size))
        if len(group) == 1:
            batch_size = 1
        while group:
            yield group, batch_size
            group = list(itertools.islice(alike, batch_size))
