"""Seconds from a command to its first answer: help, imports, the first finished step.

    python -m benchmarks.startup

Trains ResNet-101 with frozen normalisation, from weights in a file, on crops of
210 x 400, one at a time, of street scenes that are prepared beforehand. Each start is a
new run in a process of its own, which is killed after its second step. In each round
the first start finds no compiled program, and the second one finds all. The step is
timed by the second one, from the end of the first. Memory is the most that the process
had until then, workers not counted. PyTorch's is a program that loads weights and
trains on images in files, and does nothing else.
"""

import argparse
import dataclasses
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks.command import Benchmark, run
from benchmarks.memory import recipe
from benchmarks.table import FORMS, OURS, Row
from benchmarks.torch_network import Network
from benchmarks.torch_start import CROP, STEP
from deepdepth_jax.datasets.kitti.eigen import Frame
from deepdepth_jax.datasets.streets.layouts import write_kitti
from deepdepth_jax.models.build import build_network, initial_variables
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.pretrained import Backbone, Metadata, save_backbone
from deepdepth_jax.runtime.compiled import FOLDER

COMMAND = ("-m", "deepdepth_jax.main", "--config=configs/streets.py")
FIELDS = {
    "data.streets.train_scenes": 8,
    "data.streets.val_scenes": 0,
    "data.streets.test_scenes": 1,
    "data.streets.height": CROP[0],
    "data.streets.width": CROP[1],
    "model.backbone": "resnet101",
    "model.width": 64,
    "model.output_stride": 8,
    "model.aspp_rates": (6, 12, 18, 24),
    "model.norm": "frozen",
    "train.optimizer": "sgd",
    "train.batch_size": 1,
    "train.crop": CROP,
    "train.num_steps": 3,
    "train.log_every": 1,
    "eval.every": 0,
}
POLL_S = 0.02
TORCH_FOLDER = ".torch_cache"


FRAMES = [Frame("2011_09_26", "0001", 2, index) for index in range(5, 13)]
MODULES = (
    "deepdepth_jax",
    "deepdepth_jax.inference.predictor",
    "deepdepth_jax.training.loop",
)


@dataclasses.dataclass
class Start:
    """What a start took.

    Attributes:
      first_step_s: from the command to the end of the first step.
      compiling_s: of these, in XLA's compiler, or reading JAX's cache. A kept step is
        read without either.
      step_s: the second step, its waiting for data included.
      peak_gb: the most memory of the process.
    """

    first_step_s: float
    compiling_s: float
    step_s: float
    peak_gb: float

    @property
    def before_step_s(self) -> float:
        """The start without the step itself."""
        return self.first_step_s - self.step_s


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this benchmark: none."""
    del parser


def rows(arguments: argparse.Namespace) -> Iterator[Row]:
    """Measures help and imports, and starts beside PyTorch's."""
    rounds = arguments.rounds
    yield Row("--help", {OURS: [process_s(*COMMAND, "--help") for _ in range(rounds)]})
    for name in MODULES:
        seconds = [process_s("-c", f"import {name}") for _ in range(rounds)]
        yield Row(f"import {name}", {OURS: seconds})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        starts: dict[str, list[tuple[Start, Start]]] = {OURS: []}
        starts |= {form: [] for form in arguments.forms}
        for _ in range(rounds):
            for program, found in starts.items():
                for kept in (FOLDER, TORCH_FOLDER):
                    shutil.rmtree(folder / kept, ignore_errors=True)
                found.append((start(program, folder), start(program, folder)))
    for index, title in enumerate(("first", "second")):
        of_title = {
            program: [pair[index] for pair in found]
            for program, found in starts.items()
        }
        peak_gb = {
            program: max(each.peak_gb for each in found)
            for program, found in of_title.items()
        }
        for field in ("first_step_s", "step_s", "before_step_s", "compiling_s"):
            yield Row(
                f"{title} start, {field.removesuffix('_s').replace('_', ' ')}",
                {
                    program: [getattr(each, field) for each in found]
                    for program, found in of_title.items()
                    if program == OURS or field != "compiling_s"
                },
                peak_gb=peak_gb if field == "first_step_s" else {},
            )


