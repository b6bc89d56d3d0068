"""Training: the sequence of it. Each verb lives elsewhere."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import optax
from jaxtyping import Array
from tqdm import tqdm

from deepdepth_jax.config import Config, describe_differences
from deepdepth_jax.config.load import flatten
from deepdepth_jax.datasets.pipeline import batch_names, train_batches
from deepdepth_jax.datasets.records import Records
from deepdepth_jax.errors import UserError
from deepdepth_jax.evaluation.validation import draw_validation, validate
from deepdepth_jax.models.heads import build_bins
from deepdepth_jax.runtime.checkpoints import Checkpoints
from deepdepth_jax.runtime.claim import check_same_run, claim
from deepdepth_jax.runtime.installation import require
from deepdepth_jax.runtime.parallel import (
    check_batch_size,
    is_primary,
    split_over_devices,
)
from deepdepth_jax.runtime.preemption import PreemptionNotice
from deepdepth_jax.runtime.workdir import (
    check_free,
    has_checkpoint,
    held,
    save_training_camera,
    training_camera,
)
from deepdepth_jax.training.build import build_abstract_state, build_groups
from deepdepth_jax.training.first_state import build_first_state
from deepdepth_jax.training.preparation import Preparation, RunSources
from deepdepth_jax.training.progress import (
    Meter,
    device_memory,
    group_rates,
    parameter_table,
)
from deepdepth_jax.training.seen_images import ImageScale
from deepdepth_jax.training.state import TrainState
from deepdepth_jax.training.trackers import EXTRAS
from deepdepth_jax.training.writers import MetricWriter
from deepdepth_jax.types import Batch, Trained


def train(config: Config, workdir: Path, notice: PreemptionNotice) -> None:
    """Trains to the end, going on from the last checkpoint if there is one.

    Args:
      config: completed.
      workdir: where the run lives.
      notice: of signals, entered.

    Raises:
      UserError: there is nothing to learn from, the devices do not divide the batch,
        the folder holds another run or another training is at work in it, or the
        numbers have gone bad.
      PreemptedError: a signal came; the state is saved.
    """
    check_batch_size(config.train.batch_size, config.train.accumulate)
    for tracker in config.train.log_to:
        require(EXTRAS[tracker], [tracker], f"train.log_to={tracker} needs")
    sources = RunSources.of(config)
    content = sources.content(config)
    # Before the data is prepared, which takes time.
    check_same_run(workdir, config, content)
    check_free(workdir)
    print(describe_differences(config), flush=True)
    parts = Preparation.of(config, sources, ImageScale.of(config, workdir))
    first_state = None if has_checkpoint(workdir) else _first_state(config)
    # All that may be refused has been checked: the folder is written to from here on.
    with held(workdir):
        claim(workdir, config, content)
        if is_primary():
            parts.baseline.save(workdir)
            save_training_camera(workdir, parts.camera)
        with notice.postponed(), Checkpoints.of(config, workdir) as checkpoints:
            state = _last_state(config, checkpoints, parts.schedule)
            if state is None:
                state = first_state or _first_state(config)
            fields = dict(flatten(config.to_dict()))
            trackers = config.train.log_to
            with MetricWriter(workdir, int(state.step), trackers, fields) as writer:
                run = _Run(config, workdir, parts, checkpoints, writer, notice)
                run.train(state)


def _first_state(config: Config) -> TrainState:
    state = build_first_state(config)
    print(parameter_table(state.params, build_groups(config)), flush=True)
    return state


def _last_state(
    config: Config, checkpoints: Checkpoints, schedule: optax.Schedule
) -> TrainState | None:
    """Restores the state to resume from. None without a checkpoint.

    Raises:
      UserError: every checkpoint is damaged.
    """
    found = checkpoints.restore_last(build_abstract_state(config))
    if found is None:
        return None
    step, state = found
    print(_describe_resuming(step, config.train.num_steps, schedule), flush=True)
    return state


def _describe_resuming(step: int, num_steps: int, schedule: optax.Schedule) -> str:
    if step < num_steps:
        rate = f"the learning rate {float(schedule(step)):.3g}"
        return f"resuming from step {step} of {num_steps}, with {rate}"
    return (
        f"the training is finished, at step {step} of {num_steps}; raise "
        "train.num_steps to train for longer"
    )


@dataclasses.dataclass
class _Run:
    """A run in its loop, with all that it reads from and writes to."""

    config: Config
    workdir: Path
    parts: Preparation
    checkpoints: Checkpoints
    writer: MetricWriter
    notice: PreemptionNotice

    def __post_init__(self) -> None:
        self._last = self.config.train.num_steps

    def train(self, state: TrainState) -> None:
        """Runs the remaining steps, each followed by due logs, saves and validation."""
        section, first = self.config.train, int(state.step)
        cut_off = self._validation_at(first)
        if cut_off is not None and not self.checkpoints.is_scored(first):
            self._validate(first, state, cut_off)
        train_step, batches = self.parts.train_step, self._batches(first)
        meter = Meter(section.batch_size, first)
        numbers: dict[str, Array] = {}
        with (
            _profile(self.config, self.workdir) as profile,
            tqdm(
                desc="train",
                total=self._last,
                initial=first,
                unit="step",
                disable=not is_primary(),
            ) as bar,
        ):
            for step in range(first + 1, self._last + 1):
                profile(step)
                batch, before = meter.next_of(batches), numbers
                state, numbers = train_step(state, batch)
                bar.update()
                # Of the step before: the devices are at work on this one meanwhile.
                fault = self._fault(step - 1, before)
                is_preempted = self.notice.stops_after(step)
                ends = step == self._last or fault is not None
                if ends or step % section.log_every == 0:
                    bar.set_postfix_str(self._log(step, numbers, meter))
                validation = self._validation_at(step)
                is_saved = ends or is_preempted or validation is not None
                if is_saved or step % section.checkpoint_every == 0:
                    self.checkpoints.save(state)
                self.checkpoints.check()
                if fault is not None:
                    raise UserError(f"{fault}; the state of step {step} is saved")
                if is_preempted and step < self._last:
                    raise self.notice.error(_saved(step))
                if validation is not None:
                    self._validate(step, state, validation)
                    meter.restart(step)

    def _batches(self, first_step: int) -> Iterator[Batch]:
        return split_over_devices(
            train_batches(
                self.parts.mixture,
                crop=self.config.train.crop,
                augmentation=self.config.augment,
                see=self.parts.scale.see,
                batch_size=self.config.train.batch_size,
                seed=self.config.seed,
                first_step=first_step,
                num_steps=self.config.train.num_steps,
                bins=build_bins(self.config),
            )
        )

    def _validation_at(self, step: int) -> Records | None:
        """Returns the validation images if validation is due after a step."""
        every = self.config.eval.every
        is_due = every > 0 and step > 0 and (step % every == 0 or step == self._last)
        return self.parts.validation if is_due else None

    def _validate(self, step: int, state: TrainState, records: Records) -> None:
        """Validates a saved state: writes its metrics and a sheet of images."""
        with self.notice.at_once(_saved(step)):
            predict = functools.partial(self.parts.predict, Trained(state.variables))
            camera = training_camera(self.workdir, self.config)
            metrics = validate(predict, records, self.config, camera)
            if is_primary():
                sheet = draw_validation(predict, records, self.config, camera)
                if sheet is not None:
                    self.writer.write_image(step, "val", sheet)
            self.writer.write(step, "val", metrics)
            self.checkpoints.score(step, metrics)

    def _log(self, step: int, numbers: dict[str, Array], meter: Meter) -> str:
        """Writes the metrics of a step, and returns the text for the progress bar."""
        logged = {name: float(value) for name, value in numbers.items()}
        logged |= group_rates(build_groups(self.config), self.parts.schedule, step - 1)
        logged |= meter.read(step) | device_memory()
        self.writer.write(step, "train", logged)
        return f"loss {logged['loss']:.3f}, {logged['images_per_second']:.1f} images/s"

    def _fault(self, step: int, numbers: dict[str, Array]) -> str | None:
        """Says why the run cannot go on after a step, if it cannot."""
        bad_steps = int(numbers["bad_steps"]) if numbers else 0
        if bad_steps < self.config.train.max_bad_steps:
            return None
        names = batch_names(
            self.parts.mixture,
            step=step,
            batch_size=self.config.train.batch_size,
            seed=self.config.seed,
        )
        if numbers["valid_pixels"] == 0:
            problem = "no pixel had depth within the bins"
            remedy = "look at the depth of these images with check_data"
        else:
            problem = "loss or gradient was not finite"
            remedy = "lower train.learning_rate, or look at these images"
        return (
            f"train.max_bad_steps={self.config.train.max_bad_steps}: {bad_steps} steps "
            f"in a row changed nothing, the last of them because {problem}: step "
            f"{step} on {', '.join(names)}; {remedy}"
        )


def _saved(step: int) -> str:
    return f"the state of step {step} is saved; start again to resume"


@contextlib.contextmanager
def _profile(config: Config, workdir: Path) -> Iterator[Callable[[int], None]]:
    """Yields the function to call at every step, which records the profile."""
    first, last = config.train.profile_steps
    running = contextlib.ExitStack()

    def at(step: int) -> None:
        if step == first:
            folder = str(workdir / "profile")
            running.enter_context(jax.profiler.trace(folder))
        if step == last + 1:
            running.close()

    with running:
        yield at
