"""The folder of a run, and the promise that it holds one run only."""

import contextlib
import importlib.metadata
import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from deepdepth_jax import atomic
from deepdepth_jax.config import (
    FIELDS,
    Config,
    complete,
    config_from_json,
    differences,
    override,
    with_fields,
)
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.runtime.json_files import is_positive, read_object
from deepdepth_jax.runtime.parallel import is_primary

CAMERA_FILE = "camera.json"
LOCK_FILE = ".lock"


def claim(workdir: Path, config: Config) -> None:
    """Makes the folder the run's of this config, or checks that it already is.

    Raises:
      UserError: the folder holds a run with another config.
    """
    check_same_run(workdir, config)
    if not is_primary():
        return
    described = json.dumps(_describe(config), indent=2) + "\n"
    atomic.write(workdir / "config.json", described)


@contextlib.contextmanager
def held(workdir: Path) -> Iterator[None]:
    """Keeps other trainings out of a folder; of several processes the primary does.

    The system lets go of the folder when the process dies, however it dies.

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
            "take another --workdir"
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


def check_same_run(workdir: Path, config: Config) -> None:
    """Refuses a config that would have trained something else than is in the folder.

    A folder without a run is anybody's.

    Raises:
      UserError: names the fields that differ.
    """
    if not (workdir / "config.json").exists():
        return
    changed = {
        field: (stored, asked)
        for field, (stored, asked) in differences(
            stored_config(workdir), config
        ).items()
        # A field that is not set is whatever the run has.
        if asked is not None and not FIELDS[field].free
    }
    if changed:
        listed = "; ".join(
            f"{field} is {stored!r} there, {asked!r} here"
            for field, (stored, asked) in changed.items()
        )
        raise UserError(
            f"{workdir / 'config.json'}: the folder holds another run ({listed}); "
            "take another --workdir, or the same values"
        )


def as_trained(workdir: Path, config: Config) -> Config:
    """Gives the config of the run in the folder, with the free fields of another.

    Raises:
      UserError: there is no run, or the other config would have trained another one.
    """
    trained = stored_config(workdir)
    check_same_run(workdir, config)
    asked = {
        name: asked
        for name, (_, asked) in differences(trained, config).items()
        if FIELDS[name].free
    }
    return with_fields(trained, asked)


def stored_config(workdir: Path, overrides: Sequence[str] = ()) -> Config:
    """Reads the completed config of the run in a folder.

    Args:
      workdir: of the run.
      overrides: `--config.section.field=value` arguments to apply first.

    Raises:
      UserError: there is no run, or its config cannot run with these overrides.
    """
    path = workdir / "config.json"
    if not path.is_file():
        raise UserError(
            f"{workdir}: no run here (there is no config.json): train first"
        )
    return complete(override(config_from_json(path), overrides))


def save_training_focal_px(workdir: Path, focals_px: Sequence[float]) -> None:
    """Keeps the focal lengths of training images in the folder of a run.

    These are the median, and the shortest and the longest.

    Args:
      workdir: of the run.
      focals_px: of pictures, in their pixels; 0 = unknown.
    """
    known = [focal_px for focal_px in focals_px if focal_px > 0]
    camera = {
        "median_focal_px": float(np.median(known)) if known else None,
        "focal_px_range": [float(min(known)), float(max(known))] if known else None,
    }
    atomic.write(workdir / CAMERA_FILE, json.dumps(camera) + "\n")


def training_focal_px(workdir: Path) -> float:
    """Reads the median focal length of training pictures; 0 = unknown.

    Runs of versions that kept no such file count as unknown.
    """
    median_px, _ = _training_focals_px(workdir)
    return median_px


def training_camera(workdir: Path, config: Config) -> TrainingCamera:
    """Reads the camera that the run of a completed config has learnt from."""
    median_px, range_px = _training_focals_px(workdir)
    return TrainingCamera(
        canonical_focal_px=config.data.canonical_focal_px,
        focal_px=median_px,
        range_px=range_px,
    )


def _training_focals_px(workdir: Path) -> tuple[float, tuple[float, float]]:
    """Reads the median and the range of the focal lengths; zeros = unknown."""
    path = workdir / CAMERA_FILE
    if not path.exists():
        return 0.0, (0.0, 0.0)
    remedy = "start the training again, which writes it anew"
    kept = read_object(path, remedy)
    median_px, range_px = kept.get("median_focal_px"), kept.get("focal_px_range")
    if median_px is None:
        return 0.0, (0.0, 0.0)
    if range_px is None:  # as in earlier versions
        range_px = [0.0, 0.0]
    elif not _is_range(range_px):
        raise UserError(f"{path}: focal_px_range must be two numbers > 0; {remedy}")
    if not is_positive(median_px):
        raise UserError(f"{path}: median_focal_px must be a number > 0; {remedy}")
    return float(median_px), (float(range_px[0]), float(range_px[1]))


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(is_positive, value))


def _describe(config: Config) -> dict:
    packages = ("deepdepth_jax", "jax", "flax", "optax", "orbax-checkpoint")
    return {
        "config": config.to_dict(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "git_commit": _git_commit(),
    }


def _git_commit() -> str | None:
    """Gives the commit of the code that runs; None if it is not in a git checkout."""
    here = Path(__file__).parent
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],
            cwd=here,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:  # git is not installed
        return None
    return answer.stdout.strip() or None
