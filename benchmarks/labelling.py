"""What pseudo-labels cost beside depth alone: the same images, the same network.

    python -m benchmarks.labelling

Scoring, as `deepdepth_jax.adapt` does it without flips, the predictor's depth, and what
`predict` does, which also writes depth and its colours. Interleaved: CPU seconds, and
seconds that pass. Depth is the expectation, also of one view. Programs are compiled
before. All read the images from files: scoring on all cores, the predictor one after
the other, so CPU seconds are the ones to compare.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import jax
import numpy as np
from PIL import Image

from benchmarks.pairing import alternate, ratios
from benchmarks.table import spread
from deepdepth_jax.adapt.scoring import Labeller, score
from deepdepth_jax.adapt.target import TargetImage
from deepdepth_jax.datasets.streets.render import intrinsics, render
from deepdepth_jax.inference.predictor import DepthPredictor
from deepdepth_jax.inference.saved_network import SavedNetwork, load_network
from deepdepth_jax.predict.inputs import IMAGE_KINDS
from deepdepth_jax.predict.outputs import Outputs
from deepdepth_jax.runtime import cli
from deepdepth_jax.runtime.shipped import SHIPPED

FIELDS = {
    "adapt.flip": False,
    "eval.flip": False,
    "eval.scales": (1.0,),
    "eval.decode": "expectation",
}
CLOCKS = "CPU, s", "passed, s"


def main() -> None:
    """Runs the benchmark."""
    parser = cli.Parser("benchmarks.labelling", "Time pseudo-labels beside depth.")
    add = parser.add_argument
    add("--network", type=Path, default=SHIPPED, help="the package's by default")
    add("--images", type=cli.count, default=48, help="number of images")
    add("--size", type=cli.count, nargs=2, default=(96, 320), help="height and width")
    add("--rounds", type=cli.count, default=7, help="A B A B, so often")
    arguments = parser.parse_args()
    fields = [f"--config.{name}={value}" for name, value in FIELDS.items()]
    network = load_network(arguments.network, overrides=fields)
    with _rendered(arguments.images, tuple(arguments.size)) as images:
        runs = _runs(network, images)
        for run in runs.values():
            run()
        measures = {name: partial(_seconds, run) for name, run in runs.items()}
        found = alternate(measures, arguments.rounds)
    labels, *others = found
    heads = [*found, *(f"{labels} / {other}" for other in others)]
    print(f"| clock | {' | '.join(heads)} |\n" + "|---" * (1 + len(heads)) + "|")
    for index, clock in enumerate(CLOCKS):
        of_clock = [[each[index] for each in rounds] for rounds in found.values()]
        cells = [*of_clock, *(ratios(of_clock[0], other) for other in of_clock[1:])]
        print(f"| {clock} | {' | '.join(map(spread, cells))} |")


def _runs(
    network: SavedNetwork, images: list[TargetImage]
) -> dict[str, Callable[[], object]]:
    config = network.config
    labeller = Labeller(config, network.trained)
    predictor = DepthPredictor.of(network)
    paths = [each.image for each in images]
    focal_px = images[0].focal_px
    bins, outputs = config.bins.num_bins, Outputs(IMAGE_KINDS)

    def predict() -> None:
        for path, found in zip(paths, predictor(paths, focal_px), strict=True):
            outputs.save(path.with_suffix(""), found)

    return {
        "labels": lambda: score(labeller, images, bins),
        "depth": lambda: [each.depth_m for each in predictor(paths, focal_px)],
        "predict": predict,
    }


def _seconds(run: Callable[[], object]) -> tuple[float, float]:
    """Gives the seconds by each of `CLOCKS`."""
    start = time.process_time(), time.perf_counter()
    run()
    return time.process_time() - start[0], time.perf_counter() - start[1]


@contextmanager
def _rendered(count: int, size: tuple[int, int]) -> Iterator[list[TargetImage]]:
    """Renders streets to files."""
    focal_px = intrinsics(*size).focal_px
    with tempfile.TemporaryDirectory() as folder:
        images = []
        for index in range(count):
            pixels, _ = jax.device_get(render(jax.random.key(index), *size))
            path = Path(folder, f"{index:04d}.png")
            Image.fromarray(np.asarray(pixels)).save(path)
            images.append(TargetImage(path.name, path, focal_px))
        yield images


if __name__ == "__main__":
    cli.run(lambda _: main())
