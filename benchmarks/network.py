"""Training step, prediction and their memory beside PyTorch's, and beside the limit.

    python -m benchmarks.network

ResNet-101 as in configs/kitti.py. Each program runs in a process of its own, and they
alternate: A B A B ... PyTorch's runs in each of its usual forms, and the ratio
is to the fastest of them. The limit is a product of large matrices, measured in the
same rounds: the share of it counts the multiplications of the plain convolutions.

Where JAX finds a GPU, all of it runs there. Float32 convolutions and matrix products
are computed in TF32 then, as is usual in both, and memory is the GPU's.
JAX_PLATFORMS=cpu keeps it on the CPU. With --precision=bfloat16 there are only training
steps, as we predict in float32. PyTorch's has autocast.
"""

import argparse
import dataclasses
import functools
import statistics
from collections.abc import Iterator
from typing import get_args

import jax
import numpy as np
import torch

from benchmarks.child import Child, Work
from benchmarks.command import Benchmark, run
from benchmarks.memory import recipe
from benchmarks.pairing import alternate
from benchmarks.table import Row
from benchmarks.torch_network import (
    Network,
    matrix_product,
    multiplications,
    predictor,
    training,
)
from deepdepth_jax.config import Config, with_fields
from deepdepth_jax.inference.runner import build_prediction
from deepdepth_jax.models.build import build_network, initial_variables
from deepdepth_jax.models.conv.recompute import Remat
from deepdepth_jax.runtime.compiled import hand_back_memory
from deepdepth_jax.training.build import build_train_step
from deepdepth_jax.training.first_state import build_first_state
from deepdepth_jax.types import Batch, Trained

LIMIT = "matrix product"
LIMIT_SIZE = {"cpu": 2048, "cuda": 8192}


@dataclasses.dataclass(frozen=True)
class Case:
    """What is done: with which batch, and which share of its pixels carries depth.

    A share of None is a prediction, others are training steps.
    """

    batch: int
    height: int
    width: int
    share: float | None = None
    precision: str = "float32"

    def __str__(self) -> str:
        """Names it in a table."""
        size = f"{self.batch} x {self.height} x {self.width}"
        if self.share is None:
            return f"prediction, {size}"
        step = f"training step, {size}, depth at {self.share:.0%}"
        return step if self.precision == "float32" else f"{step}, {self.precision}"

    @classmethod
    def of(cls, text: str) -> "Case":
        """Reads a command line's `BATCHxHEIGHTxWIDTH[@SHARE]`.

        Raises:
          ValueError: it is something else.
        """
        size, _, share = text.partition("@")
        batch, height, width = map(int, size.split("x"))
        return cls(batch, height, width, float(share) if share else None)

    def arrays(self) -> Batch:
        """Draws images and depth."""
        rng = np.random.default_rng(0)
        size = (self.batch, self.height, self.width)
        image = rng.integers(0, 256, (*size, 3), np.uint8)
        depth_m = rng.uniform(1, 80, size).astype(np.float32)
        depth_m[rng.uniform(size=size) >= (self.share or 0)] = 0
        return Batch(image=image, depth_m=depth_m)

    def config(self, remat: Remat = "none") -> Config:
        """Returns the network's config, with frozen statistics as initialised."""
        return with_fields(
            recipe(self.precision, remat, 1),
            {
                "train.batch_size": self.batch,
                "train.crop": (self.height, self.width),
                "eval.batch_size": self.batch,
                "eval.decode": "expectation",
            },
        )


