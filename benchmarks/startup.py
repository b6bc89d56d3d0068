"""Seconds from a command to its first answer: help, imports, the first finished step.

    python -m benchmarks.startup

Trains ResNet-101 with frozen normalisation, from weights in a file, on crops of
210 x 400, one at a time, of street scenes that are prepared beforehand. Each start is a
new run in a process of its own, which is killed after its second step. In each round
the first start finds no compiled program, and the second one finds all. The step is
timed by the second one, from the end of the first.
"""

import argparse
import dataclasses
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.memory import recipe
from benchmarks.pairing import describe
from deepdepth_jax import build
from deepdepth_jax.compiled import FOLDER
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.pretrained import Backbone, Metadata, save_backbone
from deepdepth_jax.state import initial_variables

COMMAND = (sys.executable, "-m", "deepdepth_jax.main", "--config=configs/streets.py")
FIELDS = {
    "data.streets.train_scenes": 8,
    "data.streets.val_scenes": 0,
    "data.streets.test_scenes": 1,
    "data.streets.height": 210,
    "data.streets.width": 400,
    "model.backbone": "resnet101",
    "model.width": 64,
    "model.output_stride": 8,
    "model.aspp_rates": (6, 12, 18, 24),
    "model.norm": "frozen",
    "train.optimizer": "sgd",
    "train.batch_size": 1,
    "train.crop": (210, 400),
    "train.num_steps": 3,
    "train.log_every": 1,
    "eval.every": 0,
}
POLL_S = 0.02


@dataclasses.dataclass
class Start:
    """What a start took, in seconds.

    Attributes:
      first_step_s: from the command to the end of the first step.
      compiling_s: of these, in XLA's compiler, or reading what it had compiled.
      step_s: the second step, its waiting for data included.
    """

    first_step_s: float
    compiling_s: float
    step_s: float

    @property
    def before_step_s(self) -> float:
        """The start without the step itself."""
        return self.first_step_s - self.step_s


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="starts of each kind")
    rounds = range(parser.parse_args().rounds)
    report("--help", [process_s(*COMMAND, "--help") for _ in rounds])
    for module in ("deepdepth_jax", "deepdepth_jax.predictor", "deepdepth_jax.train"):
        program = sys.executable, "-c", f"import {module}"
        report(f"import {module}", [process_s(*program) for _ in rounds])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_weights(folder / "weights.safetensors")
        process_s(*command(folder), "--mode=prepare")
        pairs = []
        for _ in rounds:
            shutil.rmtree(folder / FOLDER, ignore_errors=True)
            pairs.append((start(folder), start(folder)))
        kept = [path.stat().st_size for path in (folder / FOLDER).glob("*-cache")]
    for title, starts in zip(
        ("first", "second"), zip(*pairs, strict=True), strict=True
    ):
        report_starts(title, starts)
    print(f"kept: {len(kept)} programs, {sum(kept) / 1e6:.1f} MB")


def report(title: str, seconds: list[float]) -> None:
    """Prints a line of the table."""
    print(f"{title:32}{describe(seconds, 's')}", flush=True)


def report_starts(title: str, starts: tuple[Start, ...]) -> None:
    """Prints what starts of one kind took."""
    for field in ("first_step_s", "compiling_s", "step_s", "before_step_s"):
        words = field.removesuffix("_s").replace("_", " ")
        report(f"{title} start, {words}", [getattr(each, field) for each in starts])


def command(folder: Path) -> list[str]:
    """Gives the command that trains below a folder."""
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
    variables = initial_variables(build.network(config).model, config.seed)
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
    """Runs a process to its end and gives the time it took."""
    begun = time.perf_counter()
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def start(folder: Path) -> Start:
    """Starts a new run, lets it take two steps, and kills it."""
    shutil.rmtree(folder / "run", ignore_errors=True)
    log = folder / "log.txt"
    begun = time.perf_counter()
    with log.open("w") as file:
        process = subprocess.Popen(
            command(folder),
            stdout=file,
            stderr=file,
            env=os.environ | {"JAX_LOG_COMPILES": "1"},
        )
    ends = []
    for steps in (1, 2):
        while count_steps(folder) < steps:
            if process.poll() is not None:
                raise RuntimeError(log.read_text())
            time.sleep(POLL_S)
        ends.append(time.perf_counter())
    process.kill()
    process.wait()
    seconds = re.findall(
        r"Finished XLA compilation .* in ([\d.e-]+) sec", log.read_text()
    )
    return Start(ends[0] - begun, sum(map(float, seconds)), ends[1] - ends[0])


def count_steps(folder: Path) -> int:
    """Counts the steps that a run has logged, which it does when they are finished."""
    path = folder / "run" / "metrics.jsonl"
    return path.read_text().count("\n") if path.exists() else 0


if __name__ == "__main__":
    main()
