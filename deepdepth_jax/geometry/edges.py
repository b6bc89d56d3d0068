"""Depth edges: the pixels where depth steps from one thing to another."""

import cv2
import numpy as np
from jaxtyping import Bool, Float

from deepdepth_jax.types import AnyArray

EDGE_RATIO = 1.25
"""A pixel is at an edge if depth around it differs by more than this factor."""
EDGE_REACH_PX = 3
"""A pixel is near an edge if one at an edge is at most so many rows or columns off."""


def at_edges(depth_m: Float[AnyArray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Finds the pixels where depth steps from one thing to another.

    There a network is unsure which of the two it sees, and its answers between them
    would hang in the air. A pixel counts where the depths of its 3 x 3 neighbourhood
    differ by more than a factor of `EDGE_RATIO`. A pixel without depth (0) differs from
    every pixel with depth.
    """
    depth_m = np.asarray(depth_m, np.float32)
    return _steps(depth_m, depth_m)


def near_edges(truth_m: Float[AnyArray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Finds the pixels that are within `EDGE_REACH_PX` of a step in the true depth.

    A step is that of `at_edges`, but between pixels that have ground truth: where that
    ends (0 = none) is no edge.
    """
    truth_m = np.asarray(truth_m, np.float32)
    # A pixel without ground truth is never the nearest nor the farthest.
    steps = _steps(np.where(truth_m > 0, truth_m, truth_m.max()), truth_m)
    reach = np.ones(2 * (2 * EDGE_REACH_PX + 1,), np.uint8)
    return cv2.dilate(steps.astype(np.uint8), reach) > 0


def _steps(
    nearest_m: Float[np.ndarray, "h w"], farthest_m: Float[np.ndarray, "h w"]
) -> Bool[np.ndarray, "h w"]:
    """Compares the nearest and the farthest depth around each pixel."""
    around = np.ones((3, 3), np.uint8)
    return cv2.dilate(farthest_m, around) > EDGE_RATIO * cv2.erode(nearest_m, around)
