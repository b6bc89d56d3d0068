"""Seconds until images of all five sizes of KITTI are predicted, from no program on.

    python -m benchmarks.sizes

Once with images padded to their size class, as they are predicted, and once with a
program for each size. ResNet-101, one image of each size, confidence included.
"""

import argparse
import time
from collections.abc import Callable

import jax
import numpy as np

from deepdepth_jax.config import complete, default_config
from deepdepth_jax.inference.posterior import PixelPosterior
from deepdepth_jax.inference.runner import Runner
from deepdepth_jax.inference.steps import PredictStep
from deepdepth_jax.models.build import build_network, initial_variables
from deepdepth_jax.types import Trained
from deepdepth_jax.weights.adopt import adopt_pretrained

SIZES = (375, 1242), (376, 1241), (374, 1238), (370, 1226), (370, 1224)


def main() -> None:
    """Measures and prints both."""
    parser = argparse.ArgumentParser(description="Time KITTI's five sizes from cold.")
    parser.add_argument("--backbone", default="resnet101", help="of the network")
    config = default_config()
    config.model.update(backbone=parser.parse_args().backbone, norm="trained")
    parts = build_network(adopt_pretrained(complete(config)))
    trained = Trained(initial_variables(parts.model, seed=0))
    posterior = PixelPosterior(parts.model, parts.head, parts.convention)
    step = PredictStep(posterior, "expectation")
    print("| program | " + " | ".join(f"{h} x {w}" for h, w in SIZES) + " | all |")
    print("|---" * (len(SIZES) + 2) + "|")
    for name, run in (
        ("of a size class", Runner(step, batch_size=1)),
        ("of each size", jax.jit(step)),
    ):
        seconds = [seconds_of(run, trained, size) for size in SIZES]
        cells = " | ".join(f"{value:.1f} s" for value in [*seconds, sum(seconds)])
        print(f"| {name} | {cells} |", flush=True)


def seconds_of(
    run: Callable[..., object], trained: Trained, size: tuple[int, int]
) -> float:
    """Times a prediction, and compiling it if that is needed."""
    image = np.random.default_rng(0).integers(0, 256, (1, *size, 3), np.uint8)
    start = time.perf_counter()
    jax.block_until_ready(run(trained, image))
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
