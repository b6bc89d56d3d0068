"""Means over few seeds, and how far they can be believed."""

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence

from scipy.special import stdtrit

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Interval:
    """A mean with its 95% confidence interval.

    Attributes:
      mean: of the values.
      half_width: of the interval around it. None for a single value.
    """

    mean: float
    half_width: float | None

    @property
    def excludes_zero(self) -> bool:
        """Returns whether 0 is outside."""
        return self.half_width is not None and abs(self.mean) > self.half_width


def interval(values: Sequence[float]) -> Interval | None:
    """Takes the mean and Student's interval of values drawn from a normal distribution.

    mean +- t s / sqrt(n), where s is the deviation with n - 1 degrees of freedom and t
    the 97.5% quantile of Student's distribution of as many: 4.30 for three values, 2.78
    for five.

    Returns:
      None if there is no value.
    """
    if not values:
        return None
    mean, count = statistics.fmean(values), len(values)
    if count == 1:
        return Interval(mean, None)
    quantile = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2))
    return Interval(mean, quantile * statistics.stdev(values) / math.sqrt(count))


def paired_differences(
    ours: Mapping[int, float], reference: Mapping[int, float]
) -> dict[int, float]:
    """Subtracts the reference with the same seed, of the seeds that both have."""
    return {seed: ours[seed] - reference[seed] for seed in ours if seed in reference}
