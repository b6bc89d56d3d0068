"""The temperature of a checkpoint: fitted on validation once, then kept with it."""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from deepdepth_jax.config import Config
from deepdepth_jax.datasets.pipeline import prepare, read_examples
from deepdepth_jax.datasets.records import Records
from deepdepth_jax.datasets.registry import held_out_source, training_weights
from deepdepth_jax.datasets.source import Source
from deepdepth_jax.errors import UserError
from deepdepth_jax.evaluation.predictions import see_examples
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.inference.batching import in_batches
from deepdepth_jax.inference.runner import build_likelihood
from deepdepth_jax.models.heads import build_head
from deepdepth_jax.runtime.checkpoints import Checkpoints
from deepdepth_jax.runtime.parallel import is_primary, own_share, sum_over_processes
from deepdepth_jax.runtime.workdir import stored_config, stored_content
from deepdepth_jax.types import Trained
from deepdepth_jax.uncertainty.temperature import TemperatureFit


def calibrated(
    config: Config,
    workdir: Path,
    step: int,
    trained: Trained,
    camera: TrainingCamera,
    *,
    is_kept: bool = True,
) -> Trained:
    """Adds the checkpoint's temperature to its variables, and fits it if needed.

    It stays 1 without validation frames, for a head without distributions, and where
    the validation frames are not those of the run's training.

    Args:
      config: completed.
      workdir: of the run.
      step: of the checkpoint.
      trained: variables of the checkpoint.
      camera: of the training images.
      is_kept: whether a fitted temperature is stored with the checkpoint. If not, the
        run is only read.

    Returns:
      The variables with the temperature.

    Raises:
      UserError: the network's output is not finite, or no frame has depth.
    """
    if not build_head(config).has_distribution:
        return trained
    with Checkpoints.of(config, workdir) as checkpoints:
        temperature = checkpoints.temperature(step)
        if temperature is None:
            records = _validation_records(config, workdir)
            if records is None:
                return trained
            temperature = fit_temperature(config, trained, records, camera)
            if is_kept:
                checkpoints.calibrate(step, temperature)
    return Trained(trained.variables, temperature)


def _validation_records(config: Config, workdir: Path) -> Records | None:
    """Prepares the run's own validation frames; None, and a line, if there are none."""
    source = _validation_source(config, workdir)
    if source is None:
        print(
            "confidence is not calibrated: evaluate the checkpoint on the run's own "
            "data once, as calibration needs its validation frames",
            flush=True,
        )
        return None
    records = prepare(config.data, source)
    if records.count == 0:
        print("no validation frames: confidence is not calibrated", flush=True)
        return None
    return records


def _validation_source(config: Config, workdir: Path) -> Source | None:
    """Makes the source of the validation frames, None if they are not the run's."""
    data = stored_config(workdir).data
    if config.data.dataset != data.dataset:
        return None
    source = held_out_source(config, "val", training_weights(data))
    known = stored_content(workdir).validation
    return None if known not in (None, source.fingerprint()) else source


def fit_temperature(
    config: Config, trained: Trained, records: Records, camera: TrainingCamera
) -> float:
    """Fits the temperature that maximises the likelihood of a split's ground truth.

    Every pixel with a label counts, whatever the crop. The network sees each image
    once, unflipped and at scale 1, whatever views evaluation averages. Each process
    evaluates its share of the images.

    Args:
      config: completed.
      trained: variables of the network.
      records: the validation images.
      camera: camera of the training images.

    Returns:
      The temperature.

    Raises:
      UserError: the network's output for an image is not finite, or no image has depth.
    """
    likelihood = build_likelihood(config)
    share = own_share(records.count)
    items = read_examples(records, share)
    bar = tqdm(items, "calibrate", len(share), disable=not is_primary())
    fit = TemperatureFit()
    for seen, (nll, pixels) in in_batches(
        lambda *arrays: likelihood(trained, *arrays),
        see_examples(iter(bar), camera),
        config.eval.batch_size,
        lambda seen: (seen.image, seen.seen_depth_m(seen.example.depth_m)),
    ):
        if not np.isfinite(nll).all():
            raise UserError(
                f"{seen.example.name}: the network's output is not finite, so no "
                "temperature fits it; choose another --checkpoint, or train again "
                "with a lower train.learning_rate"
            )
        fit.add(nll, int(pixels))
    return sum_over_processes(fit).compute()
