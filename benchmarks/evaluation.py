"""Seconds to evaluate images, beside a plain loop with PyTorch and NumPy.

    python -m benchmarks.evaluation

ResNet-101 at KITTI's real size: PNG images of 1242 x 375 with depth at 19% of the
pixels, predicted one by one, the expected depth held against the truth in Garg's crop.
Ours is measured twice: as after each interval of a training (depth, confidence, all
depth metrics), and as by --mode=evaluate (also metrics by distance and median-scaled,
calibration and sparsification). The loop finds depth and the same metrics.
"""

import argparse
import dataclasses
import functools
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.child import Child, Work
from benchmarks.command import Benchmark, run
from benchmarks.input_pipeline import HEIGHT, ROOT, WIDTH, prepared
from benchmarks.network import Case, compare, device
from benchmarks.table import Row
from benchmarks.torch_evaluation import evaluate_files
from benchmarks.torch_network import multiplications
from deepdepth_jax.config import Config, with_fields
from deepdepth_jax.datasets.pipeline import read_examples
from deepdepth_jax.datasets.records import Records
from deepdepth_jax.evaluation.evaluate import measure
from deepdepth_jax.evaluation.protocol import Protocol
from deepdepth_jax.evaluation.validation import validate
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.inference.batching import in_batches
from deepdepth_jax.inference.runner import build_prediction, build_scoring
from deepdepth_jax.models.build import build_network, initial_variables
from deepdepth_jax.runtime import cli
from deepdepth_jax.runtime.compiled import hand_back_memory
from deepdepth_jax.types import Example, Trained
from deepdepth_jax.uncertainty.summary import UncertaintySummary


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this benchmark."""
    parser.add_argument(
        "--images", type=cli.count, default=4, help="that are evaluated"
    )


def rows(arguments: argparse.Namespace) -> Iterator[Row]:
    """Measures both evaluations of ours, and PyTorch's once for both."""
    files = prepared(ROOT)[1][: arguments.images]
    kinds = {"metrics": metrics_of, "everything": everything_of}
    children = {kind: Child(ours, of, len(files)) for kind, of in kinds.items()}
    children |= {
        form: Child(evaluate_files, form, device(), files) for form in arguments.forms
    }
    work = len(files) * multiplications(1, HEIGHT, WIDTH)
    found = compare("evaluation", children, work, arguments.rounds)
    for kind in kinds:
        what = f"evaluation, {len(files)} x {HEIGHT} x {WIDTH}, {kind}"
        yield found.choose(what, kind)


def ours(of: Callable[[Config, Trained, Records], Work], images: int) -> Work:
    """Builds one of our evaluations."""
    hand_back_memory()  # as commands do
    config = with_fields(Case(1, HEIGHT, WIDTH).config(), {"eval.crop": "garg"})
    variables = initial_variables(build_network(config).model, seed=0)
    records = dataclasses.replace(prepared(ROOT)[0], count=images)
    return of(config, Trained(variables), records)


def metrics_of(config: Config, trained: Trained, records: Records) -> Work:
    """Builds the evaluation that chooses checkpoints."""
    predict = functools.partial(build_prediction(config), trained)
    return functools.partial(validate, predict, records, config, TrainingCamera())


def everything_of(config: Config, trained: Trained, records: Records) -> Work:
    """Builds all that `eval.json` is made of."""
    score = functools.partial(build_scoring(config), trained)
    protocol = Protocol.of(config, records.source)

    def arrays_of(example: Example) -> tuple[np.ndarray, np.ndarray]:
        counts = protocol.evaluated(example.depth_m)
        return example.image, np.where(counts, example.depth_m, np.float32(0))

    def evaluate() -> None:
        summary = UncertaintySummary()
        items = read_examples(records, range(records.count))
        for example, (prediction, scores) in in_batches(score, items, 1, arrays_of):
            measure(protocol, example, prediction.depth_m)
            summary.add(prediction, example.depth_m, *scores, **protocol.pixels)
        summary.compute()

    return evaluate


BENCHMARK = Benchmark("evaluation", add_options, rows)

if __name__ == "__main__":
    run("evaluation", __doc__, [BENCHMARK])
