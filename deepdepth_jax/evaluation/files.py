"""Evaluation of anybody's predictions, by the code that evaluates our own."""

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from deepdepth_jax.config import Config
from deepdepth_jax.datasets.pipeline import prepare, read_examples
from deepdepth_jax.errors import UserError
from deepdepth_jax.evaluation.evaluate import (
    measure,
    report,
)
from deepdepth_jax.evaluation.image_table import ImageTable
from deepdepth_jax.evaluation.placement import (
    PlacedMap,
    PlacementCounts,
    place,
    require_fitting_size,
)
from deepdepth_jax.evaluation.preconditions import (
    require_writable,
    source_to_evaluate,
)
from deepdepth_jax.evaluation.prediction_files import PredictedMaps, open_predictions
from deepdepth_jax.evaluation.protocol import Protocol
from deepdepth_jax.evaluation.regions import REGIONS
from deepdepth_jax.evaluation.report import MEDIAN_SCALED, MODEL, Evaluation
from deepdepth_jax.types import AnyArray, Example


def evaluate_files(
    config: Config, predictions: Path, output: Path | None = None
) -> None:
    """Evaluates depth files: prints tables, writes eval.* and figures/.

    See `prediction_files.open_predictions` for the files, and `placement.place` for
    maps of another size than their images.

    Args:
      config: completed. Its section `eval` is the protocol.
      predictions: a folder of depth files, or one .npy file.
      output: the folder to write to. None: the folder of the files, or one that is
        named after the .npy file.

    Raises:
      UserError: a map is missing, broken, of a size that fits no image, or has no depth
        where it counts. Or the folder cannot be written to.
    """
    source = source_to_evaluate(config, learned_from=())
    maps = open_predictions(predictions, source)
    folder = output or (
        predictions if predictions.is_dir() else predictions.with_suffix("")
    )
    require_writable(folder)
    records = prepare(config.data, source)
    protocol = dataclasses.replace(
        Protocol.of(config, source),
        flip=False,
        scales=(1.0,),
        window=(0, 0),
        decode="whoever predicted",
        crf=None,
    )

    def predict_each(
        items: Iterator[Example],
    ) -> Iterator[tuple[Example, AnyArray, AnyArray | None]]:
        for seen, placed in _placed_maps(maps, items, protocol):
            yield seen, placed.depth_m, None

    table = ImageTable(source.present, [MODEL, MEDIAN_SCALED, *REGIONS])
    counts = PlacementCounts()
    items = read_examples(records, range(records.count))
    bar = tqdm(items, f"evaluate {source.split}", records.count)
    for example, placed in _placed_maps(maps, iter(bar), protocol):
        counts.add(placed)
        table.add(example.name, measure(protocol, example, placed.depth_m))
    evaluation = Evaluation(
        protocol,
        predictions.name,
        table,
        len(source.without_ground_truth),
        conditions=counts.conditions(),
        remarks=counts.remarks(),
    )
    report(evaluation, folder, config, records, predict_each)


def _placed_maps(
    maps: PredictedMaps, items: Iterator[Example], protocol: Protocol
) -> Iterator[tuple[Example, PlacedMap]]:
    """Yields examples with true depth where a map covers them, and the maps.

    Raises:
      UserError: a map is of a size that fits no image, or has no depth where it counts.
    """
    for example in items:
        origin = maps.origin(example.name)
        shape = example.image.shape[:2]
        check_size = functools.partial(require_fitting_size, shape, origin)
        placed = place(maps.read(example.name, check_size), shape, origin)
        covered = dataclasses.replace(example, depth_m=placed.inside(example.depth_m))
        nothing = protocol.evaluated(covered.depth_m) & (placed.depth_m <= 0)
        if nothing.any():
            raise UserError(
                f"{origin}: {nothing.sum()} pixels that count have no depth (0, "
                "negative or not a number); predict depth at every pixel"
            )
        yield covered, placed
