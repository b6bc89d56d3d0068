"""How the training step grows with crop, batch, bins and devices, read off programs.

    python -m benchmarks.scaling

ResNet-101 with frozen normalisation and SGD, as in configs/kitti.py. Nothing is run:
memory is what the programs say of themselves, compiled for a CPU in float32. Work is
counted layer by layer. Devices are those of XLA's host platform, a process for each
number of them. The last table is an estimate for machines that nothing was run on, by
the assumptions in `MACHINES`.
"""

import argparse
import dataclasses
import math
import os
import re
import subprocess
import sys
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp

from benchmarks.memory import compile_step, memory_gb, recipe
from deepdepth_jax.config import Config, with_fields
from deepdepth_jax.models.build import build_network
from deepdepth_jax.models.deeplab import ASPP
from deepdepth_jax.models.layers import Conv
from deepdepth_jax.training.build import build_abstract_state

SIZES = (  # height, width, batch, bins
    (210, 400, 1, 71),
    (420, 800, 1, 71),
    (420, 800, 2, 71),
    (420, 800, 3, 71),
    (420, 800, 1, 142),
)
DEVICES = (1, 2, 4, 8)
SMALL_CROP = (193, 193)
"""Devices add up the same for every crop that the head's widest taps reach into. In a
smaller one the gradients of its kernels are alike, and XLA adds up only one of them."""
BYTES = {"f32": 4, "s32": 4, "u32": 4, "bf16": 2, "u8": 1, "pred": 1}


@dataclasses.dataclass(frozen=True)
class Machine:
    """Assumptions about a machine.

    Attributes:
      title: what it is.
      gpus: how many.
      peak_tflops: of one GPU, at the precision that is assumed.
      sustained: share of the peak that the whole step reaches.
      bus_gb_s: bytes a second that each GPU passes on in an all-reduce over a ring.
    """

    title: str
    gpus: int
    peak_tflops: float
    sustained: float
    bus_gb_s: float

    def compute_s(self, flops: float) -> float:
        """Returns the time of a GPU's own part of the step."""
        return flops / (self.peak_tflops * 1e12 * self.sustained)

    def reduce_s(self, count: int) -> float:
        """Returns the time to add up so many bytes over all GPUs."""
        return 2 * (self.gpus - 1) / self.gpus * count / (self.bus_gb_s * 1e9)


# NVIDIA's data sheet of the A100 SXM: 312 TFLOP/s in bfloat16, 156 in TF32, dense.
MACHINES = tuple(
    Machine(f"A100, {precision}, {link}", gpus, peak, 0.35, bus)
    for precision, peak in (("TF32", 156.0), ("bfloat16", 312.0))
    for gpus, link, bus in (
        (1, "alone", math.inf),
        (8, "NVLink", 230.0),
        (8, "PCIe", 20.0),
    )
)
BATCH_PER_GPU = 3
IMAGES = 300_000
"""That the paper's 100 000 steps of 3 learn from."""


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", action="store_true", help=argparse.SUPPRESS)
    if parser.parse_args().devices:
        report_devices()
        return
    report_sizes()
    titles = "state each", "batch each", "all-reduces", "bytes"
    print(f"\n{'devices':>7}" + "".join(f"{title:>14}" for title in titles), flush=True)
    for count in DEVICES:
        flags = f"--xla_force_host_platform_device_count={count}"
        subprocess.run(
            [sys.executable, "-m", "benchmarks.scaling", "--devices"],
            env=os.environ | {"XLA_FLAGS": flags},
            check=True,
        )
    report_estimate()


def sized(height: int, width: int, batch: int, bins: int) -> Config:
    """Returns the paper's config at another size."""
    return with_fields(
        recipe("float32", "none", 1),
        {
            "train.crop": (height, width),
            "train.batch_size": batch,
            "bins.num_bins": bins,
        },
    )


