"""What the commands of all benchmarks share: they print a table and write it."""

import argparse
import dataclasses
import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import jax

from benchmarks.table import FORMS, HEADS, Row, markdown, write
from deepdepth_jax.runtime import cli


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """A part of the table.

    Attributes:
      name: of it.
      add_options: adds those that it takes, and no others do.
      rows: measures, one row after the other. All take `rounds` and `forms`.
    """

    name: str
    add_options: Callable[[argparse.ArgumentParser], None]
    rows: Callable[[argparse.Namespace], Iterator[Row]]


def run(name: str, description: str | None, benchmarks: Sequence[Benchmark]) -> None:
    """Parses the command line, measures, and writes the table after every row.

    Args:
      name: of the files that it is written to.
      description: for the help.
      benchmarks: what to measure.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=cli.count, default=3, help="3 by default")
    parser.add_argument(
        "--forms",
        nargs="+",
        choices=FORMS,
        default=FORMS,
        help="of PyTorch's network, where all would take too long",
    )
    parser.add_argument(
        "--output",
        type=cli.path,
        default=Path("runs/benchmark") / name,
        help="path of the table, which gets the suffixes .md and .json",
    )
    names = [each.name for each in benchmarks]
    if len(names) > 1:
        parser.add_argument("--only", nargs="+", choices=names, default=names)
    for each in benchmarks:
        each.add_options(parser)
    arguments = parser.parse_args()
    # Programs share a GPU: JAX's must not take all its memory when they start.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    chosen = getattr(arguments, "only", names)
    machine, rows = describe_machine(), []
    for each in benchmarks:
        if each.name not in chosen:
            continue
        for row in each.rows(arguments):
            rows.append(row)
            cells = zip(HEADS, row.cells(), strict=True)
            line = "; ".join(f"{head} {cell}" for head, cell in cells if cell)
            print(line.removeprefix("what "), flush=True)
            write(arguments.output, machine, rows)
    print(markdown(rows))
    print(f"table: {arguments.output.with_suffix('.md')}, and .json")


def describe_machine() -> dict[str, str]:
    """Says what it is measured on, and with which versions."""
    versions = {
        name: importlib.metadata.version(name)
        for name in ("jax", "torch", "onnxruntime", "openvino")
        if importlib.util.find_spec(name) is not None
    }
    return {
        "device": jax.devices()[0].device_kind,
        "CPU cores": str(os.cpu_count()),
        "Python": platform.python_version(),
        **versions,
    }
