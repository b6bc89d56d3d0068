"""Training: the sequence of it. Each verb lives elsewhere."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ml_collections import ConfigDict
from tqdm import tqdm

from deepdepth_jax import build
from deepdepth_jax.augment import Augmentation
from deepdepth_jax.checkpoints import Checkpoints
from deepdepth_jax.errors import UserError
from deepdepth_jax.evaluate import Protocol, validate
from deepdepth_jax.input_pipeline import Records, prepare, train_batches
from deepdepth_jax.parallel import check_batch_size, split_over_devices
from deepdepth_jax.state import TrainState
from deepdepth_jax.types import Batch
from deepdepth_jax.workdir import check_same_run, claim
from deepdepth_jax.writers import MetricWriter

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
    records = prepare(config.data, "train", config.data.kitti.ground_truth)
    if records.count == 0:
        raise UserError(
            f"data.root={config.data.root}: no frame of the training split is there"
        )
    validate_state = _make_validation(config)
    claim(workdir, config)
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
                records=records,
                state=state,
                validate_state=validate_state,
                checkpoints=checkpoints,
                writer=writer,
            )


def _make_validation(config: ConfigDict) -> Validate | None:
    """Builds what takes the validation metrics; None if there is nothing to take."""
    if config.eval.every == 0:
        return None
    records = prepare(config.data, "val", config.eval.ground_truth)
    if records.count == 0:
        print("no validation frames: the best checkpoint will be the last", flush=True)
        return None
    predict = build.prediction(config)
    protocol = Protocol.of(config, records)
    return lambda state: validate(
        lambda images: predict(state.variables, images),
        records,
        protocol,
        config.eval.batch_size,
    )


def _loop(
    config: ConfigDict,
    *,
    records: Records,
    state: TrainState,
    validate_state: Validate | None,
    checkpoints: Checkpoints,
    writer: MetricWriter,
) -> None:
    section, last = config.train, config.train.num_steps
    train_step, schedule = build.train_step(config), build.schedule(config)
    first = int(state.step)
    batches = _batches(config, records, first)
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


def _batches(config: ConfigDict, records: Records, first_step: int) -> Iterator[Batch]:
    fields = config.augment
    return split_over_devices(
        train_batches(
            records,
            crop=tuple(config.train.crop),
            augmentation=Augmentation(
                max_zoom=fields.max_zoom,
                rotation_deg=fields.rotation_deg,
                colour_gain=fields.colour_gain,
                flip_probability=fields.flip_probability,
            ),
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
