"""The parts of an image that are evaluated by themselves, as masks of the truth."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float

from deepdepth_jax.geometry.edges import near_edges

Region = Callable[[Float[np.ndarray, "h w"]], Bool[np.ndarray, "h w"]]
"""Marks the pixels of a part by true depth in metres. 0 = no ground truth."""


def distance_range(low_m: float, high_m: float) -> Region:
    """Returns the region with true depth in [low_m, high_m)."""
    return lambda truth_m: (truth_m >= low_m) & (truth_m < high_m)


SECTIONS: Mapping[str, Mapping[str, Region]] = MappingProxyType(
    {
        "by_distance": {
            f"{low_m:g}-{high_m:g} m": distance_range(low_m, high_m)
            for low_m, high_m in ((0.0, 10.0), (10.0, 20.0), (20.0, 40.0), (40.0, 80.0))
        },
        "by_edge": {
            "near edges": near_edges,
            "away from edges": lambda truth_m: ~near_edges(truth_m),
        },
    }
)
"""By the section of eval.json that they stand in, and by their own names."""

REGIONS: Mapping[str, Region] = MappingProxyType(
    {name: region for section in SECTIONS.values() for name, region in section.items()}
)
