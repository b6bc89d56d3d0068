"""One file that holds a trained network with all that is needed to use it.

A safetensors file. Its only metadata is a JSON object with the config, the camera, the
calibration and a digest of itself and of the tensors. It is a single entry, as several
have no fixed order (findings/safetensors_metadata_order.sh).
"""

import hashlib
import json
import operator
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deepdepth_jax.config import (
    FIELDS,
    Config,
    complete,
    config_from_fields,
    override,
)
from deepdepth_jax.errors import UserError
from deepdepth_jax.inference.network_details import describe_details
from deepdepth_jax.inference.network_metadata import (
    AGAIN,
    FORMAT,
    read_metadata,
    read_temperatures,
)
from deepdepth_jax.inference.saved_network import SavedNetwork
from deepdepth_jax.models.heads import build_head
from deepdepth_jax.models.strict import check_tensors, listed
from deepdepth_jax.models.tensor_files import (
    NETWORK_KEY,
    read_safetensors,
    write_safetensors,
)
from deepdepth_jax.runtime.claim import check_same_network, versions
from deepdepth_jax.runtime.parallel import replicated
from deepdepth_jax.runtime.workdir import camera_from_json, camera_to_json
from deepdepth_jax.types import Tree

DTYPES: Mapping[str, Any] = MappingProxyType(
    {
        "float32": np.float32,
        "bfloat16": jnp.bfloat16,
        "float16": np.float16,
    }
)
"""Types of the kernels. Vectors are few and stay float32."""
STORED_DATA = (
    "data.canonical_focal_px",
    "data.streets.world",
    "data.streets.height",
    "data.streets.width",
)
"""The fields of `data` that a file keeps. The others name places on a disk."""


def write_network(
    path: Path,
    network: SavedNetwork,
    *,
    dtype: str = "float32",
    licence: str | None = None,
) -> list[str]:
    """Writes a network as one file. The same network makes the same bytes.

    Args:
      path: file to write.
      network: its `details` are written, too.
      dtype: of the kernels, a name in `DTYPES`.
      licence: of the weights. None: as in the details of the network.

    Returns:
      Lines that describe the file.

    Raises:
      UserError: the tensors do not match the config, or exceed the type. Or the file
        cannot be written.
    """
    from flax.traverse_util import flatten_dict

    from deepdepth_jax.models.build import build_network, variable_shapes

    wide = flatten_dict(jax.device_get(network.trained.variables), sep="/")
    shapes = variable_shapes(build_network(network.config).model)
    check_tensors(str(path), shapes, wide, "nothing was written")
    tensors = {name: _narrowed(name, x, dtype) for name, x in wide.items()}
    details = {**network.details, **({"licence": licence} if licence else {})}
    fields: dict[str, Any] = {
        "format": FORMAT,
        "config": _config_fields(network.config),
        "camera": camera_to_json(network.camera),
        "temperature": dict(network.temperatures),
        "step": network.step,
        "versions": versions(),
        "details": details,
    }
    fields["sha256"] = _digest(fields, tensors)
    write_safetensors(path, tensors, {NETWORK_KEY: _text(fields)})
    return [
        f"step {network.step}, {len(tensors)} tensors, kernels in {dtype}",
        *describe_details(details),
    ]


def read_network(path: Path, overrides: Sequence[str] = ()) -> SavedNetwork:
    """Reads a file of `write_network`, with all tensors as float32.

    Args:
      path: the file.
      overrides: `--config.section.field=value` arguments.

    Returns:
      The network.

    Raises:
      UserError: the file is missing, cut off, modified, of another program or version,
        or its bins do not fit its head.
    """
    fields = read_metadata(path)
    tensors = read_safetensors(path, AGAIN)
    foreign = [name for name, x in tensors.items() if x.dtype.name not in DTYPES]
    if foreign:
        raise UserError(
            f"{path}: tensors of another type than {', '.join(DTYPES)}: "
            f"{listed(foreign)}; {AGAIN}"
        )
    digest = fields.pop("sha256")
    if digest != _digest(fields, tensors):
        raise UserError(f"{path}: was modified: its digest differs; {AGAIN}")
    stored = config_from_fields(fields["config"], str(path))
    config = trained_config = complete(stored)
    if overrides:
        config = complete(override(stored, overrides))
        check_same_network(path, trained_config, config)
    _check_head(path, config, tensors)
    wide = {name: x.astype(np.float32, copy=False) for name, x in tensors.items()}
    variables = jax.device_put(_nested(wide), replicated())
    return SavedNetwork(
        config,
        variables,
        read_temperatures(fields),
        camera_from_json(fields["camera"], config, str(path), AGAIN),
        fields["step"],
        fields["details"],
    )


def _nested(tensors: Mapping[str, np.ndarray]) -> dict[str, Tree]:
    """Returns a tree of dicts from arrays by their paths. Flax takes long to import."""
    tree: dict[str, Tree] = {}
    for path, array in tensors.items():
        *folders, leaf = path.split("/")
        within = tree
        for folder in folders:
            within = within.setdefault(folder, {})
        within[leaf] = array
    return tree


def _check_head(path: Path, config: Config, tensors: Mapping[str, np.ndarray]) -> None:
    """Refuses bins that do not fit the head, without building the network."""
    channels = build_head(config).channels
    last = "decoder/outputs" if config.model.decoder_width else "aspp"
    biases = {n: x for n, x in tensors.items() if n.startswith(f"params/{last}/")}
    found = sorted({x.shape[-1] for x in biases.values()})
    if found != [channels]:
        raise UserError(
            f"{path}: bins.num_bins={config.bins.num_bins} with model.head="
            f"{config.model.head} needs {channels} outputs, but the head has "
            f"{found}; {AGAIN}"
        )


def _config_fields(config: Config) -> dict[str, Any]:
    """Returns the fields that say how the network was trained and is to be used."""
    return {
        name: operator.attrgetter(name)(config)
        for name in FIELDS
        if name in STORED_DATA or not name.startswith(("data.", "model.pretrained"))
    }


def _narrowed(name: str, x: np.ndarray, dtype: str) -> np.ndarray:
    if x.ndim < 2:
        return x
    with np.errstate(over="ignore"):
        narrow = x.astype(DTYPES[dtype])
    if not np.isfinite(narrow.astype(np.float32)).all():
        raise UserError(f"{name} exceeds {dtype}; take --dtype=bfloat16")
    return narrow


def _text(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, sort_keys=True, allow_nan=False)


def _digest(fields: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> str:
    """Hashes the metadata and the names, types, shapes and values of the tensors."""
    digest = hashlib.sha256(_text(fields).encode())
    for name, x in sorted(tensors.items()):
        digest.update(f"\n{name} {x.dtype.name} {x.shape}\n".encode())
        digest.update(np.ascontiguousarray(x).view(np.uint8).data)
    return digest.hexdigest()
