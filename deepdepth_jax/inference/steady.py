"""Steady depth along a video: an exponential average over its frames."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float, Float32

from deepdepth_jax.inference.image_prediction import ImagePrediction

Item = TypeVar("Item")

AVERAGED = ("depth_m", "low_m", "high_m")
CUT = 0.7
"""A change of ln depth, as the median over a frame, that only another scene makes."""


def steady(
    predictions: Iterable[tuple[Item, ImagePrediction]], memory: float
) -> Iterator[tuple[Item, ImagePrediction]]:
    """Averages depth over the frames of a video.

    Each pixel has the mean of its own ln depths so far. A frame weighs as much as its
    confidence, and `memory` times less with each frame that follows. Nothing follows
    the motion between frames, so depth lags where the camera or an object moves.

    At a cut, a large change of the whole frame, and where the size or focal length
    changes, the average starts anew.

    Args:
      predictions: of the frames, in their order, each with an item that belongs to it.
      memory: from 0, where nothing is averaged, to below 1.

    Yields:
      Each item with its prediction, whose depth and interval are averaged.

    Raises:
      ValueError: `memory` lies outside of its range.
    """
    if not 0 <= memory < 1:
        raise ValueError(f"memory={memory}: must be >= 0 and < 1")
    if memory == 0:  # to the last bit
        yield from predictions
        return
    average: _Average | None = None
    for item, found in predictions:
        here = _Average.of(found)
        if average is not None and average.shows_the_scene_of(here):
            here = average.followed_by(here, memory)
        average = here
        yield item, here.prediction()


class _Average(NamedTuple):
    """Means of ln depth and ln interval, their weight, and the last frame in them."""

    last: ImagePrediction
    logs: dict[str, Float32[np.ndarray, "h w"]]
    weight: Float[np.ndarray, "..."]

    @classmethod
    def of(cls, found: ImagePrediction) -> "_Average":
        maps = {name: getattr(found, name) for name in AVERAGED}
        logs = {name: np.log(x) for name, x in maps.items() if x is not None}
        weight = found.confidence
        return cls(found, logs, np.asarray(1.0 if weight is None else weight))

    def shows_the_scene_of(self, frame: "_Average") -> bool:
        return (
            self.last.depth_m.shape == frame.last.depth_m.shape
            and self.last.focal_px == frame.last.focal_px
            and self._change_to(frame) < CUT
        )

    def _change_to(self, frame: "_Average") -> float:
        change = frame.logs["depth_m"] - self.logs["depth_m"]
        return float(np.median(np.abs(change)))

    def followed_by(self, frame: "_Average", memory: float) -> "_Average":
        weight = memory * self.weight + frame.weight
        share = frame.weight / weight
        logs = {
            name: mean + share * (frame.logs[name] - mean)
            for name, mean in self.logs.items()
        }
        return _Average(frame.last, logs, weight)

    def prediction(self) -> ImagePrediction:
        depths = {name: np.exp(log) for name, log in self.logs.items()}
        return self.last.replace(**depths)
