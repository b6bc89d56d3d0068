"""Pictures a second out of the input pipeline, beside a PyTorch DataLoader.

    python -m benchmarks.input_pipeline

At KITTI's real size: PNG pictures of 1242 x 375 with 16-bit depth PNGs, cropped to
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

from benchmarks.pairing import alternate, describe, ratios
from benchmarks.torch_loader import torch_batches
from deepdepth_jax.augment import Augmentation
from deepdepth_jax.datasets.kitti.builder import Kitti
from deepdepth_jax.datasets.kitti.eigen import Frame
from deepdepth_jax.datasets.kitti.source import KittiSource
from deepdepth_jax.datasets.records import Records, open_records
from deepdepth_jax.datasets.streets.export import write_kitti
from deepdepth_jax.defaults import AUGMENTATIONS
from deepdepth_jax.input_pipeline import Mixture, train_batches
from deepdepth_jax.parallel import split_over_devices

FRAMES = [Frame("2011_09_26", "0001", 2, index) for index in range(5, 29)]
KITTI_TRAIN_FRAMES = 23_158
HEIGHT, WIDTH, CROP, BATCH_SIZE = 375, 1242, (420, 800), 3


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=60, help="in a round")
    parser.add_argument("--root", type=Path, default=Path("runs/benchmark/kitti"))
    arguments = parser.parse_args()
    logging.set_verbosity(logging.ERROR)
    tf.config.set_visible_devices([], "GPU")
    records, files = prepared(arguments.root)
    batches = arguments.batches
    figures = alternate(
        {
            "ours": lambda: images_a_second(ours(records, batches), batches),
            "torch": lambda: images_a_second(
                torch_batches(files, CROP, BATCH_SIZE, batches), batches
            ),
        },
        arguments.rounds,
    )
    print(f"ours:    {describe(figures['ours'], 'images/s')}")
    print(f"PyTorch: {describe(figures['torch'], 'images/s')}")
    print(f"ratio:   {describe(ratios(figures['ours'], figures['torch']), 'times')}")
    waits = alternate(
        {
            str(step): functools.partial(first_wait, records, step)
            for step in (0, 90_000)
        },
        arguments.rounds,
    )
    for step, seconds in waits.items():
        print(
            f"first batch of a run that starts at step {step}: {describe(seconds, 's')}"
        )


def prepared(root: Path) -> tuple[Records, list[tuple[Path, Path]]]:
    """Renders street scenes as a KITTI folder, once, and prepares them."""
    if not root.exists():
        print(f"renders {len(FRAMES)} frames to {root}", flush=True)
        write_kitti(root, FRAMES, height=HEIGHT, width=WIDTH, depth_share=0.19)
    source = KittiSource(root, "train")
    start = time.perf_counter()
    records = open_records(Kitti, source, root / "prepared")
    print(f"opened {records.count} records in {time.perf_counter() - start:.1f} s")
    pictures = sorted(root.glob("*/*/image_02/data/*.png"))
    depths = sorted(root.glob("data_depth_annotated/*/*/proj_depth/*/image_02/*.png"))
    return records, list(zip(pictures, depths, strict=True))


def ours(records: Records, num_steps: int, first_step: int = 0) -> Iterator:
    """Makes batches of our pipeline and puts them on the device."""
    batches = train_batches(
        Mixture.of([records], [1.0]),
        crop=CROP,
        augmentation=Augmentation(**AUGMENTATIONS["eigen_kitti"]),
        batch_size=BATCH_SIZE,
        seed=0,
        first_step=first_step,
        num_steps=num_steps,
    )
    for batch in split_over_devices(batches):
        yield jax.block_until_ready(jax.device_put(batch))


def images_a_second(batches: Iterator, count: int) -> float:
    """Measures the rate from the third batch on, when all workers are at work."""
    next(batches), next(batches)
    start = time.perf_counter()
    for _ in range(count - 2):
        next(batches)
    return BATCH_SIZE * (count - 2) / (time.perf_counter() - start)


def first_wait(records: Records, step: int) -> float:
    """Measures the seconds until the first batch, on as many frames as KITTI has."""

    def read(index: int) -> bytes:
        return records.read(index % records.count)

    many = dataclasses.replace(records, count=KITTI_TRAIN_FRAMES, read=read)
    start = time.perf_counter()
    next(ours(many, num_steps=100_000, first_step=step))
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
