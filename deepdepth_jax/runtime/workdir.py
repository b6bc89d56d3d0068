"""The folder of a run: its config, its camera, and its lock."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from deepdepth_jax.config import Config, complete, config_from_json, override
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.content import UNKNOWN, Content
from deepdepth_jax.runtime.json_files import is_positive, read_object
from deepdepth_jax.runtime.parallel import is_primary

CONFIG_FILE = "config.json"
CAMERA_FILE = "camera.json"
EVALUATION_FILE = "eval.json"
CHECKPOINTS = "checkpoints"
LOCK_FILE = ".lock"


@contextlib.contextmanager
def held(workdir: Path) -> Iterator[None]:
    """Keeps other trainings out of a folder; of several processes the primary does.

    The system lets go of the folder when the process dies, however it dies.

    Args:
      workdir: the folder.

    Yields:
      Nothing.

    Raises:
      UserError: another training holds the folder.
    """
    if not is_primary():
        yield
        return
    lock = FileLock(workdir / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UserError(
            f"{workdir}: another process is training there; wait until it ends, or "
            "choose another --workdir"
        ) from error
    try:
        yield
    finally:
        lock.release()


def check_free(workdir: Path) -> None:
    """Refuses a folder that another training holds; makes nothing.

    Raises:
      UserError: see `held`.
    """
    if (workdir / LOCK_FILE).exists():
        with held(workdir):
            pass


def stored_config(workdir: Path, overrides: Sequence[str] = ()) -> Config:
    """Reads the completed config of the run in a folder.

    Args:
      workdir: of the run.
      overrides: `--config.section.field=value` arguments to apply first.

    Raises:
      UserError: there is no run, or its config cannot run with these overrides.
    """
    path = workdir / CONFIG_FILE
    if not path.is_file():
        raise UserError(
            f"{workdir}: holds no run ({CONFIG_FILE} is missing): train first"
        )
    return complete(override(config_from_json(path), overrides))


def stored_content(workdir: Path) -> Content:
    """Reads the content that the run in a folder learns from.

    It is unknown for folders without a run, and for runs of earlier versions.

    Raises:
      UserError: config.json is damaged.
    """
    path = workdir / CONFIG_FILE
    if not path.is_file():
        return UNKNOWN
    stored = read_object(path, "copy it again")
    try:
        return Content.from_json(stored["content"]) if "content" in stored else UNKNOWN
    except ValueError as error:
        raise UserError(f"{path}: content: {error}") from error


def has_checkpoint(workdir: Path) -> bool:
    """Returns whether a run has been saved in the folder."""
    return any(map(is_checkpoint, (workdir / CHECKPOINTS).glob("*")))


def is_checkpoint(path: Path) -> bool:
    """Returns whether a path is the folder of a checkpoint, `RUN/checkpoints/STEP`."""
    is_named_so = path.name.isdecimal() and path.parent.name == CHECKPOINTS
    return is_named_so and path.is_dir()


def started_config(workdir: Path) -> Config | None:
    """Reads the config of the run that can be resumed in a folder; None without one."""
    is_started = (workdir / CONFIG_FILE).is_file() and has_checkpoint(workdir)
    return stored_config(workdir) if is_started else None


def save_training_camera(workdir: Path, camera: TrainingCamera) -> None:
    """Writes the focal lengths and the size of the training images of a run."""
    atomic.write(workdir / CAMERA_FILE, json.dumps(camera_to_json(camera)) + "\n")


def training_camera(workdir: Path, config: Config) -> TrainingCamera:
    """Reads the camera that the run of a completed config has learnt from.

    Runs of versions that kept no such file have an unknown one.
    """
    path = workdir / CAMERA_FILE
    remedy = "start the training again, which writes it anew"
    kept = read_object(path, remedy) if path.exists() else {}
    return camera_from_json(kept, config, str(path), remedy)


def camera_to_json(camera: TrainingCamera) -> dict[str, Any]:
    """Returns the object that `camera_from_json` reads."""
    is_known = any(camera.range_px)
    return {
        "median_focal_px": camera.focal_px or None,
        "focal_px_range": [*camera.range_px] if is_known else None,
        "median_pixels": camera.pixels or None,
    }


def camera_from_json(
    kept: Mapping[str, Any], config: Config, what: str, remedy: str
) -> TrainingCamera:
    """Reads the camera out of a JSON object.

    Args:
      kept: the object. Empty for an unknown camera.
      config: of the run, completed.
      what: where the object comes from, for the message.
      remedy: advice for the user, for the message.

    Returns:
      The camera.

    Raises:
      UserError: the object is damaged.
    """
    canonical_px = config.data.canonical_focal_px
    median_px, range_px = kept.get("median_focal_px"), kept.get("focal_px_range")
    pixels = kept.get("median_pixels")
    # Null if unknown. Earlier versions kept fewer of the three.
    for name, value in (("median_focal_px", median_px), ("median_pixels", pixels)):
        if value is not None and not is_positive(value):
            raise UserError(f"{what}: {name} must be a number > 0; {remedy}")
    if range_px is not None and not _is_range(range_px):
        raise UserError(f"{what}: focal_px_range must be two numbers > 0; {remedy}")
    shortest_px, longest_px = map(float, range_px or (0.0, 0.0))
    return TrainingCamera(
        canonical_px,
        float(median_px or 0.0),
        (shortest_px, longest_px),
        int(pixels or 0),
    )


def read_evaluation(path: Path) -> dict[str, Any]:
    """Reads an eval.json: its `step`, `protocol` and `metrics`.

    Raises:
      UserError: the file is missing or damaged.
    """
    evaluation = read_object(path, "evaluate again")
    for name in ("protocol", "metrics"):
        if not isinstance(evaluation.get(name), dict):
            raise UserError(f"{path}: is damaged (no {name}); evaluate again")
    return {name: evaluation.get(name) for name in ("step", "protocol", "metrics")}


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(is_positive, value))
