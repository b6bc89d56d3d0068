"""Evaluation by a named protocol: every image once, at its own size."""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

from jaxtyping import Float
from PIL import Image
from tqdm import tqdm

from deepdepth_jax.config import ONE_VIEW, Config
from deepdepth_jax.datasets.pipeline import prepare, read_examples
from deepdepth_jax.datasets.records import Records
from deepdepth_jax.datasets.registry import training_weights
from deepdepth_jax.datasets.source import Source
from deepdepth_jax.errors import UserError
from deepdepth_jax.evaluation.baseline import MedianDepth
from deepdepth_jax.evaluation.calibrate import calibrated
from deepdepth_jax.evaluation.figures import PredictEach, draw_examples
from deepdepth_jax.evaluation.image_table import ImageTable
from deepdepth_jax.evaluation.preconditions import (
    require_writable,
    source_to_evaluate,
)
from deepdepth_jax.evaluation.predictions import (
    CameraCounts,
    network_predictions,
    score_examples,
)
from deepdepth_jax.evaluation.protocol import Protocol
from deepdepth_jax.evaluation.regions import REGIONS
from deepdepth_jax.evaluation.report import BASELINE, MEDIAN_SCALED, MODEL, Evaluation
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.inference.runner import build_prediction, build_scoring
from deepdepth_jax.inference.saved_network import (
    SavedNetwork,
    restore,
    temperature_name,
)
from deepdepth_jax.models.heads import build_head
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.checkpoint_folder import Which
from deepdepth_jax.runtime.parallel import is_primary, own_share, sum_over_processes
from deepdepth_jax.runtime.workdir import stored_config
from deepdepth_jax.types import AnyArray, Example
from deepdepth_jax.uncertainty.summary import UncertaintySummary


def evaluate(
    config: Config, workdir: Path, which: Which, output: Path | None = None
) -> None:
    """Evaluates a run's checkpoint: prints tables, writes eval.* and figures/.

    Args:
      config: completed; its section `eval` is the protocol.
      workdir: of the run.
      which: checkpoint.
      output: the folder to write to. The run is then only read. None: the run's folder.

    Raises:
      UserError: there is no checkpoint, nothing to evaluate on, or an image whose
        prediction is not finite; or the folder cannot be written to.
    """
    folder = output or workdir
    require_writable(folder)
    network = restore(config, workdir, which)
    learned_from = list(training_weights(stored_config(workdir).data))
    records = _records(config, learned_from)
    network = calibrated(network, workdir, is_kept=output is None)
    _evaluate(network, learned_from, records, folder, MedianDepth.load(workdir))


def evaluate_network(network: SavedNetwork, folder: Path) -> None:
    """Evaluates a network from a file of weights, as `evaluate` does for a run.

    It has no baseline, and its temperatures are those of the file.

    Args:
      network: the network. The section `eval` of its config is the protocol.
      folder: the folder to write to.

    Raises:
      UserError: see `evaluate`.
    """
    require_writable(folder)
    learned_from = list(network.details.get("trained_on", ()))
    records = _records(network.config, learned_from)
    _evaluate(network, learned_from, records, folder, None)


def _records(config: Config, learned_from: Sequence[str]) -> Records:
    return prepare(config.data, source_to_evaluate(config, learned_from))


