"""The table that all measurements go to."""

import dataclasses
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.pairing import ratios
from deepdepth_jax.runtime import atomic

T = TypeVar("T")

OURS = "ours"
FORMS = (
    "contiguous eager",
    "contiguous compiled",
    "channels_last eager",
    "channels_last compiled",
)
"""How PyTorch can run a network: its order in memory, and whether `torch.compile`d."""

HEADS = (
    "what",
    "ours, s",
    "peer, s",
    "ratio",
    "of the limit",
    "first, s",
    "memory, GB",
)
LEGEND = """\
Medians (smallest to largest) of the rounds. The ratio is that of each round, ours to
the peer of the smallest median: a form of PyTorch, or a runtime. Below 1, ours is
faster. The limit is a product of large matrices, measured in the same rounds. Its share
counts the multiplications of plain convolutions. First: built and done once, compiling
included. In pairs: ours, and that peer."""


@dataclasses.dataclass(frozen=True)
class Row:
    """Times of programs for the same work, interleaved in one run.

    Attributes:
      what: they did.
      seconds: of each round, by program: `OURS`, and forms of PyTorch if it has a peer.
      first_s: of building it and doing it once, by program.
      peak_gb: the most memory, by program.
      limit_s: what the work would take at the rate of a matrix product.
    """

    what: str
    seconds: Mapping[str, list[float]]
    first_s: Mapping[str, float] = dataclasses.field(default_factory=dict)
    peak_gb: Mapping[str, float] = dataclasses.field(default_factory=dict)
    limit_s: float | None = None

    def median_s(self, program: str) -> float:
        """Returns the median of a program's rounds."""
        return statistics.median(self.seconds[program])

    def choose(self, what: str, program: str) -> "Row":
        """Takes one of several programs of ours as ours, beside PyTorch's."""

        def chosen(figures: Mapping[str, T]) -> dict[str, T]:
            peers = {form: figures[form] for form in FORMS if form in figures}
            return {OURS: figures[program]} | peers

        return Row(
            what,
            chosen(self.seconds),
            chosen(self.first_s),
            chosen(self.peak_gb),
            self.limit_s,
        )

    def cells(self) -> list[str]:
        """Returns what stands under `HEADS`."""
        peer = min(set(self.seconds) - {OURS}, key=self.median_s, default=None)
        both, theirs, ratio = [OURS], "", ""
        if peer is not None:
            both.append(peer)
            theirs = f"{spread(self.seconds[peer])}, {peer}"
            ratio = spread(ratios(self.seconds[OURS], self.seconds[peer]))
        shares = {}
        if self.limit_s is not None:
            shares = {name: self.limit_s / self.median_s(name) for name in self.seconds}

        def pair(figures: Mapping[str, float], form: str) -> str:
            return ", ".join(format(figures[x], form) for x in both if x in figures)

        return [
            self.what,
            spread(self.seconds[OURS]),
            theirs,
            ratio,
            pair(shares, ".0%"),
            pair(self.first_s, ".1f"),
            pair(self.peak_gb, ".2f"),
        ]


def spread(figures: Sequence[float]) -> str:
    """Returns median, smallest and largest. Nothing of nothing."""
    if not figures:
        return ""
    low, middle, high = min(figures), statistics.median(figures), max(figures)
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def markdown(rows: Sequence[Row]) -> str:
    """Returns the table, and below it all forms of PyTorch."""
    forms = [
        [row.what, *(spread(row.seconds.get(form, ())) for form in FORMS)]
        for row in rows
        if set(FORMS) & set(row.seconds)
    ]
    parts = [_table(HEADS, [row.cells() for row in rows]), LEGEND]
    if forms:
        parts.append(_table(["PyTorch, s", *FORMS], forms))
    return "\n\n".join(parts) + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(path: Path, machine: Mapping[str, str], rows: Sequence[Row]) -> None:
    """Writes the table as Markdown, and every figure as JSON, beside each other."""
    found = {"machine": machine, "rows": [dataclasses.asdict(row) for row in rows]}
    atomic.write(path.with_suffix(".json"), json.dumps(found, indent=2) + "\n")
    head = ", ".join(f"{name} {value}" for name, value in machine.items())
    atomic.write(path.with_suffix(".md"), f"{head}\n\n{markdown(rows)}")
