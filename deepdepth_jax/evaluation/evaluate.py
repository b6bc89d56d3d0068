"""Evaluation by a named protocol: every image once, at its own size."""

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from ml_collections import ConfigDict
from PIL import Image
from tqdm import tqdm

from deepdepth_jax import atomic
from deepdepth_jax.datasets.pipeline import prepare_held_out, read_examples
from deepdepth_jax.datasets.records import Records
from deepdepth_jax.drawing.sheets import Row, figure_sheet
from deepdepth_jax.errors import UserError
from deepdepth_jax.evaluation.baseline import MedianDepth
from deepdepth_jax.evaluation.calibrate import calibrated
from deepdepth_jax.evaluation.image_table import ImageTable
from deepdepth_jax.evaluation.protocol import Protocol
from deepdepth_jax.evaluation.regions import REGIONS
from deepdepth_jax.evaluation.report import BASELINE, MEDIAN_SCALED, MODEL, Evaluation
from deepdepth_jax.geometry import canonical_scale
from deepdepth_jax.inference.batching import in_batches
from deepdepth_jax.inference.build import build_prediction, build_scoring
from deepdepth_jax.inference.restore import restore
from deepdepth_jax.inference.steps import Scores, Trained
from deepdepth_jax.models.build import build_bins, build_head
from deepdepth_jax.runtime.checkpoints import Which
from deepdepth_jax.runtime.parallel import is_primary, own_share, sum_over_processes
from deepdepth_jax.types import AnyArray, Example, Prediction
from deepdepth_jax.uncertainty.summary import UncertaintySummary

PredictEach = Callable[
    [Iterator[Example]], Iterator[tuple[Example, AnyArray, AnyArray | None]]
]
"""Gives depth, and confidence if there is one, of each example."""


def validate(
    predict: Callable[[np.ndarray], Prediction], records: Records, config: ConfigDict
) -> dict[str, float]:
    """Takes the mean metrics over a split, by the protocol of a completed config.

    Of several processes each looks at its share; all get the means over the whole.
    """
    protocol = Protocol.of(config, records.source)
    table = ImageTable(records.source.present, [MODEL])
    items = read_examples(records, own_share(records.count))
    for example, prediction in predict_examples(predict, items, config):
        metrics = protocol.measure(prediction.depth_m, example.depth_m)
        table.add(example.name, {MODEL: metrics})
    table.gather()
    return table.means(MODEL).compute()


def predict_examples(
    predict: Callable[[np.ndarray], Prediction],
    items: Iterator[Example],
    config: ConfigDict,
) -> Iterator[tuple[Example, Prediction]]:
    """Predicts examples, each in the metres of its own camera."""
    for example, prediction in in_batches(
        predict, items, config.eval.batch_size, lambda example: (example.image,)
    ):
        yield example, prediction.times(1 / _canonical_scale(example, config))


def _canonical_scale(example: Example, config: ConfigDict) -> float:
    return canonical_scale(config.data.canonical_focal_px, example.focal_px)


def evaluate(config: ConfigDict, workdir: Path, which: Which) -> None:
    """Evaluates a run's checkpoint: prints tables, writes eval.* and figures/.

    Args:
      config: completed; its section `eval` is the protocol.
      workdir: of the run.
      which: checkpoint.

    Raises:
      UserError: there is no checkpoint, or nothing to evaluate on.
    """
    step, trained = restore(config, workdir, which)
    records = records_to_evaluate(config)
    trained = calibrated(config, workdir, step, trained)
    protocol = Protocol.of(config, records.source)
    baseline = MedianDepth.load(workdir)
    table = ImageTable(
        records.source.present, [MODEL, MEDIAN_SCALED, *REGIONS, BASELINE]
    )
    summary = UncertaintySummary() if build_head(config).has_distribution else None
    items = _share(records)
    for example, prediction, scores in _score_examples(
        config, trained, protocol, items
    ):
        guess_m = baseline(*example.depth_m.shape)
        measured = measure(protocol, prediction.depth_m, example.depth_m)
        guessed = protocol.measure(guess_m, example.depth_m)
        table.add(example.name, measured | {BASELINE: guessed})
        if summary is not None:
            summary.add(prediction, example.depth_m, *scores, **protocol.pixels)
    table.gather()
    evaluation = Evaluation(
        protocol,
        f"step {step}",
        table,
        len(records.source.without_ground_truth),
        step=step,
        temperature=float(trained.temperature),
        uncertainty=summary and sum_over_processes(summary),
    )
    if is_primary():
        predict = functools.partial(build_prediction(config), trained)
        report(evaluation, workdir, config, records, _network(predict, config))


