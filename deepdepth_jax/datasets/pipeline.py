"""From sources to batches: prepare, read, augment, batch, prefetch.

The training batches are a function of (records, seed, step): any step's batch can be
made without those before it, so a run goes on at step t as if it had never stopped.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import jax
import numpy as np
import tensorflow as tf
from jaxtyping import Float32, Int64, UInt8

from deepdepth_jax.bins import DepthBins
from deepdepth_jax.config import AugmentConfig, Config, DataConfig
from deepdepth_jax.datasets.augment import augment
from deepdepth_jax.datasets.descriptions import BUILDERS
from deepdepth_jax.datasets.mixture import Mixture
from deepdepth_jax.datasets.records import Records, open_records
from deepdepth_jax.datasets.registry import held_out_source
from deepdepth_jax.datasets.source import Source
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime.paths import expand_home
from deepdepth_jax.types import Batch, Example

SeenPair = tuple[UInt8[np.ndarray, "h w 3"], Float32[np.ndarray, "h w"]]
"""An image and its depth, as the network sees them."""
FEATURES = ("name", "image", "depth_m", "focal_px")


def prepare_training(
    data: DataConfig, training: Sequence[tuple[Source, float]]
) -> Mixture:
    """Opens the training data, and prepares missing records.

    Prints how much of each data set is on disk.

    Args:
      data: the section `data` of a completed config.
      training: sources with their weights. See `training_sources`.

    Returns:
      The mixture of all sources.

    Raises:
      UserError: a folder or file is invalid, or no frame is complete.
    """
    sources, weights = zip(*training, strict=True)
    parts = [prepare(data, source) for source in sources]
    for source in sources:
        if len(source) == 0:
            raise UserError(
                f"data.{source.dataset}: no training frame is complete "
                f"({source.report()}); python -m deepdepth_jax.check_data lists "
                "missing files"
            )
    return Mixture.of(parts, weights, data.streets.sky_m)


def prepare_held_out(config: Config, split: str) -> Records:
    """Opens a split that is looked at, as `prepare_training` does; it may be empty."""
    return prepare(config.data, held_out_source(config, split))


def prepare(data: DataConfig, source: Source) -> Records:
    """Opens the records of a source, and prints how much of the source is on disk.

    Args:
      data: the section `data` of a completed config.
      source: the source.

    Returns:
      The records.
    """
    print(source.report(), flush=True)
    if data.canonical_focal_px and (unknown := source.without_focal_length):
        raise UserError(
            f"data.canonical_focal_px={data.canonical_focal_px} needs the focal length "
            f"of every image, but {len(unknown)} of {source.dataset} {source.split} "
            f"have none, such as {unknown[0]}: add it, or set the field to 0"
        )
    prepared_dir = Path(expand_home(data.prepared_dir))
    return open_records(
        BUILDERS[source.dataset], source, prepared_dir, data.beam_options
    )


def as_it_is(example: Example) -> SeenPair:
    """Returns the image and the depth of an example."""
    return example.image, example.depth_m


def train_batches(
    mixture: Mixture,
    *,
    crop: tuple[int, int],
    augmentation: AugmentConfig,
    batch_size: int,
    seed: int,
    first_step: int,
    num_steps: int,
    see: Callable[[Example], SeenPair] = as_it_is,
    bins: DepthBins | None = None,
) -> Iterator[Batch]:
    """Makes this process's share of the batches of the steps first_step..num_steps - 1.

    An epoch visits every record once, in an order that seed and epoch decide; batches
    run on across the end of an epoch.

    Args:
      mixture: the training data.
      crop: height and width.
      augmentation: see `augment`.
      batch_size: over all processes.
      seed: another one gives another order and other augmentation; not negative.
      first_step: where to begin.
      num_steps: where to end.
      see: computes the image that the network sees of an example, and its depth.
      bins: which `augmentation.mined_bins` are some of. None: crops are not mined.

    Yields:
      Batches of batch_size / processes examples.
    """
    refused: list[UserError] = []
    share = batch_size // jax.process_count()
    first_slot = jax.process_index() * share

    def augmented(
        name: bytes,
        image: np.ndarray,
        depth_m: np.ndarray,
        focal_px: np.float32,
        position: np.int64,
    ) -> SeenPair:
        example = Example(name.decode(), image, depth_m, float(focal_px))
        try:
            image, depth_m = see(example)
        except UserError as error:  # of which TensorFlow keeps the text alone
            refused.append(error)
            raise
        return augment(
            image,
            depth_m,
            (seed, int(position)),
            crop=crop,
            augmentation=augmentation,
            mined=_mined(depth_m, bins, augmentation),
        )

    def example(position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features = mixture.load(position, seed)
        image, depth_m = tf.numpy_function(
            augmented,
            [*(features[name] for name in FEATURES), position],
            (tf.uint8, tf.float32),
        )
        return tf.ensure_shape(image, (*crop, 3)), tf.ensure_shape(depth_m, crop)

    def positions(step: tf.Tensor) -> tf.data.Dataset:
        start = step * batch_size + first_slot
        return tf.data.Dataset.range(start, start + share)

    dataset = (
        tf.data.Dataset.range(first_step, num_steps)
        .flat_map(positions)
        .map(example, num_parallel_calls=os.cpu_count(), deterministic=True)
        .batch(share, drop_remainder=True)
        .prefetch(2)
    )
    batches = _untuned(dataset).as_numpy_iterator()
    try:
        for step, (image, depth_m) in enumerate(batches, first_step):
            is_pseudo = None
            if mixture.has_pseudo_labels:
                first = step * batch_size + first_slot
                is_pseudo = mixture.is_pseudo(np.arange(first, first + share))
            yield Batch(image=image, depth_m=depth_m, is_pseudo=is_pseudo)
    except tf.errors.UnknownError:
        if refused:
            raise refused[0] from None
        raise


def _mined(
    depth_m: Float32[np.ndarray, "h w"],
    bins: DepthBins | None,
    augmentation: AugmentConfig,
) -> Int64[np.ndarray, "h w"] | None:
    """Numbers the pixels of the mined bins, from 1. None if crops are not mined."""
    chosen = augmentation.mined_bins
    if bins is None or not chosen or not augmentation.mining_probability:
        return None
    numbers = np.zeros(bins.num_bins + 2, np.int64)  # one before and one beyond all
    numbers[np.array(chosen) + 1] = np.arange(1, len(chosen) + 1)
    edges_m = np.array([np.finfo(np.float32).tiny, *bins.edges_m[1:]], np.float32)
    return numbers[np.searchsorted(edges_m, depth_m, side="right")]


def batch_names(
    mixture: Mixture, *, step: int, batch_size: int, seed: int
) -> list[str]:
    """Names the images of a training step's batch. The first step is 1."""
    first = (step - 1) * batch_size
    positions = tf.range(first, first + batch_size, dtype=tf.int64)
    return [mixture.load(place, seed)["name"].numpy().decode() for place in positions]


