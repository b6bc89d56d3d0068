"""Evaluation of anybody's predictions, by the code that evaluates our own."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float
from ml_collections import ConfigDict
from tqdm import tqdm

from deepdepth_jax.datasets.pairs.depth_files import read_depth
from deepdepth_jax.datasets.pipeline import read_examples
from deepdepth_jax.errors import UserError
from deepdepth_jax.evaluation.evaluate import measure, records_to_evaluate, report
from deepdepth_jax.evaluation.image_table import ImageTable
from deepdepth_jax.evaluation.protocol import Protocol
from deepdepth_jax.evaluation.regions import REGIONS
from deepdepth_jax.evaluation.report import MEDIAN_SCALED, MODEL, Evaluation
from deepdepth_jax.types import AnyArray, Example

UNITS_M = {".png": 1 / 256, ".npy": 1.0}
"""Metres that one unit of a file stands for, by its suffix: what `predict` writes."""


def evaluate_files(config: ConfigDict, folder: Path) -> None:
    """Evaluates depth files; prints tables, writes eval.* and figures/ beside them.

    For the picture `a/b` of the split, the file is `a/b.png` (16 bit, metres x 256) or
    `a/b.npy` (metres) in the folder, or `a_b`, each also with `_depth` at the end of
    its name. A map of another size than the ground truth is brought to it bilinearly.

    Args:
      config: completed; its section `eval` is the protocol.
      folder: of the files.

    Raises:
      UserError: a file is missing, broken, or has no depth where it counts.
    """
    records = records_to_evaluate(config)
    names = records.source.present
    files = _find_files(folder, names)
    protocol = dataclasses.replace(
        Protocol.of(config, records.source),
        flip=False,
        scales=(1.0,),
        window=(0, 0),
        decode="whoever predicted",
        crf=None,
    )

    def predict_each(
        items: Iterator[Example],
    ) -> Iterator[tuple[Example, AnyArray, AnyArray | None]]:
        for example in items:
            yield example, _prediction_m(files[example.name], example, protocol), None

    table = ImageTable(names, [MODEL, MEDIAN_SCALED, *REGIONS])
    items = read_examples(records, range(records.count))
    bar = tqdm(items, f"evaluate {records.source.split}", records.count)
    for example, prediction_m, _ in predict_each(iter(bar)):
        table.add(example.name, measure(protocol, example, prediction_m))
    without = len(records.source.without_ground_truth)
    evaluation = Evaluation(protocol, folder.name, table, without)
    report(evaluation, folder, config, records, predict_each)


def _find_files(folder: Path, names: Sequence[str]) -> dict[str, Path]:
    files, missing = {}, []
    for name in names:
        stems = (
            stem + end
            for stem in (name, name.replace("/", "_"))
            for end in ("", "_depth")
        )
        paths = (folder / f"{stem}{suffix}" for stem in stems for suffix in UNITS_M)
        path = next((path for path in paths if path.exists()), None)
        if path is None:
            missing.append(name)
        else:
            files[name] = path
    if missing:
        raise UserError(
            f"--predictions={folder}: no file for {len(missing)} of {len(names)} "
            f"pictures, the first of them {missing[0]}: give {missing[0]}.png (16 bit, "
            f"metres x 256) or {missing[0]}.npy (metres)"
        )
    return files


def _prediction_m(
    path: Path, example: Example, protocol: Protocol
) -> Float[np.ndarray, "h w"]:
    prediction_m = read_depth(path, UNITS_M[path.suffix])
    is_empty = prediction_m <= 0
    height, width = example.depth_m.shape
    if prediction_m.shape != (height, width):
        prediction_m = cv2.resize(prediction_m, (width, height))
        # Also where something and nothing were mixed.
        is_empty = cv2.resize(is_empty.astype(np.float32), (width, height)) > 0
    nothing = protocol.evaluated(example.depth_m) & is_empty
    if nothing.any():
        raise UserError(
            f"{path}: {nothing.sum()} pixels that count have no depth (0, negative or "
            "not a number): a prediction must say something of every pixel"
        )
    return prediction_m