def _evaluate(
    network: SavedNetwork,
    learned_from: Sequence[str],
    records: Records,
    folder: Path,
    baseline: MedianDepth | None,
) -> None:
    config, trained, camera = network.config, network.trained, network.camera
    source, step = records.source, network.step
    protocol = Protocol.of(config, source)
    groups = [MODEL, MEDIAN_SCALED, *REGIONS, *([BASELINE] if baseline else [])]
    table = ImageTable(source.present, groups)
    summary = UncertaintySummary() if build_head(config).has_distribution else None
    score, counts = functools.partial(build_scoring(config), trained), CameraCounts()
    for seen, prediction, scores in score_examples(
        score, _share(records), config, camera, protocol
    ):
        example = seen.example
        counts.add(seen)
        measured = measure(protocol, example, prediction.depth_m)
        if baseline:
            guess_m = baseline(*example.depth_m.shape)
            measured[BASELINE] = protocol.measure(guess_m, example.depth_m)
        table.add(example.name, measured)
        if summary is not None:
            summary.add(prediction, example.depth_m, *scores, **protocol.pixels)
    table.gather()
    counts = sum_over_processes(counts)
    evaluation = Evaluation(
        protocol,
        f"step {step}",
        table,
        len(source.without_ground_truth),
        step=step,
        temperature=float(trained.temperature),
        uncertainty=summary and sum_over_processes(summary),
        conditions={"trained_on": [*learned_from], **counts.conditions(camera)},
        remarks=[
            *_temperature_remarks(network),
            *_training_remarks(source, learned_from, camera),
            *counts.remarks(camera),
        ],
    )
    if is_primary():
        predict = functools.partial(build_prediction(config), trained)
        predict_each = network_predictions(predict, config, camera)
        report(evaluation, folder, config, records, predict_each)


def _temperature_remarks(network: SavedNetwork) -> list[str]:
    """Tells if the temperature of one view stands in for that of the config's."""
    known = network.temperatures
    is_stand_in = ONE_VIEW in known and temperature_name(network.config) not in known
    return ["at one view's temperature"] if is_stand_in else []


def _training_remarks(
    source: Source, learned_from: Sequence[str], camera: TrainingCamera
) -> list[str]:
    """Describes the training of a network, if it was on another data set."""
    if source.dataset in learned_from:
        return []
    remarks = [f"trained on {' and '.join(learned_from)}"]
    if not (camera.focal_px or camera.canonical_focal_px):
        remarks.append("focal length of training unknown, so that no image is scaled")
    return remarks


def _share(records: Records) -> Iterator[Example]:
    """Reads this process's share of the images, with a progress bar."""
    share = own_share(records.count)
    title = f"evaluate {records.source.split}"
    items = read_examples(records, share)
    return iter(tqdm(items, title, len(share), disable=not is_primary()))


def measure(
    protocol: Protocol, example: Example, prediction_m: Float[AnyArray, "h w"]
) -> dict[str, dict[str, float]]:
    """Measures an image in every way that is reported.

    Args:
      protocol: settings that select pixels.
      example: the image with its ground truth.
      prediction_m: predicted depth, metres.

    Returns:
      Metrics by group (`MODEL`, `MEDIAN_SCALED`, those of `REGIONS`) and name.

    Raises:
      UserError: the prediction is not finite where it counts.
    """
    truth_m = example.depth_m
    if (fault := protocol.fault(prediction_m, truth_m)) is not None:
        raise UserError(
            f"{example.name}: {fault}; the other images alone would misrepresent the "
            "network: choose another --checkpoint"
        )
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
    config: Config,
    records: Records,
    predict_each: PredictEach,
) -> None:
    """Writes and prints the results, with a figure of images from best to worst.

    Args:
      evaluation: the results.
      folder: the output folder.
      config: completed.
      records: the evaluated images.
      predict_each: predicts images for the figure.

    Raises:
      UserError: no pixel of any image counts.
    """
    if not evaluation.table.means(MODEL).images:
        raise UserError(
            f"{evaluation.protocol}: no pixel of the {records.count} images counts: "
            "check eval.crop, eval.min_m, eval.cap_m and the ground truth"
        )
    evaluation.write(folder)
    print(f"\n{evaluation.markdown()}")
    print(f"results: {folder / 'eval.json'}, eval.md, eval_images.csv")
    shown = evaluation.table.from_best_to_worst(config.eval.figures)
    if shown:
        path = folder / "figures" / f"{config.eval.split}.png"
        sheet = draw_examples(predict_each, records, shown, config)
        atomic.write(path, Image.fromarray(sheet).save)
        print(f"figures: {path}")
