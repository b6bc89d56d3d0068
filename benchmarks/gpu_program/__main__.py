"""Programs for GPUs, compiled and read on a machine that needs no GPU.

    make gpu-program    # installs JAX's CUDA plugin, without CUDA's libraries
    python -m benchmarks.gpu_program --chips h100 --precision bfloat16

The paper's training step (ResNet-101, 3 crops of 420 x 800 on each device), alone and
on several devices, and the prediction of an image of 375 x 1242. Nothing runs: memory
is the compiler's own analysis, without cuDNN's workspace, and where XLA tunes on a real
GPU (algorithms of cuDNN, Triton or cuBLAS, how a product is split) it may choose
otherwise.
"""

import argparse
import itertools
from collections.abc import Iterator
from typing import get_args

import jax

from benchmarks.gpu_program.chips import CHIPS
from benchmarks.gpu_program.compiling import PRODUCTS, Choice, Program, compile_choice
from benchmarks.gpu_program.reading import Summary, summarise
from deepdepth_jax.models.conv.recompute import Remat
from deepdepth_jax.runtime import cli

HEADS = (
    "chip",
    "program",
    "precision",
    "remat",
    "products",
    "state, GB",
    "other, GB",
    "kernels",
    "written, GB",
    "all-reduces",
)
MOST_KINDS = 8
"""Kinds of kernels that are listed for a program."""


def main() -> None:
    """Compiles the chosen programs and prints a table."""
    arguments = _parser().parse_args()
    # A GPU of this machine is neither needed nor taken.
    jax.config.update("jax_platforms", "cpu")
    details = []
    print(_row(HEADS) + "\n" + "|---" * len(HEADS) + "|")
    for choice in choices(arguments):
        try:
            program = compile_choice(choice)
        except jax.errors.JaxRuntimeError as error:
            print(_row([*named(choice), f"does not compile: {first_line(error)}"]))
            continue
        summary = summarise(program.text)
        print(_row([*named(choice), *figures(program, summary)]), flush=True)
        details.append(f"- {', '.join(named(choice))}: {describe_kinds(summary)}")
        if arguments.save:
            path = arguments.save / ("-".join(named(choice)).replace(" ", "-") + ".hlo")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(program.text)
    print("\n" + "\n".join(details))
    print(f"\ncompiled with JAX {jax.__version__}, not run")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )

    def add(name: str, options: tuple[str, ...]) -> None:
        parser.add_argument(name, nargs="+", choices=options, default=options)

    add("--chips", tuple(CHIPS))
    add("--programs", ("step", "prediction"))
    add("--precision", ("float32", "bfloat16"))
    add("--remat", get_args(Remat))
    add("--products", tuple(PRODUCTS))
    parser.add_argument(
        "--devices", type=cli.count, nargs="+", default=(1, 8), help="1 8 by default"
    )
    parser.add_argument("--save", type=cli.path, help="folder for the programs' texts")
    return parser


def choices(arguments: argparse.Namespace) -> Iterator[Choice]:
    """Yields the programs that the arguments name."""
    each = arguments.chips, arguments.precision, arguments.products
    for chip, precision, products in itertools.product(*each):
        if "step" in arguments.programs:
            for devices, remat in itertools.product(arguments.devices, arguments.remat):
                yield Choice(chip, "step", devices, precision, remat, products)
        if "prediction" in arguments.programs:
            yield Choice(chip, "prediction", 1, precision, "none", products)


def named(choice: Choice) -> list[str]:
    """Returns the cells that name a program."""
    program = choice.program
    if program == "step":
        program = f"step, {choice.devices} device" + "s" * (choice.devices > 1)
    return [
        CHIPS[choice.chip].title,
        program,
        choice.precision,
        choice.remat,
        choice.products,
    ]


def figures(program: Program, summary: Summary) -> list[str]:
    """Returns the cells that describe a program."""
    all_reduces = ""
    if summary.between:
        all_reduces = f"{len(summary.between)}, {summary.median_between:g} kernels long"
    return [
        f"{program.state_gb:.2f}",
        f"{program.other_gb:.2f}",
        str(summary.kernels),
        f"{summary.written_gb:.1f}",
        all_reduces,
    ]


def describe_kinds(summary: Summary) -> str:
    """Lists the kinds of kernels that write most, and the calls of libraries."""
    kinds = [
        f"{kind} {size / 1e9:.2f} GB in {summary.counts[kind]}"
        for kind, size in itertools.islice(summary.written.items(), MOST_KINDS)
    ]
    calls = [f"{name} {count}" for name, count in summary.library.items()]
    return ", ".join(kinds) + "; calls: " + (", ".join(calls) or "none")


def first_line(error: Exception) -> str:
    """Returns the first line of a compiler's message, cut to a length for a table."""
    return str(error).splitlines()[0][:100]


def _row(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
