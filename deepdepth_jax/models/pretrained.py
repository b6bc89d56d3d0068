"""Pretrained backbones: reads and writes converted files, and loads them strictly."""

import dataclasses
import functools
import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from deepdepth_jax.errors import UserError
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.models.layers import BATCH_NORM_EPSILON
from deepdepth_jax.models.resnet import ARCHITECTURES
from deepdepth_jax.models.strict import check_tensors, listed
from deepdepth_jax.models.tensor_files import (
    METADATA_KEY,
    NETWORK_KEY,
    read_header,
    read_safetensors,
    write_safetensors,
)
from deepdepth_jax.models.weight_metadata import Metadata
from deepdepth_jax.types import Tree

DIGEST_KEY = "deepdepth_jax.sha256"
EXPORT_KEY = "deepdepth_jax.exported"

AGAIN = "convert it again with `python -m deepdepth_jax.convert`"


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A pretrained ResNet, with variables named as in `resnet.ResNet`.

    Attributes:
      params: kernels, scales and biases.
      batch_stats: means and variances.
      metadata: metadata of the weights.
      aspp: parameters of the head, or None if the source had none.
    """

    params: Tree
    batch_stats: Tree
    metadata: Metadata
    aspp: Tree | None = None

    @classmethod
    def from_flat(
        cls, tensors: Mapping[str, np.ndarray], metadata: Metadata
    ) -> "Backbone":
        """Builds a backbone from tensors named by their paths in `DeepLabV2`."""
        tree = unflatten_dict(dict(tensors), sep="/")
        return cls(
            params=tree["params"]["backbone"],
            batch_stats=tree["batch_stats"]["backbone"],
            metadata=metadata,
            aspp=tree["params"].get("aspp"),
        )

    def flat(self) -> dict[str, np.ndarray]:
        """Returns the tensors by their paths in the variables of `DeepLabV2`."""
        params = {"backbone": self.params}
        if self.aspp is not None:
            params["aspp"] = self.aspp
        variables = {"params": params, "batch_stats": {"backbone": self.batch_stats}}
        return flatten_dict(variables, sep="/")


@functools.cache
def expected_shapes(
    architecture: str, width: int, num_classes: int | None
) -> Mapping[str, tuple[int, ...]]:
    """Returns path -> shape of the variables of `DeepLabV2`.

    Args:
      architecture: a name in `resnet.ARCHITECTURES`.
      width: channels of the stem.
      num_classes: outputs of the head, or None to leave the head out.

    Returns:
      The shapes by path.
    """
    model = DeepLabV2(outputs=num_classes or 1, architecture=architecture, width=width)
    variables = jax.eval_shape(
        lambda: model.init(jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    )
    return {
        path: leaf.shape
        for path, leaf in flatten_dict(variables, sep="/").items()
        if num_classes is not None or not path.startswith("params/aspp/")
    }


def save_backbone(path: Path | str, backbone: Backbone) -> None:
    """Writes a backbone as safetensors, with metadata and a digest in the header.

    Args:
      path: file to write.
      backbone: the backbone.

    Raises:
      UserError: the tensors do not match the architecture. See `check_tensors`.
    """
    tensors = {name: np.asarray(x) for name, x in backbone.flat().items()}
    _check(str(path), tensors, backbone.metadata)
    header = {METADATA_KEY: backbone.metadata.to_json()}
    header[DIGEST_KEY] = _digest(header[METADATA_KEY], tensors)
    write_safetensors(Path(path), tensors, header)


def load_metadata(path: Path | str) -> Metadata:
    """Reads the metadata of a converted file, without its tensors.

    Args:
      path: a file of `save_backbone`.

    Returns:
      The metadata.

    Raises:
      UserError: the file is missing, not converted, truncated, or of an unknown
        network.
    """
    path = Path(path)
    return _known_metadata(path, _header(path))


def load_digest(path: Path | str) -> str:
    """Reads the digest that `save_backbone` took of metadata and tensors.

    Raises:
      UserError: there is no such file, or it was not converted.
    """
    return _header(Path(path)).get(DIGEST_KEY, "")


def load_backbone(path: Path | str) -> Backbone:
    """Reads a converted file.

    Args:
      path: a file of `save_backbone`.

    Returns:
      The backbone.

    Raises:
      UserError: the file is missing, not converted, truncated or modified, or of an
        unknown network.
    """
    path = Path(path)
    header = _header(path)
    metadata = _known_metadata(path, header)
    tensors = read_safetensors(path, AGAIN)
    # `save_backbone` checked the tensors, and the digest covers them.
    if header.get(DIGEST_KEY) != _digest(header[METADATA_KEY], tensors):
        raise UserError(f"{path}: was changed after conversion; {AGAIN}")
    return Backbone.from_flat(tensors, metadata)


def initialise(
    variables: Mapping[str, Tree],
    tensors: Mapping[str, np.ndarray],
    metadata: Metadata,
    parts: Collection[str],
) -> dict[str, Tree]:
    """Replaces whole parts of the variables of a `DeepLabV2` by pretrained ones.

    Args:
      variables: `params` and `batch_stats`, which may hold shapes only.
      tensors: by their paths in the variables. Those of other parts are left out.
      metadata: of the tensors.
      parts: such as `backbone` and `aspp`.

    Returns:
      New variables. The given ones are unchanged.

    Raises:
      UserError: names or shapes differ.
    """
    flat = flatten_dict(dict(variables), sep="/")
    expected = {p: x.shape for p, x in flat.items() if p.split("/")[1] in parts}
    found = {p: x for p, x in tensors.items() if p.split("/")[1] in parts}
    remedy = f"is the model a {metadata.architecture} of width {metadata.width}?"
    check_tensors(f"model.pretrained ({metadata.source_file})", expected, found, remedy)
    return unflatten_dict(flat | found, sep="/")


def exported_metadata(path: Path) -> Metadata | None:
    """Reads the metadata written by `conversion.export_torchvision`, or None."""
    header = read_header(path, "download it again")
    return _metadata(path, header, EXPORT_KEY) if EXPORT_KEY in header else None


def _header(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    header = read_header(path, AGAIN)
    if NETWORK_KEY in header:
        raise UserError(
            f"{path}: holds a whole depth network and no backbone; use it with "
            "--weights, or with --config.model.pretrained"
        )
    if METADATA_KEY not in header:
        raise UserError(
            f"{path}: not converted yet; run `python -m deepdepth_jax.convert "
            f"--input={path} --output=FILE.safetensors` and give its output"
        )
    return header


def _metadata(path: Path, header: Mapping[str, str], key: str) -> Metadata:
    try:
        return Metadata.from_json(header[key])
    except ValueError as error:
        raise UserError(f"{path}: {error}; convert the original again") from error


def _known_metadata(path: Path, header: Mapping[str, str]) -> Metadata:
    metadata = _metadata(path, header, METADATA_KEY)
    _check_metadata(str(path), metadata, AGAIN)
    return metadata


def _check_metadata(what: str, metadata: Metadata, remedy: str) -> None:
    if metadata.architecture not in ARCHITECTURES:
        raise UserError(f"{what}: unknown architecture {metadata.architecture}")
    if metadata.batch_norm_epsilon != BATCH_NORM_EPSILON:
        raise UserError(
            f"{what}: for batch normalisation with epsilon "
            f"{metadata.batch_norm_epsilon}, not {BATCH_NORM_EPSILON}; {remedy}"
        )


def _check(what: str, tensors: Mapping[str, np.ndarray], metadata: Metadata) -> None:
    remedy = "nothing was written"
    _check_metadata(what, metadata, remedy)
    bias: Any = tensors.get("params/aspp/branch0/bias")
    num_classes = None if bias is None else bias.size
    expected = expected_shapes(metadata.architecture, metadata.width, num_classes)
    check_tensors(what, expected, tensors, remedy)
    negative = [n for n, x in tensors.items() if n.endswith("/var") and x.min() < 0]
    if negative:
        raise UserError(f"{what}: negative variance: {listed(negative)}; {remedy}")


def _digest(metadata: str, tensors: Mapping[str, np.ndarray]) -> str:
    """Hashes the metadata and the names, types, shapes and values of the tensors."""
    digest = hashlib.sha256(metadata.encode())
    for name, x in sorted(tensors.items()):
        digest.update(f"\n{name} {x.dtype.str} {x.shape}\n".encode())
        digest.update(np.ascontiguousarray(x).data)
    return digest.hexdigest()