def examples(records: Records) -> Iterator[Example]:
    """Reads every record of this process's share once, in order, as it is."""
    mine = range(jax.process_index(), records.count, jax.process_count())
    return read_examples(records, mine)


def read_examples(records: Records, indices: Iterable[int]) -> Iterator[Example]:
    """Reads records unchanged, in the order of their indices.

    Args:
      records: the records.
      indices: indices of the records to read.

    Yields:
      The examples.
    """

    def load(index: tf.Tensor) -> dict[str, tf.Tensor]:
        encoded = tf.numpy_function(
            lambda index: records.read(int(index)), [index], tf.string
        )
        return records.decode(tf.ensure_shape(encoded, []))

    dataset = (
        tf.data.Dataset.from_tensor_slices(np.array(list(indices), np.int64))
        .map(
            load,
            num_parallel_calls=os.cpu_count(),
            deterministic=True,
        )
        .prefetch(4)
    )
    for features in _untuned(dataset).as_numpy_iterator():
        yield Example(
            name=features["name"].decode(),
            image=features["image"],
            depth_m=features["depth_m"],
            focal_px=float(features["focal_px"]),
        )


def _untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Disables tf.data's autotuning.

    Its thread sleeps twice as long each time, up to a minute. Nothing wakes it at the
    end of the data, where the iterator waits for it.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
