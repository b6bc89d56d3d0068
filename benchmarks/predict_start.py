"""Seconds from the command predict to its files, cold and with compiled programs kept.

    python -m benchmarks.predict_start --source=runs/streets
    python -m benchmarks.predict_start --source=W --before=../an/older/checkout

One image, depth and colours written. Each start is a process of its own. Beside them: a
process that imports JAX and adds two numbers, and with --before the same command of
another checkout. They alternate. A first start finds no compiled program, the others
find all. CPU time counts all threads, and hardly depends on other work on the machine.
"""

import argparse
import dataclasses
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from PIL import Image

from benchmarks.command import Benchmark, run
from benchmarks.runtimes import random_image
from benchmarks.table import OURS, Row
from deepdepth_jax.runtime import cli

BEFORE, JAX = "the checkout before", "JAX adds two numbers"
ADDING = ("-c", "import jax.numpy as jnp; print(jnp.add(1, 2))")


@dataclasses.dataclass(frozen=True)
class Taken:
    """What a process took, in seconds."""

    wall_s: float
    cpu_s: float


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this benchmark."""
    parser.add_argument(
        "--source", type=cli.path, required=True, help="file of weights"
    )
    parser.add_argument("--before", type=cli.path, help="another checkout, to compare")
    parser.add_argument("--image-size", default="96x320", metavar="HEIGHTxWIDTH")


def rows(arguments: argparse.Namespace) -> Iterator[Row]:
    """Measures first and later starts."""
    checkouts = {OURS: Path.cwd()}
    if arguments.before is not None:
        checkouts[BEFORE] = arguments.before
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        height, width = map(int, arguments.image_size.split("x"))
        Image.fromarray(random_image((height, width))).save(folder / "image.png")
        command = predict_command(arguments.source, folder)
        caches = {program: folder / program for program in checkouts}
        first = {
            program: [python(checkout, caches[program], *command)]
            for program, checkout in checkouts.items()
        }
        yield from both("predict, first start", first)
        later: dict[str, list[Taken]] = {program: [] for program in (*checkouts, JAX)}
        for _ in range(arguments.rounds):
            for program, checkout in checkouts.items():
                later[program].append(python(checkout, caches[program], *command))
            later[JAX].append(python(Path.cwd(), folder / "none", *ADDING))
        alone = later.pop(JAX)
        yield from both("predict, programs kept", later)
        yield from both("predict, programs kept", {OURS: later[OURS], JAX: alone})


def predict_command(source: Path, folder: Path) -> tuple[str, ...]:
    """Returns the arguments of Python that predict the image of a folder."""
    kind = "--weights" if source.is_file() else "--workdir"
    return (
        *("-m", "deepdepth_jax.predict", f"{kind}={source.resolve()}", "--scale=1"),
        *(f"--input={folder / 'image.png'}", f"--output={folder / 'output'}"),
    )


def python(checkout: Path, cache: Path, *arguments: str) -> Taken:
    """Runs Python to its end, on the code of a checkout."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(checkout.resolve()),
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        (sys.executable, *arguments),
        check=True,
        cwd=checkout,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wall_s = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Taken(wall_s, cpu_s)


def both(what: str, taken: Mapping[str, list[Taken]]) -> Iterator[Row]:
    """Yields a row of wall time and one of CPU time."""
    for field, title in (("wall_s", what), ("cpu_s", f"{what}, CPU time")):
        yield Row(
            title,
            {
                program: [getattr(each, field) for each in all_]
                for program, all_ in taken.items()
            },
        )


BENCHMARK = Benchmark("predict_start", add_options, rows)

if __name__ == "__main__":
    run("predict_start", __doc__, [BENCHMARK])
