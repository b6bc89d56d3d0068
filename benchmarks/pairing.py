"""Measures two forms of one computation, interleaved, on the same machine state."""

import statistics
from collections.abc import Callable, Mapping
from typing import TypeVar

Figure = TypeVar("Figure")


def alternate(
    measures: Mapping[str, Callable[[], Figure]], rounds: int
) -> dict[str, list[Figure]]:
    """Takes each measure once a round: A B A B ...

    Args:
      measures: each does its work once and gives a figure, by name.
      rounds: how often.

    Returns:
      The figures of each, by name.
    """
    figures: dict[str, list[Figure]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            figures[name].append(measure())
    return figures


def describe(figures: list[float], unit: str) -> str:
    """Returns median and spread in words."""
    return (
        f"{statistics.median(figures):.3g} {unit} "
        f"({min(figures):.3g} to {max(figures):.3g}, {len(figures)} rounds)"
    )


def ratios(numerator: list[float], denominator: list[float]) -> list[float]:
    """Returns the ratio of each round."""
    return [a / b for a, b in zip(numerator, denominator, strict=True)]
