"""A trained network with all that is needed to use it, from a run or from a file."""

import collections
import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deepdepth_jax.config import Config
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.inference.build import restore
from deepdepth_jax.inference.steps import Trained
from deepdepth_jax.paths import HUB
from deepdepth_jax.runtime.checkpoints import Which
from deepdepth_jax.runtime.json_files import is_number
from deepdepth_jax.runtime.workdir import (
    EVALUATION_FILE,
    read_evaluation,
    stored_config,
    training_camera,
)

FILE_SUFFIX = ".safetensors"
MEASURED = ("protocol", "metrics")
"""What is kept of an evaluation."""
PROTOCOL = (
    "{dataset} {split}",
    "{images} images",
    "{ground_truth} ground truth",
    "crop {crop}",
    "cap {cap_m} m",
)
TITLES = {"abs_rel": "AbsRel", "rmse": "RMSE (m)", "d1": "d1"}


@dataclasses.dataclass(frozen=True)
class SavedNetwork:
    """A trained network with its config, calibration and camera.

    Attributes:
      config: completed.
      trained: variables and temperature.
      camera: the focal lengths of the training images.
      step: of the checkpoint.
      details: further facts as JSON values: `evaluations`, with `protocol` and
        `metrics` each, `trained_on` and `licence`. A run has none.
      workdir: of the run that it was loaded from. None for a file.
    """

    config: Config
    trained: Trained
    camera: TrainingCamera
    step: int
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    workdir: Path | None = None


def load_network(
    source: Path, which: Which = "best", overrides: Sequence[str] = ()
) -> SavedNetwork:
    """Loads a network from the folder of a run, a file of weights, or the hub.

    Args:
      source: the folder, the file, or `hub:user/name`.
      which: checkpoint of a run. A file holds one.
      overrides: `--config.section.field=value` arguments.

    Raises:
      UserError: see `load_run`, `read_network` and `hugging_face.download`.
    """
    source = local_path(source)
    if not source.exists() and (hint := maybe_on_hub(source)):
        raise UserError(f"{source}: no such file or folder: train first{hint}")
    if source.suffix != FILE_SUFFIX or source.is_dir():
        return load_run(source, which, overrides)
    if which != "best":
        raise UserError(
            f"{source}: holds one checkpoint; leave out --checkpoint={which}"
        )
    from deepdepth_jax.inference.network_file import read_network

    return read_network(source, overrides)


def local_path(source: Path) -> Path:
    """Returns the path of a network, which is downloaded if it is `hub:user/name`.

    Raises:
      UserError: see `hugging_face.download`.
    """
    name = str(source)
    if not name.startswith(HUB):
        return source
    from deepdepth_jax.inference.hugging_face import download

    return download(name.removeprefix(HUB))


def maybe_on_hub(path: Path) -> str:
    """Returns a hint if a path that is not there looks like a name on the hub."""
    looks_so = re.fullmatch(r"[\w.-]+/[\w.-]+", str(path), re.ASCII)
    return f", or write {HUB}{path} for a network on the hub" if looks_so else ""


def load_run(
    workdir: Path, which: Which = "best", overrides: Sequence[str] = ()
) -> SavedNetwork:
    """Loads the network of a run, without the state of the optimiser.

    Args:
      workdir: of the run.
      which: checkpoint.
      overrides: `--config.section.field=value` arguments.

    Raises:
      UserError: there is no run or no such checkpoint, or it is damaged.
    """
    config = stored_config(workdir, overrides)
    step, trained = restore(config, workdir, which)
    camera = training_camera(workdir, config)
    return SavedNetwork(config, trained, camera, step, workdir=workdir)


def with_evaluations(network: SavedNetwork, files: Sequence[Path] = ()) -> SavedNetwork:
    """Adds protocols and metrics of evaluations to a network.

    Args:
      network: of a run, whose own evaluation is added if it was of this step, or of a
        file, which keeps those that it has.
      files: an eval.json of each other evaluation, which come first.

    Returns:
      The network with all evaluations.

    Raises:
      UserError: one is missing or damaged, or was of another step.
    """
    evaluations = []
    for file in files:
        evaluation = read_evaluation(file)
        if evaluation["step"] != network.step:
            raise UserError(
                f"{file}: is of step {evaluation['step']}, not of {network.step}; "
                "evaluate that checkpoint"
            )
        evaluations.append({name: evaluation[name] for name in MEASURED})
    details = network.details if network.workdir is None else _of_run(network)
    evaluations += details.get("evaluations", [])
    details = {**details, "evaluations": evaluations}
    return dataclasses.replace(network, details=details)


def _of_run(network: SavedNetwork) -> dict[str, Any]:
    """Returns the details of a run's network."""
    from deepdepth_jax.datasets.registry import training_weights

    assert network.workdir is not None
    own = network.workdir / EVALUATION_FILE
    evaluation = read_evaluation(own) if own.exists() else {}
    is_of_step = evaluation.get("step") == network.step
    kept = [{name: evaluation[name] for name in MEASURED}] if is_of_step else []
    trained_on = list(training_weights(network.config.data))
    return {"evaluations": kept, "trained_on": trained_on}


def describe_protocol(protocol: Mapping[str, Any]) -> str:
    """Describes the data and the protocol of an evaluation in a phrase."""
    known = collections.defaultdict(lambda: "unknown", protocol)
    return ", ".join(part.format_map(known) for part in PROTOCOL)


def describe_details(details: Mapping[str, Any]) -> list[str]:
    """Describes the details of a network in lines.

    Args:
      details: evaluations and licence.

    Returns:
      The lines.
    """
    lines = []
    for evaluation in details.get("evaluations", ()):
        protocol, metrics = (evaluation[name] for name in MEASURED)
        on = describe_protocol(protocol)
        found = ", ".join(
            f"{title} {metrics[name]:.3f}"
            for name, title in TITLES.items()
            if is_number(metrics.get(name))
        )
        lines.append(f"measured on {on}: {found}")
    if "licence" in details:
        lines.append(f"licence: {details['licence']}")
    return lines