def report_sizes() -> None:
    """Prints memory and work over crop, batch and bins."""
    print(
        f"{'crop':>10}{'batch':>6}{'bins':>6}{'state GB':>10}{'step GB':>9}"
        f"{'TFLOP':>8}{'XLA says':>10}"
    )
    for size in SIZES:
        height, width, batch, bins = size
        config = sized(*size)
        compiled = compile_step(config)
        state_gb, step_gb = memory_gb(compiled)
        said = cast(dict[str, float], compiled.cost_analysis())["flops"] / 1e12
        print(
            f"{f'{height}x{width}':>10}{batch:6}{bins:6}{state_gb:10.2f}{step_gb:9.2f}"
            f"{step_flops(config) / 1e12:8.2f}{said:10.2f}",
            flush=True,
        )


def step_flops(config: Config) -> float:
    """Counts the multiplications and additions of a step's convolutions.

    A kernel's gradient and its input's cost what the layer itself does. Nobody needs
    the gradient of the image.
    """
    counts: list[int] = []

    def count(
        call: Any,
        args: tuple,
        kwargs: dict[str, Any],
        context: nn.module.InterceptorContext,
    ) -> Any:
        y = call(*args, **kwargs)
        layer, taps = context.module, 0
        if isinstance(layer, Conv):
            taps = layer.kernel_size**2
        elif isinstance(layer, ASPP):
            taps = 3 * 3 * len(layer.rates)
        if taps and context.method_name == "__call__":
            counts.append(2 * y.size * taps * args[0].shape[-1])
        return y

    size = (config.train.batch_size, *config.train.crop, 3)
    with nn.intercept_methods(count):
        jax.eval_shape(
            build_network(config).model.init, jax.random.key(0), jnp.zeros(size)
        )
    return 3.0 * sum(counts) - counts[0]


def report_devices() -> None:
    """Prints, for the devices of this process, what is split, copied and added up."""
    count = jax.device_count()
    compiled = compile_step(sized(*SMALL_CROP, count, 71))
    (state, batch), _ = compiled.input_shardings
    shapes = compiled.args_info[0]
    state_mb, batch_mb = (
        sum(
            math.prod(sharding.shard_shape(x.shape)) * x.dtype.itemsize
            for sharding, x in zip(*map(jax.tree.leaves, pair), strict=True)
        )
        / 1e6
        for pair in ((state, shapes[0]), (batch, shapes[1]))
    )
    sizes = all_reduced_bytes(cast(str, compiled.as_text()))
    print(
        f"{count:7}{state_mb:11.2f} MB{batch_mb:11.4f} MB"
        f"{len(sizes):14}{sum(sizes):14,}",
        flush=True,
    )


def all_reduced_bytes(program: str) -> list[int]:
    """Finds the all-reduces of a compiled program, and the bytes that each adds up."""
    calls = re.findall(r" = (.+?) all-reduce(?:-start)?\(", program)
    return [
        sum(
            math.prod(map(int, filter(None, shape.split(",")))) * BYTES[kind]
            for kind, shape in re.findall(r"(\w+)\[([\d,]*)\]", call)
        )
        for call in calls
    ]


def report_estimate() -> None:
    """Prints what machines would take if the assumptions about them held."""
    config = sized(420, 800, BATCH_PER_GPU, 71)
    flops = step_flops(config)
    count = 4 * sum(
        x.size for x in jax.tree.leaves(build_abstract_state(config).params)
    )
    print(
        f"\nestimate, not run: {BATCH_PER_GPU} images of 420 x 800 on each GPU, "
        f"{flops / 1e12:.2f} TFLOP and {count / 1e6:.0f} MB to add up a step"
    )
    titles = "GPUs", "compute", "add up", "images/s", "hours"
    print(f"{'GPU':24}" + "".join(f"{title:>11}" for title in titles))
    for machine in MACHINES:
        compute_s, reduce_s = machine.compute_s(flops), machine.reduce_s(count)
        speed = machine.gpus * BATCH_PER_GPU / (compute_s + reduce_s)
        print(
            f"{machine.title:24}{machine.gpus:11}{1e3 * compute_s:8.0f} ms"
            f"{1e3 * reduce_s:8.1f} ms{speed:11.0f}{IMAGES / speed / 3600:11.1f}"
        )


if __name__ == "__main__":
    main()
