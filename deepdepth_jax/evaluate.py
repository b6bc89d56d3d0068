"""Evaluation by a named protocol: every image once, at its own size."""

import dataclasses
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from ml_collections import ConfigDict
from PIL import Image
from tqdm import tqdm

from deepdepth_jax import build
from deepdepth_jax.baseline import MedianDepth
from deepdepth_jax.batching import predict_each
from deepdepth_jax.checkpoints import Which
from deepdepth_jax.datasets.records import Records
from deepdepth_jax.errors import UserError
from deepdepth_jax.input_pipeline import prepare_held_out, read_examples
from deepdepth_jax.metrics import METRICS, MetricMeans, depth_metrics
from deepdepth_jax.parallel import gather_rows, is_primary, own_share
from deepdepth_jax.restore import PredictImages, restored_predict
from deepdepth_jax.types import Example, Prediction
from deepdepth_jax.visualize import Row, figure_sheet


@dataclasses.dataclass(frozen=True)
class Protocol:
    """What a number must be read with.

    Attributes:
      dataset, split, ground_truth: what was looked at.
      crop, cap_m, min_m: see `metrics.depth_metrics`.
      flip, decode: see `steps.make_predict_step`.
    """

    dataset: str
    split: str
    ground_truth: str
    crop: str
    cap_m: float
    min_m: float
    flip: bool
    decode: str

    @classmethod
    def of(cls, config: ConfigDict, records: Records) -> "Protocol":
        """Reads the protocol out of a completed config and the data it is used on."""
        return cls(
            dataset=config.data.dataset,
            split=records.source.split_title,
            ground_truth=records.source.ground_truth_title,
            crop=config.eval.crop,
            cap_m=config.eval.cap_m,
            min_m=config.eval.min_m,
            flip=config.eval.flip,
            decode=config.eval.decode,
        )

    def measure(
        self, prediction_m: Float[np.ndarray, "h w"], truth_m: Float[np.ndarray, "h w"]
    ) -> dict[str, float]:
        """Computes the metrics of one image."""
        return depth_metrics(
            prediction_m,
            truth_m,
            cap_m=self.cap_m,
            min_m=self.min_m,
            crop=self.crop,
        )


def validate(
    predict: PredictImages, records: Records, config: ConfigDict
) -> dict[str, float]:
    """Takes the mean metrics over a split, by the protocol of a completed config.

    Of several processes each looks at its share; all get the means over the whole.
    """
    protocol = Protocol.of(config, records)
    items = read_examples(records, own_share(records.count))
    return _means_over_all(
        protocol.measure(prediction.depth_m, example.depth_m)
        for example, prediction in _predict_examples(predict, items, config)
    ).compute()


def _means_over_all(measured: Iterable[dict[str, float]]) -> MetricMeans:
    """Averages over the images of all processes, given those of this one."""
    own = np.array([[metrics[name] for name in METRICS] for metrics in measured])
    means = MetricMeans()
    for row in gather_rows(own.reshape(-1, len(METRICS))):
        means.add(dict(zip(METRICS, row.tolist(), strict=True)))
    return means


def _predict_examples(
    predict: PredictImages, items: Iterator[Example], config: ConfigDict
) -> Iterator[tuple[Example, Prediction]]:
    return predict_each(
        predict, items, config.eval.batch_size, config.data.canonical_focal_px
    )


def evaluate(config: ConfigDict, workdir: Path, which: Which) -> None:
    """Evaluates a run's checkpoint: prints a table, writes eval.json and figures/.

    Args:
      config: completed; its section `eval` is the protocol.
      workdir: of the run.
      which: checkpoint.

    Raises:
      UserError: there is no checkpoint, or nothing to evaluate on.
    """
    step, predict = restored_predict(config, workdir, which)
    records = prepare_held_out(config, config.eval.split)
    if records.count == 0:
        raise UserError(
            f"eval.split={config.eval.split}: nothing to evaluate on "
            f"({records.source.report()}); "
            "python -m deepdepth_jax.check_data tells what is missing"
        )
    protocol = Protocol.of(config, records)
    baseline = MedianDepth.load(workdir)

    share = own_share(records.count)
    title, is_silent = f"evaluate {config.eval.split}", not is_primary()
    bar = tqdm(read_examples(records, share), title, len(share), disable=is_silent)
    measured, guessed = [], []
    for example, prediction in _predict_examples(predict, iter(bar), config):
        measured.append(protocol.measure(prediction.depth_m, example.depth_m))
        guess_m = baseline(*example.depth_m.shape)
        guessed.append(protocol.measure(guess_m, example.depth_m))
    means, baseline_means = _means_over_all(measured), _means_over_all(guessed)

    if is_primary():
        _print_table(protocol, step, means, baseline_means)
        _write_results(workdir, protocol, step, means, records)
        sheet = draw_examples(predict, records, config)
        if sheet is not None:
            path = workdir / "figures" / f"{config.eval.split}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(sheet).save(path)
            print(f"figures: {path}")


def draw_examples(
    predict: PredictImages, records: Records, config: ConfigDict
) -> UInt8[np.ndarray, "h w 3"] | None:
    """Draws `eval.figures` pictures, evenly spread over a split; None if that is 0.

    Of several processes one does it, whichever of them have looked at these pictures.
    """
    spread = np.linspace(0, records.count - 1, config.eval.figures).astype(int)
    if not spread.size:
        return None
    protocol, bins = Protocol.of(config, records), build.depth_bins(config)
    shown = read_examples(records, sorted(set(spread.tolist())))
    rows = [
        _row(example, prediction, protocol)
        for example, prediction in _predict_examples(predict, shown, config)
    ]
    return figure_sheet(rows, bins.min_depth_m, bins.max_depth_m)


def _row(example: Example, prediction: Prediction, protocol: Protocol) -> Row:
    abs_rel = protocol.measure(prediction.depth_m, example.depth_m)["abs_rel"]
    return Row(
        title=f"{example.name}   AbsRel {abs_rel:.3f}",
        image=example.image,
        truth_m=example.depth_m,
        prediction_m=prediction.depth_m,
        confidence=prediction.confidence,
    )


def _write_results(
    workdir: Path, protocol: Protocol, step: int, means: MetricMeans, records: Records
) -> None:
    without = means.images_without_ground_truth + len(
        records.source.without_ground_truth
    )
    results = {
        "protocol": dataclasses.asdict(protocol)
        | {"images": means.images, "images_without_ground_truth": without},
        "step": step,
        "metrics": means.compute(),
    }
    path = workdir / "eval.json"
    path.write_text(json.dumps(results, indent=2) + "\n")
    print(f"results: {path}")


def _print_table(
    protocol: Protocol, step: int, model: MetricMeans, baseline: MetricMeans
) -> None:
    print(
        f"\n{protocol.dataset} {protocol.split}, {protocol.ground_truth} ground truth, "
        f"{model.images} images, crop {protocol.crop}, cap {protocol.cap_m:g} m, "
        f"decoded by {protocol.decode}{', flip-averaged' if protocol.flip else ''}"
    )
    print(f"{'':12}{f'step {step}':>12}{'median depth':>14}")
    guesses = baseline.compute()
    for name, value in model.compute().items():
        print(f"{name:12}{value:12.4f}{guesses[name]:14.4f}")