CASES = (
    Case(1, 210, 400, 0.04),
    Case(1, 210, 400, 0.19),
    Case(1, 210, 400, 1.0),
    Case(1, 375, 1242),
    Case(3, 420, 800, 0.04),
    Case(3, 420, 800, 0.19),
    Case(3, 420, 800, 1.0),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this benchmark."""
    parser.add_argument(
        "--case",
        type=Case.of,
        action="append",
        metavar="BATCHxHEIGHTxWIDTH[@SHARE]",
        help="instead of all: a training step whose pixels have depth at that share, "
        "or a prediction; may be given several times",
    )
    parser.add_argument(
        "--precision", nargs="+", choices=("float32", "bfloat16"), default=["float32"]
    )
    parser.add_argument(
        "--remat",
        nargs="+",
        choices=get_args(Remat),
        default=["none", "selective"],
        help="train.remat of our steps; PyTorch is measured once for all",
    )


def rows(arguments: argparse.Namespace) -> Iterator[Row]:
    """Measures all cases in all precisions."""
    if device() == "cuda" and not torch.cuda.is_available():
        raise SystemExit("JAX finds a GPU and PyTorch does not: JAX_PLATFORMS=cpu")
    for precision in arguments.precision:
        for case in arguments.case or CASES:
            if precision == "float32" or case.share is not None:
                chosen = dataclasses.replace(case, precision=precision)
                yield from compare_case(chosen, arguments)


def compare_case(case: Case, arguments: argparse.Namespace) -> Iterator[Row]:
    """Measures all programs on one case, and gives a row for each of ours."""
    remats = ["none"] if case.share is None else arguments.remat
    children = {remat: Child(ours, case, remat) for remat in remats}
    children |= {form: Child(peer, form, device(), case) for form in arguments.forms}
    work = multiplications(case.batch, case.height, case.width)
    if case.share is not None:
        work *= 3  # the gradients of input and kernel are as large again
    found = compare(str(case), children, work, arguments.rounds, case.precision)
    for remat in remats:
        what = str(case) if remat == "none" else f"{case}, train.remat={remat}"
        yield found.choose(what, remat)


def compare(
    what: str,
    children: dict[str, Child],
    work: int,
    rounds: int,
    precision: str = "float32",
) -> Row:
    """Measures programs interleaved, and the limit with them. Ends them.

    Args:
      what: they do.
      children: the programs.
      work: the multiplications that it takes.
      rounds: of turns.
      precision: of the limit.
    """
    size = LIMIT_SIZE[device()]
    children[LIMIT] = Child(matrix_product, size, device(), precision)
    measures = {name: child.seconds for name, child in children.items()}
    seconds = alternate(measures, rounds)
    product_s = statistics.median(seconds.pop(LIMIT))
    children.pop(LIMIT).close()
    row = Row(
        what,
        seconds,
        first_s={name: child.first_s for name, child in children.items()},
        peak_gb={name: child.peak_gb() for name, child in children.items()},
        limit_s=work / size**3 * product_s,
    )
    for child in children.values():
        child.close()
    return row


def device() -> str:
    """Names the device that all run on, as PyTorch calls it: JAX's."""
    return "cuda" if jax.default_backend() == "gpu" else "cpu"


def ours(case: Case, remat: Remat) -> Work:
    """Builds our program, with its state."""
    hand_back_memory()  # as commands do
    config, arrays = case.config(remat), case.arrays()
    if case.share is None:
        variables = initial_variables(build_network(config).model, seed=0)
        predict = build_prediction(config)
        return functools.partial(predict, Trained(variables), arrays.image)
    train_step, state = build_train_step(config), build_first_state(config)
    batch = jax.device_put(jax.tree.map(lambda x: x[None], arrays))

    def step() -> None:
        nonlocal state
        state, _ = jax.block_until_ready(train_step(state, batch))

    return step


def peer(form: str, device: str, case: Case) -> Work:
    """Builds PyTorch's program."""
    arrays = case.arrays()
    image, depth_m = np.asarray(arrays.image), np.asarray(arrays.depth_m)
    network = Network(form, device, case.precision)
    if case.share is None:
        return functools.partial(predictor(network), image)
    return training(network, image, depth_m)


BENCHMARK = Benchmark("network", add_options, rows)

if __name__ == "__main__":
    run("network", __doc__, [BENCHMARK])
