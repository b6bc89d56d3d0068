"""Figures that others have published, to stand beside ours."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType


@dataclasses.dataclass(frozen=True)
class Published:
    """A row of a table in a paper.

    Attributes:
      method: its name and publication.
      metrics: published metrics, under our names.
    """

    method: str
    metrics: Mapping[str, float]


_PAPER = "Oluwafemi et al. 2019"

PUBLISHED: Mapping[str, tuple[Published, ...]] = MappingProxyType(
    {
        "kitti": (
            Published(
                _PAPER,
                MappingProxyType(
                    dict(
                        abs_rel=0.075,
                        rmse=2.499,
                        si_rmse_log=0.156,
                        d1=0.796,
                        d2=0.985,
                        d3=1.0,
                    )
                ),
            ),
            Published(
                "DORN, ResNet-101 (Fu et al. 2018)",
                MappingProxyType(
                    dict(
                        abs_rel=0.072,
                        rmse=2.727,
                        rmse_log=0.120,
                        d1=0.932,
                        d2=0.984,
                        d3=0.994,
                    )
                ),
            ),
        ),
        "synthia": (
            Published(
                _PAPER,
                MappingProxyType(
                    dict(
                        abs_rel=0.108,
                        rmse=9.270,
                        si_rmse_log=0.206,
                        d1=0.785,
                        d2=0.937,
                        d3=0.945,
                    )
                ),
            ),
        ),
    }
)
"""By data set. The papers do not tell crop and ground truth: they are a measure of the
order of things, not of the last digit."""