def prepare(folder: Path) -> None:
    """Draws weights and renders images, for both."""
    write_weights(folder / "weights.safetensors")
    process_s(*command(OURS, folder), "--mode=prepare")
    weights = Network(FORMS[0]).model.state_dict()
    torch.save(weights, folder / "weights.pth")
    size = {"height": CROP[0], "width": CROP[1]}
    write_kitti(folder / "kitti", FRAMES, depth_share=1.0, **size)


def command(program: str, folder: Path) -> list[str]:
    """Returns the arguments of Python that train below a folder."""
    if program != OURS:
        files = folder / "weights.pth", folder / "kitti"
        return ["-m", "benchmarks.torch_start", program, *map(str, files)]
    fields = FIELDS | {
        "data.prepared_dir": folder / "prepared",
        "model.pretrained": folder / "weights.safetensors",
    }
    return [
        *COMMAND,
        f"--workdir={folder / 'run'}",
        *(f"--config.{field}={value}" for field, value in fields.items()),
    ]


def write_weights(path: Path) -> None:
    """Draws a backbone at random and saves it as if it had been converted."""
    config = recipe("float32", "none", 1)
    variables = initial_variables(build_network(config).model, config.seed)
    metadata = Metadata(
        architecture="resnet101",
        width=64,
        stride_on="1x1",
        convention=CONVENTIONS["imagenet_rgb"],
        batch_norm_epsilon=1e-5,
        source="torchvision",
        source_file="drawn at random",
        source_sha256="0" * 64,
        source_batch_norm_epsilon=1e-5,
    )
    params, statistics = (
        variables[kind]["backbone"] for kind in ("params", "batch_stats")
    )
    save_backbone(path, Backbone(params, statistics, metadata))


def process_s(*arguments: str) -> float:
    """Runs Python to its end and gives the time it took."""
    begun = time.perf_counter()
    subprocess.run((sys.executable, *arguments), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def start(program: str, folder: Path) -> Start:
    """Starts a new run, lets it take two steps, and kills it."""
    shutil.rmtree(folder / "run", ignore_errors=True)
    log = folder / "log.txt"
    kept = {
        "JAX_LOG_COMPILES": "1",
        "TORCHINDUCTOR_CACHE_DIR": str(folder / TORCH_FOLDER),
    }
    begun = time.perf_counter()
    with log.open("w") as file:
        process = subprocess.Popen(
            (sys.executable, *command(program, folder)),
            stdout=file,
            stderr=file,
            env={**os.environ, **kept},
            start_new_session=True,
        )
    ends = []
    for steps in (1, 2):
        while count_steps(program, folder) < steps:
            if process.poll() is not None:
                raise RuntimeError(log.read_text())
            time.sleep(POLL_S)
        ends.append(time.perf_counter())
    peak_gb = peak_bytes(process.pid) / 1e9
    os.killpg(process.pid, signal.SIGKILL)  # with the workers of PyTorch's loader
    process.wait()
    seconds = re.findall(
        r"Finished XLA compilation .* in ([\d.e-]+) sec", log.read_text()
    )
    compiling_s = sum(map(float, seconds))
    return Start(ends[0] - begun, compiling_s, ends[1] - ends[0], peak_gb)


def peak_bytes(process: int) -> int:
    """Returns the peak memory of a process, as reported by Linux."""
    status = Path(f"/proc/{process}/status").read_text()
    [kilobytes] = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(kilobytes) * 1024


def count_steps(program: str, folder: Path) -> int:
    """Counts the steps that a run has told of, which it does when they are finished."""
    if program == OURS:
        path = folder / "run" / "metrics.jsonl"
        return path.read_text().count("\n") if path.exists() else 0
    return (folder / "log.txt").read_text().splitlines().count(STEP)


BENCHMARK = Benchmark("startup", add_options, rows)

if __name__ == "__main__":
    run("startup", __doc__, [BENCHMARK])
