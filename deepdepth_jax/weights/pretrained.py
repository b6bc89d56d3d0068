"""The weights that `model.pretrained` names: a backbone, or a trained depth network."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from pathlib import Path

import jax
import numpy as np
from flax.traverse_util import flatten_dict

from deepdepth_jax.config import Config, complete, config_from_fields
from deepdepth_jax.geometry import UNKNOWN_CAMERA, TrainingCamera
from deepdepth_jax.inference.network_file import read_network
from deepdepth_jax.inference.network_metadata import (
    AGAIN,
    holds_network,
    read_metadata,
)
from deepdepth_jax.inference.saved_network import SavedNetwork, load_run
from deepdepth_jax.models.build import build_network
from deepdepth_jax.models.layers import BATCH_NORM_EPSILON
from deepdepth_jax.models.pretrained import (
    Metadata,
    load_backbone,
    load_digest,
    load_metadata,
)
from deepdepth_jax.runtime.checkpoint_folder import Which
from deepdepth_jax.runtime.checkpoints import Checkpoints
from deepdepth_jax.runtime.workdir import (
    camera_from_json,
    is_checkpoint,
    stored_config,
    training_camera,
)
from deepdepth_jax.weights import hub


@dataclasses.dataclass(frozen=True)
class Pretrained:
    """Weights to start a training from, before they are loaded.

    Attributes:
      metadata: architecture and preprocessing of the backbone.
      digest: of the content.
      load: loads the tensors, by their paths in the variables of `DeepLabV2`.
      network: config of the trained depth network, completed. None for a backbone.
      camera: of its training images. Unknown for a backbone.
    """

    metadata: Metadata
    digest: str
    load: Callable[[], Mapping[str, np.ndarray]]
    network: Config | None = None
    camera: TrainingCamera = UNKNOWN_CAMERA


def open_pretrained(name_or_path: str) -> Pretrained:
    """Opens the weights that a value of `model.pretrained` names.

    Args:
      name_or_path: see `hub.resolve`.

    Returns:
      The weights. Their tensors are not read yet.

    Raises:
      UserError: they are not there, or the file or the run is damaged.
    """
    path = hub.resolve(name_or_path)
    if path.is_dir():
        return _of_run(path)
    if holds_network(path):
        return _of_network_file(path)
    digest = f"sha256 {load_digest(path)}"
    return Pretrained(load_metadata(path), digest, lambda: load_backbone(path).flat())


def _of_run(path: Path) -> Pretrained:
    """Opens the best checkpoint of a run's folder, or `RUN/checkpoints/STEP`."""
    workdir, which = _place_of(path)
    config = stored_config(workdir)
    with Checkpoints.of(config, workdir) as checkpoints:
        step = checkpoints.find(which)
        digest = checkpoints.digest(step)
    load = functools.partial(load_run, workdir, step)
    camera = training_camera(workdir, config)
    return _of_network(f"{workdir}, step {step}", config, camera, digest, load)


def _place_of(path: Path) -> tuple[Path, Which]:
    return (
        (path.parent.parent, int(path.name)) if is_checkpoint(path) else (path, "best")
    )


def _of_network_file(path: Path) -> Pretrained:
    fields = read_metadata(path)
    config = complete(config_from_fields(fields["config"], str(path)))
    camera = camera_from_json(fields["camera"], config, str(path), AGAIN)
    load = functools.partial(read_network, path)
    return _of_network(str(path), config, camera, fields["sha256"], load)


def _of_network(
    source: str,
    config: Config,
    camera: TrainingCamera,
    digest: str,
    load: Callable[[], SavedNetwork],
) -> Pretrained:
    network = build_network(config)
    metadata = Metadata(
        architecture=network.model.architecture,
        width=network.model.width,
        stride_on=network.model.stride_on,
        convention=network.convention,
        batch_norm_epsilon=BATCH_NORM_EPSILON,
        source="deepdepth_jax",
        source_file=source,
        source_sha256=digest,
        source_batch_norm_epsilon=BATCH_NORM_EPSILON,
    )

    def tensors() -> Mapping[str, np.ndarray]:
        return flatten_dict(jax.device_get(load().trained.variables), sep="/")

    return Pretrained(metadata, f"sha256 {digest}", tensors, config, camera)
