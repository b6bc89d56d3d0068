"""Where a run's metrics go besides metrics.jsonl: TensorBoard, W&B, MLflow.

W&B and MLflow read their own settings from the environment: WANDB_PROJECT, WANDB_MODE,
MLFLOW_TRACKING_URI and so on.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

import numpy as np
from jaxtyping import UInt8

from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.json_files import parse_object

Status = Literal["finished", "failed"]
EXPERIMENT = "deepdepth_jax"
MOST_PARAMS = 100
"""MLflow takes so many parameters at a time."""

IDS = "trackers.json"
"""File of a run: tracker -> the identity under which it continues the run."""


class Tracker(Protocol):
    """Receives the metrics of a run. A resumed run sends some of them again."""

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """Sends metrics by name, such as `train/loss`."""

    def write_image(
        self, step: int, name: str, image: UInt8[np.ndarray, "h w 3"]
    ) -> None:
        """Sends an image."""

    def close(self, status: Status) -> None:
        """Sends what is left."""


class TensorBoard:
    """Writes events to the folder `tensorboard` of a run."""

    def __init__(self, workdir: Path, config: Mapping[str, Any]) -> None:
        import tensorflow as tf

        del config
        self._summary = tf.summary
        self._events = tf.summary.create_file_writer(str(workdir / "tensorboard"))

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """See `Tracker`."""
        with self._events.as_default():
            for name, value in numbers.items():
                self._summary.scalar(name, value, step=step)
        self._events.flush()

    def write_image(
        self, step: int, name: str, image: UInt8[np.ndarray, "h w 3"]
    ) -> None:
        """See `Tracker`."""
        with self._events.as_default():
            self._summary.image(name, image[None], step=step)
        self._events.flush()

    def close(self, status: Status) -> None:
        """See `Tracker`."""
        del status
        self._events.close()


class WandB:
    """Logs to Weights & Biases, or with WANDB_MODE=offline to the run's folder."""

    def __init__(self, workdir: Path, config: Mapping[str, Any]) -> None:
        import wandb

        self._image = wandb.Image
        with _refusals("wandb", wandb.errors.Error):
            self._run = wandb.init(
                dir=workdir,
                id=_identity(workdir, "wandb", lambda: uuid.uuid4().hex),
                name=workdir.resolve().name,
                resume="allow",
                config=dict(config),
            )
        # W&B's own count of steps only rises, and a resumed run sends steps again.
        self._run.define_metric("*", step_metric="step")

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """See `Tracker`."""
        self._run.log({"step": step, **numbers})

    def write_image(
        self, step: int, name: str, image: UInt8[np.ndarray, "h w 3"]
    ) -> None:
        """See `Tracker`."""
        self._run.log({"step": step, f"{name}/image": self._image(image)})

    def close(self, status: Status) -> None:
        """See `Tracker`."""
        self._run.finish(exit_code=int(status != "finished"))


class MLflow:
    """Logs to the server or database that MLFLOW_TRACKING_URI names."""

    def __init__(self, workdir: Path, config: Mapping[str, Any]) -> None:
        import mlflow
        from mlflow import entities

        self._entities, self._refused = entities, mlflow.exceptions.MlflowException
        with _refusals("mlflow", self._refused):
            self._client = mlflow.MlflowClient()
            self._run = _identity(
                workdir, "mlflow", lambda: self._new_run(workdir, config)
            )
            self._client.update_run(self._run, status="RUNNING")

    def _new_run(self, workdir: Path, config: Mapping[str, Any]) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        experiment = (
            self._client.create_experiment(EXPERIMENT)
            if found is None
            else found.experiment_id
        )
        name = workdir.resolve().name
        run = self._client.create_run(experiment, run_name=name).info.run_id
        # Once: MLflow refuses other values, and some fields may change on the way.
        params = [self._entities.Param(field, str(x)) for field, x in config.items()]
        for at in range(0, len(params), MOST_PARAMS):
            self._client.log_batch(run, params=params[at : at + MOST_PARAMS])
        return str(run)

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """See `Tracker`."""
        now_ms = time.time_ns() // 1_000_000
        metrics = [
            self._entities.Metric(name, value, now_ms, step)
            for name, value in numbers.items()
        ]
        with _refusals("mlflow", self._refused):
            self._client.log_batch(self._run, metrics=metrics)

    def write_image(
        self, step: int, name: str, image: UInt8[np.ndarray, "h w 3"]
    ) -> None:
        """See `Tracker`."""
        with _refusals("mlflow", self._refused):
            self._client.log_image(self._run, image, f"{name}/{step:09}.png")

    def close(self, status: Status) -> None:
        """See `Tracker`."""
        with _refusals("mlflow", self._refused):
            self._client.set_terminated(self._run, status=status.upper())


TRACKERS: Mapping[str, type[TensorBoard] | type[WandB] | type[MLflow]] = (
    MappingProxyType({"tensorboard": TensorBoard, "wandb": WandB, "mlflow": MLflow})
)
EXTRAS: Mapping[str, str] = MappingProxyType(
    {"tensorboard": "train", "wandb": "wandb", "mlflow": "mlflow"}
)
"""Tracker -> the extra that installs its package."""


def _identity(workdir: Path, tracker: str, new: Callable[[], str]) -> str:
    """Returns the run's identity at a tracker, the same whenever the run resumes."""
    path = workdir / IDS
    known = parse_object(path.read_text()) if path.exists() else {}
    if tracker not in known:
        known[tracker] = new()
        atomic.write(path, json.dumps(known, indent=2) + "\n")
    return str(known[tracker])


@contextmanager
def _refusals(tracker: str, refused: type[Exception]) -> Iterator[None]:
    """Turns a tracker's refusal to one line. The run resumes from its checkpoint."""
    try:
        yield
    except refused as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"train.log_to={tracker}: {reason}; resume with the same command, or "
            "without this tracker"
        ) from error