def records_to_evaluate(config: ConfigDict) -> Records:
    """Prepares the split that `eval.split` names.

    Raises:
      UserError: no frame of it is there with its ground truth.
    """
    records = prepare_held_out(config, config.eval.split)
    if records.count == 0:
        raise UserError(
            f"eval.split={config.eval.split}: nothing to evaluate on "
            f"({records.source.report()}); "
            "python -m deepdepth_jax.check_data tells what is missing"
        )
    return records


def _share(records: Records) -> Iterator[Example]:
    """Reads what falls to this process, with a progress bar."""
    share = own_share(records.count)
    title = f"evaluate {records.source.split}"
    items = read_examples(records, share)
    return iter(tqdm(items, title, len(share), disable=not is_primary()))


def _score_examples(
    config: ConfigDict, trained: Trained, protocol: Protocol, items: Iterator[Example]
) -> Iterator[tuple[Example, Prediction, Scores]]:
    def arrays_of(example: Example) -> tuple[np.ndarray, np.ndarray]:
        counts = protocol.evaluated(example.depth_m)
        scale = np.float32(_canonical_scale(example, config))
        return example.image, np.where(counts, example.depth_m * scale, np.float32(0))

    score = functools.partial(build_scoring(config), trained)
    for example, (prediction, scores) in in_batches(
        score, items, config.eval.batch_size, arrays_of
    ):
        own_metres = prediction.times(1 / _canonical_scale(example, config))
        yield example, own_metres, scores


def measure(
    protocol: Protocol,
    prediction_m: Float[AnyArray, "h w"],
    truth_m: Float[np.ndarray, "h w"],
) -> dict[str, dict[str, float]]:
    """Measures an image in every way that is reported."""
    scaled_m = protocol.median_scaled(prediction_m, truth_m)
    return {
        MODEL: protocol.measure(prediction_m, truth_m),
        MEDIAN_SCALED: protocol.measure(scaled_m, truth_m),
        **{
            name: protocol.measure(prediction_m, truth_m, region(truth_m))
            for name, region in REGIONS.items()
        },
    }


def report(
    evaluation: Evaluation,
    folder: Path,
    config: ConfigDict,
    records: Records,
    predict_each: PredictEach,
) -> None:
    """Prints and writes what was found, with pictures from the best to the worst.

    Raises:
      UserError: no pixel of any picture counts.
    """
    if not evaluation.table.means(MODEL).images:
        raise UserError(
            f"{evaluation.protocol}: no pixel of the {records.count} images counts; "
            "look at eval.crop, eval.min_m, eval.cap_m and the ground truth"
        )
    print(f"\n{evaluation.markdown()}")
    evaluation.write(folder)
    print(f"results: {folder / 'eval.json'}, eval.md, eval_images.csv")
    shown = evaluation.table.from_best_to_worst(config.eval.figures)
    if shown:
        path = folder / "figures" / f"{config.eval.split}.png"
        sheet = draw_examples(predict_each, records, shown, config)
        atomic.write(path, Image.fromarray(sheet).save)
        print(f"figures: {path}")


def draw_validation(
    predict: Callable[[np.ndarray], Prediction], records: Records, config: ConfigDict
) -> UInt8[np.ndarray, "h w 3"] | None:
    """Draws `eval.figures` pictures, evenly spread over a split; None if that is 0."""
    spread = np.linspace(0, records.count - 1, config.eval.figures).astype(int)
    shown = sorted(set(spread.tolist()))
    if not shown:
        return None
    return draw_examples(_network(predict, config), records, shown, config)


def _network(
    predict: Callable[[np.ndarray], Prediction], config: ConfigDict
) -> PredictEach:
    def predict_each(
        items: Iterator[Example],
    ) -> Iterator[tuple[Example, AnyArray, AnyArray | None]]:
        for example, prediction in predict_examples(predict, items, config):
            yield example, prediction.depth_m, prediction.confidence

    return predict_each


def draw_examples(
    predict_each: PredictEach,
    records: Records,
    indices: Sequence[int],
    config: ConfigDict,
) -> UInt8[np.ndarray, "h w 3"]:
    """Draws pictures of a split, in the order of their indices."""
    protocol, bins = Protocol.of(config, records.source), build_bins(config)
    rows = {}
    items = read_examples(records, indices)
    for example, depth_m, confidence in predict_each(items):
        abs_rel = protocol.measure(depth_m, example.depth_m)["abs_rel"]
        rows[example.name] = Row(
            title=f"{example.name}   AbsRel {abs_rel:.3f}",
            image=example.image,
            truth_m=example.depth_m,
            prediction_m=depth_m,
            confidence=confidence,
        )
    names = records.source.present
    ordered = [rows[names[index]] for index in indices]
    return figure_sheet(ordered, bins.min_depth_m, bins.max_depth_m)
