"""Training step, prediction and their memory beside PyTorch's, and beside the limit.

    python -m benchmarks.network

ResNet-101 as in configs/kitti.py. Each program runs in a process of its own, and they
work by turns: A B A B ... PyTorch's is given in each of its usual forms, and the ratio
is to the fastest of them. The limit is a product of large matrices, measured in the
same rounds: the share of it counts the multiplications of the plain convolutions.
"""

import argparse
import dataclasses
import functools
import json
import statistics
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from benchmarks.child import Child, Work
from benchmarks.memory import recipe
from benchmarks.pairing import alternate, describe, ratios
from benchmarks.torch_network import (
    FORMS,
    inference,
    matrix_product,
    multiplications,
    training,
)
from deepdepth_jax import build
from deepdepth_jax.inference import Trained
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.state import initial_variables
from deepdepth_jax.types import Batch

LIMIT = "matrix product"
LIMIT_SIZE = 2048


@dataclasses.dataclass(frozen=True)
class Case:
    """What is done: with which batch, and which share of its pixels carries depth.

    A share of None is a prediction, others are training steps.
    """

    batch: int
    height: int
    width: int
    share: float | None = None

    def __str__(self) -> str:
        """Names it in a table."""
        size = f"{self.batch} x {self.height} x {self.width}"
        if self.share is None:
            return f"prediction, {size}"
        return f"training step, {size}, depth at {self.share:.0%}"

    def arrays(self) -> Batch:
        """Draws pictures and depth."""
        rng = np.random.default_rng(0)
        size = (self.batch, self.height, self.width)
        image = rng.integers(0, 256, (*size, 3), np.uint8)
        depth_m = rng.uniform(1, 80, size).astype(np.float32)
        depth_m[rng.uniform(size=size) >= (self.share or 0)] = 0
        return Batch(image=image, depth_m=depth_m)

    def config(self) -> ConfigDict:
        """Gives the config of the network; frozen statistics are those of new ones."""
        config = recipe("float32", "none", 1)
        config.train.update(batch_size=self.batch, crop=(self.height, self.width))
        config.eval.update(batch_size=self.batch, decode="expectation")
        return config


CASES = (
    Case(1, 210, 400, 0.04),
    Case(1, 210, 400, 0.19),
    Case(1, 210, 400, 1.0),
    Case(1, 375, 1242),
)
LARGE_CASES = (Case(3, 420, 800, 0.19), Case(3, 420, 800, 1.0))


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--large", action="store_true", help="the paper's crops and batch too: minutes"
    )
    parser.add_argument("--output", type=Path, default=Path("runs/benchmark/network"))
    arguments = parser.parse_args()
    found = {}
    for case in CASES + LARGE_CASES * arguments.large:
        found[str(case)] = compare(case, arguments.rounds)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    path = arguments.output.with_suffix(".json")
    path.write_text(json.dumps(found, indent=2) + "\n")
    print(f"wrote {path}")


def compare(case: Case, rounds: int) -> dict[str, Any]:
    """Measures both programs on one case, prints, and gives the figures."""
    print(f"\n{case}", flush=True)
    children = {"ours": Child(ours, case)}
    children |= {form: Child(peer, form, case) for form in FORMS}
    children[LIMIT] = Child(matrix_product, LIMIT_SIZE)
    measures = {name: child.seconds for name, child in children.items()}
    seconds = alternate(measures, rounds)
    peak_gb = {name: child.peak_gb() for name, child in children.items()}
    first_s = {name: child.first_s for name, child in children.items()}
    for child in children.values():
        child.close()
    fastest = min(FORMS, key=lambda form: statistics.median(seconds[form]))
    rate = LIMIT_SIZE**3 / statistics.median(seconds[LIMIT])
    work = multiplications(case.batch, case.height, case.width)
    if case.share is not None:
        work *= 3  # the gradients of input and kernel are as large again
    for name in ("ours", *FORMS):
        share = work / statistics.median(seconds[name]) / rate
        print(
            f"  {name:24} {describe(seconds[name], 's')}, {share:.0%} of the limit; "
            f"first {first_s[name]:.0f} s, {peak_gb[name]:.2f} GB"
        )
    ratio = ratios(seconds["ours"], seconds[fastest])
    memory = peak_gb["ours"] / peak_gb[fastest]
    print(f"  ours to {fastest}: {describe(ratio, 'times')}, memory {memory:.2f} times")
    return {"seconds": seconds, "peak_gb": peak_gb, "first_s": first_s, "rate": rate}


def ours(case: Case) -> Work:
    """Builds our program, with its state."""
    config, arrays = case.config(), case.arrays()
    if case.share is None:
        variables = initial_variables(build.network(config).model, seed=0)
        run = build.prediction(config)
        return functools.partial(run, Trained(variables), arrays.image)
    train_step, state = build.train_step(config), build.first_state(config)
    batch = jax.device_put(jax.tree.map(lambda x: x[None], arrays))

    def step() -> None:
        nonlocal state
        state, _ = jax.block_until_ready(train_step(state, batch))

    return step


def peer(form: str, case: Case) -> Work:
    """Builds PyTorch's program."""
    arrays, bins = case.arrays(), build.depth_bins(case.config())
    image = np.asarray(CONVENTIONS["imagenet_rgb"](arrays.image))
    if case.share is None:
        return inference(form, image, bins.centers_m)
    labels = np.asarray(bins.label(arrays.depth_m))
    return training(form, image, labels)


if __name__ == "__main__":
    main()
