"""What pseudo-labels cost beside depth alone: the same images, the same network.

    python -m benchmarks.labelling

Scoring, as `deepdepth_jax.adapt` does it without flips, and the predictor's depth, in
turns: CPU seconds, and the seconds that pass. Both read the images from files.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import numpy as np
from PIL import Image

from benchmarks.pairing import alternate, ratios
from benchmarks.table import spread
from deepdepth_jax.adapt.scoring import Labeller, score
from deepdepth_jax.adapt.target import TargetImage
from deepdepth_jax.datasets.streets.render import intrinsics, render_view
from deepdepth_jax.datasets.streets.scene import random_scene
from deepdepth_jax.inference.predictor import DepthPredictor
from deepdepth_jax.inference.saved_network import SavedNetwork, load_network
from deepdepth_jax.runtime import cli
from deepdepth_jax.runtime.shipped import SHIPPED

OWN_VIEW = "--config.adapt.flip=False", "--config.eval.flip=False"
CLOCKS = {"CPU, s": time.process_time, "passed, s": time.perf_counter}


def main() -> None:
    """Runs the benchmark."""
    parser = cli.Parser("benchmarks.labelling", "Time pseudo-labels beside depth.")
    add = parser.add_argument
    add("--network", type=Path, default=SHIPPED, help="the package's by default")
    add("--images", type=cli.count, default=48, help="number of images")
    add("--size", type=cli.count, nargs=2, default=(96, 320), help="height and width")
    add("--rounds", type=cli.count, default=7, help="7 by default")
    arguments = parser.parse_args()
    network = load_network(arguments.network, overrides=OWN_VIEW)
    with _rendered(arguments.images, tuple(arguments.size)) as images:
        runs = _runs(network, images)
        for run in runs.values():
            run()
        print("| clock | labels | depth | ratio |\n|---|---|---|---|")
        for clock, now in CLOCKS.items():
            measures = {name: _timed(run, now) for name, run in runs.items()}
            found = alternate(measures, arguments.rounds)
            cells = [*found.values(), ratios(*found.values())]
            print(f"| {clock} | {' | '.join(map(spread, cells))} |", flush=True)


def _runs(
    network: SavedNetwork, images: list[TargetImage]
) -> dict[str, Callable[[], object]]:
    config = network.config
    labeller = Labeller(config, network.trained)
    predictor = DepthPredictor.of(network)
    paths = [each.image for each in images]
    focal_px = images[0].focal_px
    bins = config.bins.num_bins
    return {
        "labels": lambda: score(labeller, images, bins),
        "depth": lambda: [each.depth_m for each in predictor(paths, focal_px)],
    }


def _timed(run: Callable[[], object], now: Callable[[], float]) -> Callable[[], float]:
    def measure() -> float:
        start = now()
        run()
        return now() - start

    return measure


@contextmanager
def _rendered(count: int, size: tuple[int, int]) -> Iterator[list[TargetImage]]:
    """Renders streets to files."""
    focal_px = intrinsics(*size).focal_px
    with tempfile.TemporaryDirectory() as folder:
        images = []
        for index in range(count):
            key = jax.random.key(index)
            pixels, _ = jax.device_get(render_view(random_scene(key), key, *size))
            path = Path(folder, f"{index:04d}.png")
            Image.fromarray(np.asarray(pixels)).save(path)
            images.append(TargetImage(path.name, path, focal_px))
        yield images


if __name__ == "__main__":
    cli.run(lambda _: main())
