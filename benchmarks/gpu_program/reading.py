"""Reads the text of a program that XLA has compiled for a GPU."""

import collections
import dataclasses
import math
import re
import statistics
from collections.abc import Iterator

BYTES = {
    "f64": 8,
    "f32": 4,
    "bf16": 2,
    "f16": 2,
    "s32": 4,
    "u32": 4,
    "u64": 8,
    "s64": 8,
}
"""Of the elements of arrays. All other types have one byte."""
KERNELS = {"fusion", "custom-call", "copy", "all-reduce", "all-reduce-start"}
"""Instructions that launch something that writes its result."""


@dataclasses.dataclass(frozen=True)
class Instruction:
    """A line of a computation.

    Attributes:
      name: with the number that makes it unique.
      shape: of the result, as text.
      opcode: such as `fusion`.
      rest: operands and attributes, as text.
    """

    name: str
    shape: str
    opcode: str
    rest: str

    @property
    def kind(self) -> str:
        """The name without its number, by which XLA says what a kernel does."""
        return re.sub(r"(\.\d+|\.clone|\.remat)+$", "", self.name)

    @property
    def written_bytes(self) -> int:
        """Size of the result."""
        return sum(
            math.prod(int(side) for side in sides.split(",") if side)
            * BYTES.get(element, 1)
            for element, sides in re.findall(r"\b([a-z]\w*)\[([\d,]*)\]", self.shape)
        )


@dataclasses.dataclass(frozen=True)
class Summary:
    """A program in numbers.

    Attributes:
      kernels: number of kernels that one run launches.
      written: bytes that they write, by kind, the largest first.
      counts: number of kernels, by kind.
      library: number of calls of cuDNN and cuBLAS, by kind.
      between: for each all-reduce, the kernels between its start and its end.
    """

    kernels: int
    written: dict[str, int]
    counts: dict[str, int]
    library: dict[str, int]
    between: list[int]

    @property
    def written_gb(self) -> float:
        """Gigabytes that all kernels write."""
        return sum(self.written.values()) / 1e9

    @property
    def median_between(self) -> float:
        """The median of `between`. 0 if there is no all-reduce."""
        return statistics.median(self.between) if self.between else 0


def summarise(program: str) -> Summary:
    """Reads a program.

    Kernels within loops count as often as the loop runs.

    Args:
      program: the text of a compiled and scheduled program, as `as_text` returns it.

    Returns:
      Its numbers.
    """
    computations = _computations(program)
    launched = list(_launched(computations, _entry(program)))
    written, counts = collections.Counter[str](), collections.Counter[str]()
    library = collections.Counter[str]()
    for each in launched:
        counts[each.kind] += 1
        written[each.kind] += each.written_bytes
        if called := re.search(r'custom_call_target="__(cu\w+\$\w+)"', each.rest):
            library[called[1]] += 1
    return Summary(
        kernels=len(launched),
        written=dict(written.most_common()),
        counts=dict(counts),
        library=dict(library),
        between=list(_kernels_between(computations[_entry(program)])),
    )


def _entry(program: str) -> str:
    found = re.search(r"^ENTRY %?(\S+) ", program, re.MULTILINE)
    if found is None:
        raise ValueError("no ENTRY: this is not the text of a compiled program")
    return found[1]


def _computations(program: str) -> dict[str, list[Instruction]]:
    """Returns the instructions of each computation, by its name."""
    computations: dict[str, list[Instruction]] = {}
    own: list[Instruction] = []
    for line in program.splitlines():
        if head := re.match(r"(?:ENTRY )?%?(\S+) \(.*\{$", line):
            own = computations.setdefault(head[1], [])
        elif found := re.match(
            r"\s+(?:ROOT )?%?(\S+) = (\(.*?\)|\S+) ([\w-]+)\((.*)", line
        ):
            own.append(Instruction(*found.groups()))
    return computations


def _launched(
    computations: dict[str, list[Instruction]], name: str
) -> Iterator[Instruction]:
    """Yields the kernels of a computation in their order, loops unrolled."""
    for each in computations[name]:
        if each.opcode in KERNELS:
            yield each
        elif each.opcode == "while":
            body = re.search(r"body=%?([\w.-]+)", each.rest)
            trips = re.search(r'known_trip_count":\{"n":"(\d+)"', each.rest)
            assert body is not None
            for _ in range(int(trips[1]) if trips else 1):
                yield from _launched(computations, body[1])


def _kernels_between(instructions: list[Instruction]) -> Iterator[int]:
    """Counts, for each all-reduce, the kernels that run while it does."""
    begun: dict[str, int] = {}
    launched = 0
    for each in instructions:
        if each.opcode == "all-reduce":
            yield 0
        if each.opcode == "all-reduce-start":
            begun[each.name] = launched
        elif each.opcode == "all-reduce-done":
            operand = re.match(r"%?([\w.-]+)\)", each.rest)
            assert operand is not None
            yield launched - begun.pop(operand[1])
        elif each.opcode in KERNELS:
            launched += 1
