"""The temperature of a checkpoint: fitted on validation once, then kept with it."""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from deepdepth_jax.config import Config
from deepdepth_jax.datasets.pipeline import prepare_held_out, read_examples
from deepdepth_jax.datasets.records import Records
from deepdepth_jax.errors import UserError
from deepdepth_jax.evaluation.predictions import see_examples
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.inference.batching import in_batches
from deepdepth_jax.inference.build import build_likelihood
from deepdepth_jax.inference.steps import Trained
from deepdepth_jax.models.build import build_head
from deepdepth_jax.runtime.checkpoints import Checkpoints
from deepdepth_jax.runtime.parallel import is_primary, own_share, sum_over_processes
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
    """Adds the temperature to what was learnt, fitting it if that is not yet done.

    It stays 1 without validation frames, and for a head without distributions.

    Args:
      config: completed.
      workdir: of the run.
      step: of the checkpoint.
      trained: what the checkpoint holds.
      camera: of the training images.
      is_kept: whether a temperature that is fitted is added to the checkpoint. If not,
        the run is only read.

    Raises:
      UserError: the network's output is not finite, or no frame has depth.
    """
    if not build_head(config).has_distribution:
        return trained
    with Checkpoints.of(config, workdir) as checkpoints:
        temperature = checkpoints.temperature(step)
        if temperature is None:
            records = prepare_held_out(config, "val")
            if records.count == 0:
                print("no validation frames: confidence is not calibrated", flush=True)
                return trained
            temperature = fit_temperature(config, trained, records, camera)
            if is_kept:
                checkpoints.calibrate(step, temperature)
    return Trained(trained.variables, temperature)


def fit_temperature(
    config: Config, trained: Trained, records: Records, camera: TrainingCamera
) -> float:
    """Finds the temperature that makes the true depths of a split most likely.

    Over every pixel with a label, whatever the crop; of the picture as it is, whatever
    views are averaged in evaluation. Of several processes each looks at its share.

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
                "temperature fits it; take another --checkpoint, or train again with "
                "a lower train.learning_rate"
            )
        fit.add(nll, int(pixels))
    return sum_over_processes(fit).compute()
