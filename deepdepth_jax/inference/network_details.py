"""What is known of a saved network besides its weights: results, data, licence."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deepdepth_jax.errors import UserError
from deepdepth_jax.inference.saved_network import SavedNetwork
from deepdepth_jax.runtime.json_files import is_number
from deepdepth_jax.runtime.workdir import EVALUATION_FILE, read_evaluation

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
        evaluations.append(_published(evaluation))
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
    kept = [_published(evaluation)] if is_of_step else []
    trained_on = list(training_weights(network.config.data))
    return {"evaluations": kept, "trained_on": trained_on}


def _published(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what is kept of an evaluation, without the folders of this machine."""
    protocol = dict(evaluation["protocol"])
    split, of, path = str(protocol.get("split")).partition(" of ")
    if of:
        protocol["split"] = f"{split} of {Path(*Path(path).parts[-2:])}"
    return {"protocol": protocol, "metrics": evaluation["metrics"]}


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
