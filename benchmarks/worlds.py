"""CPU seconds for rendered scenes: the wide world beside the streets world.

    python -m benchmarks.worlds

Both worlds render in one process, alternately, and each round has its own scenes. Their
programs are compiled before.
"""

import argparse
import functools
import itertools
import time
from collections.abc import Iterator

import jax

from benchmarks.pairing import alternate, describe, ratios
from deepdepth_jax.datasets.streets.worlds import WORLDS
from deepdepth_jax.runtime import cli


def main() -> None:
    """Runs the benchmark."""
    arguments = _parser().parse_args()
    height, width = arguments.size
    measures = {}
    for name in WORLDS:
        measure = functools.partial(
            _milliseconds, name, itertools.count(), arguments.scenes, (height, width)
        )
        _milliseconds(name, itertools.count(), 1, (height, width))
        measures[name] = measure
    figures = alternate(measures, arguments.rounds)
    for name, times in figures.items():
        print(f"{name}: {describe(times, 'ms of CPU time')} a scene")
    print("wide to streets:", describe(ratios(figures["wide"], figures["streets"]), ""))


def _milliseconds(
    name: str, rounds: Iterator[int], scenes: int, size: tuple[int, int]
) -> float:
    """Measures the CPU time of this process for one scene."""
    key = jax.random.fold_in(jax.random.key(2), next(rounds))
    started = time.process_time()
    for index in range(scenes):
        WORLDS[name].render(jax.random.fold_in(key, index), *size)
    return 1000 * (time.process_time() - started) / scenes


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser("benchmarks.worlds", "Time the worlds of rendered scenes.")
    parser.add_argument("--rounds", type=cli.count, default=6, help="A B A B, so often")
    parser.add_argument("--scenes", type=cli.count, default=30, help="scenes a round")
    parser.add_argument(
        "--size", type=cli.count, nargs=2, default=(96, 320), help="height and width"
    )
    return parser


if __name__ == "__main__":
    main()
