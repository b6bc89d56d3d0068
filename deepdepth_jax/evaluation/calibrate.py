"""The temperatures of a checkpoint: fitted on validation once, then kept with it."""

import dataclasses
from pathlib import Path

import numpy as np
from tqdm import tqdm

from deepdepth_jax.config import ONE_VIEW, Config, with_fields
from deepdepth_jax.datasets.pipeline import prepare, read_examples
from deepdepth_jax.datasets.records import Records
from deepdepth_jax.datasets.registry import held_out_source, training_weights
from deepdepth_jax.datasets.source import Source
from deepdepth_jax.errors import UserError
from deepdepth_jax.evaluation.predictions import see_examples
from deepdepth_jax.inference.batching import in_batches
from deepdepth_jax.inference.runner import build_likelihood
from deepdepth_jax.inference.saved_network import SavedNetwork, temperature_name
from deepdepth_jax.models.heads import build_head
from deepdepth_jax.runtime.checkpoints import Checkpoints
from deepdepth_jax.runtime.parallel import is_primary, own_share, sum_over_processes
from deepdepth_jax.runtime.workdir import stored_config, stored_content
from deepdepth_jax.uncertainty.temperature import TemperatureFit


def calibrated(
    network: SavedNetwork, workdir: Path, *, is_kept: bool = True
) -> SavedNetwork:
    """Adds the temperature of the config's views to a run's network, unless it has it.

    That of one view, which stands in for other views, is added with it. None is added
    without validation frames, for a head without distributions, and where the
    validation frames are not those of the run's training.

    Args:
      network: of a checkpoint.
      workdir: of its run.
      is_kept: whether a fitted temperature is stored with the checkpoint. If not, the
        run is only read.

    Returns:
      The network with the temperature.

    Raises:
      UserError: the network's output is not finite, or no frame has depth.
    """
    config, name = network.config, temperature_name(network.config)
    if name in network.temperatures or not build_head(config).has_distribution:
        return network
    records = _validation_records(network, workdir)
    if records is None:
        return network
    one_view = with_fields(config, {"eval.flip": False, "eval.scales": (1.0,)})
    wanted = {temperature_name(views): views for views in (one_view, config)}
    fitted = {
        name: fit_temperature(dataclasses.replace(network, config=views), records)
        for name, views in wanted.items()
        if name not in network.temperatures
    }
    if is_kept:
        with Checkpoints.of(config, workdir) as checkpoints:
            checkpoints.calibrate(network.step, fitted)
    return dataclasses.replace(network, temperatures={**network.temperatures, **fitted})


def _validation_records(network: SavedNetwork, workdir: Path) -> Records | None:
    """Prepares the run's own validation frames; None, and a line, if there are none."""
    config = network.config
    so = "confidence is not calibrated"
    if ONE_VIEW in network.temperatures:
        so = "the temperature is that of one view"
    source = _validation_source(config, workdir)
    if source is None:
        print(
            f"{so}: evaluate the checkpoint on the run's own data once, as calibration "
            "needs its validation frames",
            flush=True,
        )
        return None
    records = prepare(config.data, source)
    if records.count == 0:
        print(f"no validation frames: {so}", flush=True)
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


def fit_temperature(network: SavedNetwork, records: Records) -> float:
    """Fits the temperature that maximises the likelihood of a split's ground truth.

    Every pixel with a label counts, whatever the crop. The distributions are those that
    the config's views are averaged to. Each process evaluates its share of the images.

    Args:
      network: to calibrate. Its temperatures do not matter.
      records: the validation images.

    Returns:
      The temperature.

    Raises:
      UserError: the network's output for an image is not finite, or no image has depth.
    """
    likelihood, trained = build_likelihood(network.config), network.trained
    share = own_share(records.count)
    items = read_examples(records, share)
    bar = tqdm(items, "calibrate", len(share), disable=not is_primary())
    fit = TemperatureFit()
    for seen, (nll, pixels) in in_batches(
        lambda *arrays: likelihood(trained, *arrays),
        see_examples(iter(bar), network.camera),
        network.config.eval.batch_size,
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
