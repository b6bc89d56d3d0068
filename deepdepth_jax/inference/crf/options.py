"""The settings of the fully connected CRF: the config's section `crf`."""

import dataclasses
import math

from ml_collections import ConfigDict

from deepdepth_jax.errors import UserError

COMPATIBILITIES = ("potts", "truncated_linear")
_POSITIVE = ("theta_gamma_px", "theta_alpha_px", "theta_beta", "truncation_bins")
_NOT_NEGATIVE = ("iterations", "smoothness_weight", "appearance_weight")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CrfOptions:
    """What the CRF joins, how much, and how long it runs, under the paper's names.

    Attributes:
      iterations: updates of the mean field; 0 changes nothing.
      smoothness_weight: of the kernel over positions.
      theta_gamma_px: its standard deviation.
      appearance_weight: of the kernel over positions and colours.
      theta_alpha_px: its standard deviation in position.
      theta_beta: its standard deviation in each of R, G and B, in levels of 255.
      compatibility: what two bins cost at joined pixels, as a share of the weight:
        `potts`, 1 unless they are the same; or `truncated_linear`,
        min(|k - l| / T, 1), which knows that bins are ordered. With T = 1 they are the
        same.
      truncation_bins: T, of `truncated_linear` alone.

    Raises:
      UserError: a value is of no use; the message names the config field.
    """

    iterations: int
    smoothness_weight: float | int
    theta_gamma_px: float | int
    appearance_weight: float | int
    theta_alpha_px: float | int
    theta_beta: float | int
    compatibility: str
    truncation_bins: int

    def __post_init__(self) -> None:
        if self.compatibility not in COMPATIBILITIES:
            raise UserError(
                f"crf.compatibility={self.compatibility!r} is unknown: take one of "
                f"{', '.join(COMPATIBILITIES)}"
            )
        for name in _POSITIVE:
            if not 0 < getattr(self, name) < math.inf:
                raise UserError(f"crf.{name}={getattr(self, name)}: take more than 0")
        for name in _NOT_NEGATIVE:
            if not 0 <= getattr(self, name) < math.inf:
                raise UserError(f"crf.{name}={getattr(self, name)}: take 0 or more")

    @classmethod
    def of(cls, section: ConfigDict) -> "CrfOptions":
        """Reads them out of the config's section `crf`."""
        return cls(**{name: section[name] for name in section if name != "enabled"})
