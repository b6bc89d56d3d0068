"""Cameras and focal lengths, points in space, and depth edges.

May import `types` alone.
"""

from deepdepth_jax.geometry.cameras import (
    ASSUMED_MM35,
    FILM_DIAGONAL_MM,
    FOCAL_RANGE_PX,
    UNKNOWN_CAMERA,
    UNSCALED,
    FocalLength,
    TrainingCamera,
    ViewScale,
    canonical_scale,
    is_focal_length,
)
from deepdepth_jax.geometry.pinhole import Pinhole

__all__ = [
    "ASSUMED_MM35",
    "FILM_DIAGONAL_MM",
    "FOCAL_RANGE_PX",
    "UNKNOWN_CAMERA",
    "UNSCALED",
    "FocalLength",
    "Pinhole",
    "TrainingCamera",
    "ViewScale",
    "canonical_scale",
    "is_focal_length",
]
