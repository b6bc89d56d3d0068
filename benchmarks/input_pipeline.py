"""Seconds for a batch of the input pipeline, beside a PyTorch DataLoader.

    python -m benchmarks.input_pipeline

At KITTI's real size: PNG images of 1242 x 375 with 16-bit depth PNGs, cropped to
420 x 800 by the augmentation `eigen_kitti`, in batches of 3, ready on the device. Both
read the same files, ours out of the records that it prepares from them once (the time
for that is printed). It also measures how long a run waits for its first batch at step
0 and at step 90 000 of 100 000, on a data set with as many frames as KITTI.
"""

import argparse
import dataclasses
import functools
import time
from collections.abc import Iterator
from pathlib import Path

import jax
import tensorflow as tf
from absl import logging

from benchmarks.command import Benchmark, run
from benchmarks.pairing import alternate
from benchmarks.table import OURS, Row
from benchmarks.torch_loader import kitti_files, torch_batches
from deepdepth_jax.config import AUGMENTATIONS, AugmentConfig
from deepdepth_jax.datasets.descriptions import Kitti
from deepdepth_jax.datasets.kitti.eigen import Frame
from deepdepth_jax.datasets.kitti.kitti_source import KittiSource
from deepdepth_jax.datasets.mixture import Mixture
from deepdepth_jax.datasets.pipeline import train_batches
from deepdepth_jax.datasets.records import Records, open_records
from deepdepth_jax.datasets.streets.layouts import write_kitti
from deepdepth_jax.runtime import cli
from deepdepth_jax.runtime.parallel import split_over_devices

ROOT = Path("runs/benchmark/kitti")
FRAMES = [Frame("2011_09_26", "0001", 2, index) for index in range(5, 29)]
KITTI_TRAIN_FRAMES = 23_158
HEIGHT, WIDTH, CROP, BATCH_SIZE = 375, 1242, (420, 800), 3


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this benchmark."""
    parser.add_argument(
        "--batches", type=cli.count, default=60, help="in a round; 60 by default"
    )


def rows(arguments: argparse.Namespace) -> Iterator[Row]:
    """Measures the time between batches, and the wait for the first one."""
    records, files = prepared(ROOT)
    count = arguments.batches
    yield Row(
        f"input pipeline, {BATCH_SIZE} x {CROP[0]} x {CROP[1]}",
        alternate(
            {
                OURS: lambda: batch_s(ours(records, count), count),
                "DataLoader": lambda: batch_s(
                    # JAX has threads here, which fork() breaks.
                    torch_batches(files, CROP, BATCH_SIZE, count, "forkserver"),
                    count,
                ),
            },
            arguments.rounds,
        ),
    )
    for step in (0, 90_000):
        wait = functools.partial(first_wait, records, step)
        yield Row(
            f"first batch of a run that starts at step {step}",
            alternate({OURS: wait}, arguments.rounds),
        )


def prepared(root: Path) -> tuple[Records, list[tuple[Path, Path]]]:
    """Renders street scenes as a KITTI folder, once, and prepares them."""
    logging.set_verbosity(logging.ERROR)
    tf.config.set_visible_devices([], "GPU")
    if not root.exists():
        print(f"renders {len(FRAMES)} frames to {root}", flush=True)
        write_kitti(root, FRAMES, height=HEIGHT, width=WIDTH, depth_share=0.19)
    source, is_new = KittiSource(root, "train"), not (root / "prepared").exists()
    start = time.perf_counter()
    records = open_records(Kitti, source, root / "prepared")
    if is_new:
        seconds = time.perf_counter() - start
        print(f"prepared {records.count} records in {seconds:.1f} s", flush=True)
    return records, kitti_files(root)


def ours(records: Records, num_steps: int, first_step: int = 0) -> Iterator:
    """Makes batches of our pipeline and puts them on the device."""
    batches = train_batches(
        Mixture.of([records], [1.0]),
        crop=CROP,
        augmentation=AugmentConfig(**AUGMENTATIONS["eigen_kitti"]),
        batch_size=BATCH_SIZE,
        seed=0,
        first_step=first_step,
        num_steps=num_steps,
    )
    for batch in split_over_devices(batches):
        yield jax.block_until_ready(jax.device_put(batch))


def batch_s(batches: Iterator, count: int) -> float:
    """Measures the time from the third batch on, when all workers are at work."""
    next(batches), next(batches)
    start = time.perf_counter()
    for _ in range(count - 2):
        next(batches)
    return (time.perf_counter() - start) / (count - 2)


def first_wait(records: Records, step: int) -> float:
    """Measures the seconds until the first batch, on as many frames as KITTI has."""

    def read(index: int) -> bytes:
        return records.read(index % records.count)

    many = dataclasses.replace(records, count=KITTI_TRAIN_FRAMES, read=read)
    start = time.perf_counter()
    next(ours(many, num_steps=100_000, first_step=step))
    return time.perf_counter() - start


BENCHMARK = Benchmark("input_pipeline", add_options, rows)

if __name__ == "__main__":
    run("input_pipeline", __doc__, [BENCHMARK])
