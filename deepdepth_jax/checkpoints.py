"""Checkpoints of a run: the last ones, and the best by a validation metric."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal

from ml_collections import ConfigDict
from orbax.checkpoint import v1 as ocp

from deepdepth_jax.errors import UserError
from deepdepth_jax.metrics import LARGER_IS_BETTER
from deepdepth_jax.state import TrainState

Which = Literal["last", "best"] | int


class Checkpoints:
    """The folder `checkpoints/` of a workdir. Use it in a `with` block.

    Args:
      workdir: of the run.
      keep: how many of the last ones are kept, besides the best.
      best_metric: the validation metric that makes a checkpoint the best.
    """

    def __init__(self, workdir: Path, *, keep: int, best_metric: str) -> None:
        self._workdir = workdir
        self._metric = best_metric
        policies = ocp.training.preservation_policies
        self._checkpointer = ocp.training.Checkpointer(
            (workdir / "checkpoints").absolute(),
            preservation_policy=policies.AnyPreservationPolicy(
                [
                    policies.LatestN(keep),
                    policies.BestN(
                        get_metric_fn=self._score,
                        n=1,
                        keep_checkpoints_without_metrics=False,
                    ),
                ]
            ),
        )

    @classmethod
    def of(cls, config: ConfigDict, workdir: Path) -> "Checkpoints":
        """Opens the checkpoints of a run with a completed config."""
        return cls(
            workdir,
            keep=config.train.keep_checkpoints,
            best_metric=config.eval.best_metric,
        )

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._checkpointer.close()

    def _score(self, metrics: Mapping[str, float]) -> float:
        """Gives a number that is larger for the better checkpoint."""
        value = metrics[self._metric]
        return value if self._metric in LARGER_IS_BETTER else -value

    def save(
        self, state: TrainState, metrics: Mapping[str, float] | None = None
    ) -> None:
        """Saves the state, with the validation metrics if they were taken at it."""
        step = int(state.step)
        self._checkpointer.save(
            step, state, force=True, metrics=None if metrics is None else dict(metrics)
        )

    @property
    def last_step(self) -> int | None:
        """The step of the last checkpoint, None if there is none."""
        latest = self._checkpointer.latest
        return None if latest is None else latest.step

    @property
    def best_step(self) -> int | None:
        """The step of the best checkpoint, None if none has been validated."""
        validated = [c for c in self._checkpointer.checkpoints if c.metrics]
        if not validated:
            return None
        return max(validated, key=lambda c: self._score(c.metrics)).step

    def find(self, which: Which) -> int:
        """Gives the step that `last`, `best` or a number stands for.

        Without any validation the best is the last.

        Raises:
          UserError: there is no such checkpoint.
        """
        steps = [c.step for c in self._checkpointer.checkpoints]
        if not steps:
            raise UserError(f"{self._workdir}: no checkpoint here: train first")
        if which == "last":
            return steps[-1]
        if which == "best":
            return steps[-1] if self.best_step is None else self.best_step
        if which not in steps:
            raise UserError(
                f"--checkpoint={which}: {self._workdir} has the steps "
                f"{', '.join(map(str, steps))}"
            )
        return which

    def restore(self, like: TrainState, step: int) -> TrainState:
        """Loads a checkpoint into the form and the places of an abstract state."""
        return self._checkpointer.load(step, like)
