"""Training: the sequence of it. Each verb lives elsewhere."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from deepdepth_jax import build
from deepdepth_jax.augment import Augmentation
from deepdepth_jax.baseline import MedianDepth
from deepdepth_jax.checkpoints import Checkpoints
from deepdepth_jax.evaluate import validate
from deepdepth_jax.input_pipeline import (
    Mixture,
    prepare_held_out,
    prepare_training,
    read_examples,
    train_batches,
)
from deepdepth_jax.parallel import check_batch_size, split_over_devices
from deepdepth_jax.state import TrainState
from deepdepth_jax.types import Batch
from deepdepth_jax.workdir import check_same_run, claim
from deepdepth_jax.writers import MetricWriter

BASELINE_IMAGES = 200
"""How many pictures of a data set the median baseline is taken over."""

Validate = Callable[[TrainState], dict[str, float]]


def train(config: ConfigDict, workdir: Path) -> None:
    """Trains to the end, going on from the last checkpoint if there is one.

    Args:
      config: completed.
      workdir: where the run lives.

    Raises:
      UserError: there is nothing to learn from, the devices do not divide the batch, or
        the folder holds another run.
    """
    check_batch_size(config.train.batch_size)
    check_same_run(workdir, config)  # before the data is prepared, which takes time
    mixture = prepare_training(config.data)
    validate_state = _make_validation(config)
    claim(workdir, config)
    MedianDepth.of(_spread_depths_m(mixture)).save(workdir)
    with Checkpoints.of(config, workdir) as checkpoints:
        step = checkpoints.last_step
        if step is None:
            state = build.first_state(config)
        else:
            state = checkpoints.restore(build.abstract_state(config), step)
            print(f"goes on from step {step}", flush=True)
        with MetricWriter(workdir, after_step=int(state.step)) as writer:
            _loop(
                config,
                mixture=mixture,
                state=state,
                validate_state=validate_state,
                checkpoints=checkpoints,
                writer=writer,
            )


def _spread_depths_m(mixture: Mixture) -> Iterator[np.ndarray]:
    """Reads the depth of some pictures of each part, evenly spread over it."""
    for records in mixture.parts:
        indices = np.linspace(0, records.count - 1, BASELINE_IMAGES).astype(int)
        for example in read_examples(records, sorted(set(indices.tolist()))):
            yield example.depth_m


def _make_validation(config: ConfigDict) -> Validate | None:
    """Builds what takes the validation metrics; None if there is nothing to take."""
    if config.eval.every == 0:
        return None
    records = prepare_held_out(config, "val")
    if records.count == 0:
        print("no validation frames: the best checkpoint will be the last", flush=True)
        return None
    predict = build.prediction(config)
    return lambda state: validate(
        lambda images: predict(state.variables, images), records, config
    )


def _loop(
    config: ConfigDict,
    *,
    mixture: Mixture,
    state: TrainState,
    validate_state: Validate | None,
    checkpoints: Checkpoints,
    writer: MetricWriter,
) -> None:
    section, last = config.train, config.train.num_steps
    train_step, schedule = build.train_step(config), build.schedule(config)
    first = int(state.step)
    batches = _batches(config, mixture, first)
    timer = _Timer(section.batch_size, first)
    with tqdm(desc="train", total=last, initial=first, unit="step") as bar:
        for step in range(first + 1, last + 1):
            state, numbers = train_step(state, next(batches))
            bar.update()
            if step % section.log_every == 0 or step == last:
                logged = {name: float(value) for name, value in numbers.items()}
                logged["learning_rate"] = float(schedule(step - 1))
                logged["images_per_second"] = timer.images_per_second(step)
                writer.write(step, "train", logged)
                bar.set_postfix_str(
                    f"loss {logged['loss']:.3f}, "
                    f"{logged['images_per_second']:.1f} images/s"
                )
            validated = None
            if validate_state and (step % config.eval.every == 0 or step == last):
                validated = validate_state(state)
                writer.write(step, "val", validated)
                timer.restart(step)
            if validated or step % section.checkpoint_every == 0 or step == last:
                checkpoints.save(state, validated)


def _batches(config: ConfigDict, mixture: Mixture, first_step: int) -> Iterator[Batch]:
    fields = {name: config.augment[name] for name in config.augment if name != "preset"}
    return split_over_devices(
        train_batches(
            mixture,
            crop=tuple(config.train.crop),
            augmentation=Augmentation(**fields),
            canonical_focal_px=config.data.canonical_focal_px,
            batch_size=config.train.batch_size,
            seed=config.seed,
            first_step=first_step,
            num_steps=config.train.num_steps,
        )
    )


class _Timer:
    """Measures the throughput since the last look at it."""

    def __init__(self, batch_size: int, step: int) -> None:
        self._batch_size = batch_size
        self.restart(step)

    def restart(self, step: int) -> None:
        """Leaves out what has passed since the last look."""
        self._step, self._time = step, time.perf_counter()

    def images_per_second(self, step: int) -> float:
        """Gives the images a second since the last look."""
        seconds = time.perf_counter() - self._time
        images = (step - self._step) * self._batch_size
        self.restart(step)
        return images / seconds
