"""From a data set on disk to batches: prepare, read, augment, batch, prefetch.

The training batches are a function of (records, seed, step): any step's batch can be
made without those before it, so a run goes on at step t as if it had never stopped.
"""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from jaxtyping import Float, UInt8
from ml_collections import ConfigDict

from deepdepth_jax.augment import Augmentation, augment
from deepdepth_jax.datasets.builder import DepthBuilder, Source, SourceConfig
from deepdepth_jax.datasets.registry import DATASETS
from deepdepth_jax.types import Batch


@dataclasses.dataclass(frozen=True)
class Example:
    """One picture with its ground truth, at its own size.

    Attributes:
      name: which frame it is.
      image: RGB.
      depth_m: metres; 0 = no ground truth.
      focal_px: 0 = unknown.
    """

    name: str
    image: UInt8[np.ndarray, "h w 3"]
    depth_m: Float[np.ndarray, "h w"]
    focal_px: float


@dataclasses.dataclass(frozen=True)
class Records:
    """A prepared split, any record of which can be read at once.

    Attributes:
      source: where they come from.
      count: how many there are.
      read: gives the encoded record of an index.
      decode: turns an encoded record into its features, as a TensorFlow operation.
    """

    source: Source
    count: int
    read: Callable[[int], bytes]
    decode: Callable[[tf.Tensor], dict[str, tf.Tensor]]

    def load(self, index: tf.Tensor) -> dict[str, tf.Tensor]:
        """Reads and decodes a record inside `tf.data`."""
        encoded = tf.numpy_function(
            lambda index: self.read(int(index)), [index], tf.string
        )
        return self.decode(tf.ensure_shape(encoded, []))


def prepare(data: ConfigDict, split: str, ground_truth: str) -> Records:
    """Opens a split for reading, and prepares its records first if there are none.

    Prints how much of the data set is there.

    Args:
      data: the section `data` of a completed config.
      split: `train`, `val` or `test`.
      ground_truth: the kind of it, where the data set has several.

    Returns:
      The records; there may be none.

    Raises:
      UserError: the folder or a file in it is not as it must be.
    """
    builder_class, make_source = DATASETS[data.dataset]
    source = make_source(data, split, ground_truth)
    print(source.report(), flush=True)
    return open_records(builder_class, source, Path(data.prepared_dir))


def open_records(
    builder_class: type[DepthBuilder], source: Source, prepared_dir: Path
) -> Records:
    """Opens the records of a source, and prepares them first if there are none."""
    if len(source) == 0:
        return Records(source, 0, read=[].__getitem__, decode=lambda _: {})
    builder = builder_class(
        data_dir=prepared_dir,
        config=SourceConfig.of(source),
        file_format="array_record",
    )
    builder.download_and_prepare()
    encoded = builder.as_data_source(
        source.split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
    )
    return Records(
        source,
        count=len(encoded),
        read=encoded.__getitem__,
        decode=builder.info.features.deserialize_example,
    )


def train_batches(
    records: Records,
    *,
    crop: tuple[int, int],
    augmentation: Augmentation,
    batch_size: int,
    seed: int,
    first_step: int,
    num_steps: int,
) -> Iterator[Batch]:
    """Makes this process's share of the batches of the steps first_step..num_steps - 1.

    An epoch visits every record once, in an order that seed and epoch decide; batches
    run on across the end of an epoch.

    Args:
      records: what to learn from.
      crop: height and width.
      augmentation: see `augment`.
      batch_size: over all processes.
      seed: another one gives another order and other augmentation.
      first_step: where to begin.
      num_steps: where to end.

    Yields:
      Batches of batch_size / processes examples.
    """
    share = batch_size // jax.process_count()
    first_slot = jax.process_index() * share

    def example(position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features = records.load(_shuffled(position, records.count, seed))
        return augment(
            features["image"],
            features["depth_m"],
            tf.stack([tf.cast(seed, tf.int64), position]),
            crop=crop,
            augmentation=augmentation,
        )

    def positions(step: tf.Tensor) -> tf.data.Dataset:
        start = step * batch_size + first_slot
        return tf.data.Dataset.range(start, start + share)

    dataset = (
        tf.data.Dataset.range(first_step, num_steps)
        .flat_map(positions)
        .map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .batch(share, drop_remainder=True)
        .prefetch(2)
    )
    for image, depth_m in dataset.as_numpy_iterator():
        yield Batch(image=image, depth_m=depth_m)


def _shuffled(position: tf.Tensor, count: int, seed: int) -> tf.Tensor:
    """Maps a position in the endless stream of epochs to the index of a record."""
    epoch, place = position // count, position % count
    epoch_seed = tf.stack([tf.cast(seed, tf.int64), epoch])
    return tf.random.experimental.index_shuffle(place, epoch_seed, count - 1)


def examples(records: Records) -> Iterator[Example]:
    """Reads every record of this process's share once, in order, as it is."""
    dataset = (
        tf.data.Dataset.range(records.count)
        .shard(jax.process_count(), jax.process_index())
        .map(records.load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .prefetch(4)
    )
    for features in dataset.as_numpy_iterator():
        yield Example(
            name=features["name"].decode(),
            image=features["image"],
            depth_m=features["depth_m"],
            focal_px=float(features["focal_px"]),
        )
