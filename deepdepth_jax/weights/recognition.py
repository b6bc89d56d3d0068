"""Recognises a checkpoint by the names and shapes of its tensors."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from deepdepth_jax.errors import UserError
from deepdepth_jax.models.resnet import ARCHITECTURES, Architecture
from deepdepth_jax.models.strict import listed
from deepdepth_jax.weights.naming import NamingScheme
from deepdepth_jax.weights.naming_schemes import REFUSED, SOURCES

Tensors = Mapping[str, np.ndarray]
Shapes = Mapping[str, tuple[int, ...]]
REMEDY = "take another copy of the file, or name its source with --kind"


def source_of(path: Path, names: Collection[str], kind: str) -> NamingScheme:
    """Returns the naming scheme that the user names, or recognises it.

    Args:
      path: the checkpoint, for messages.
      names: names of its tensors.
      kind: a name in `SOURCES`, or `auto`.

    Returns:
      The naming scheme.

    Raises:
      UserError: no scheme has such names, or they belong to another network.
    """
    if any(name.startswith("params/backbone/") for name in names):
        raise UserError(f"{path}: is already converted; use it as it is")
    for pattern, what in REFUSED.items():
        if any(re.fullmatch(pattern, name) for name in names):
            raise UserError(f"{path}: holds {what}; use a plain ResNet")
    if kind != "auto":
        return SOURCES[kind]
    for source in SOURCES.values():
        if any(re.fullmatch(source.mark, name) for name in names):
            return source
    raise UserError(
        f"{path}: the names of its tensors ({listed(names)}) are those of no known "
        f"source; known are {', '.join(SOURCES)}"
    )


def strip(path: Path, source: NamingScheme, tensors: Tensors) -> Tensors:
    """Removes the source's prefix from all names.

    Raises:
      UserError: two tensors have the same name without it.
    """
    stripped = {source.strip(name): x for name, x in tensors.items()}
    if len(stripped) < len(tensors):
        raise UserError(
            f"{path}: holds tensors twice, with the prefix {source.prefix} and without "
            "it; save one of the two networks alone"
        )
    return stripped


def architecture_of(path: Path, source: NamingScheme, names: Collection[str]) -> str:
    """Recognises the architecture by the numbers of blocks and of their convolutions.

    Args:
      path: the checkpoint, for messages.
      source: its naming scheme.
      names: stripped names of its tensors.

    Returns:
      A name in `ARCHITECTURES`.

    Raises:
      UserError: no ResNet in `ARCHITECTURES` has these numbers.
    """
    blocks = source.blocks(names)
    third = source.block_of(1, 0) + source.layers["conv3"]
    bottleneck = any(name.startswith(third) for name in names)
    found = Architecture("bottleneck" if bottleneck else "basic", blocks)
    for name, architecture in ARCHITECTURES.items():
        if architecture == found:
            return name
    raise UserError(
        f"{path}: {found.block} blocks {found.blocks} in the four stages, as "
        f"{source.title} names them, are none of {', '.join(ARCHITECTURES)}; {REMEDY}"
    )


def width_of(path: Path, source: NamingScheme, tensors: Tensors) -> int:
    """Returns the number of channels of the stem.

    Args:
      path: the checkpoint, for messages.
      source: its naming scheme.
      tensors: tensors by stripped name.

    Returns:
      The number of channels.

    Raises:
      UserError: the first block is that of a wide or a grouped network.
    """
    width = _kernel_shape(path, source, tensors, "conv1")[3]
    block = _kernel_shape(path, source, tensors, "layer1_0/conv2")
    if block[2] != block[3]:
        raise UserError(
            f"{path}: holds a ResNeXt, whose 3x3 convolutions are grouped ({block[2]} "
            f"channels in, {block[3]} out); use a plain ResNet"
        )
    if block[3] != width:
        raise UserError(
            f"{path}: holds a wide ResNet, whose blocks start with {block[3]} channels "
            f"instead of {width}; use a plain ResNet"
        )
    return width


def from_layout(x: np.ndarray, source: NamingScheme) -> np.ndarray:
    """Transposes a kernel to (h, w, in, out) and returns vectors unchanged."""
    return x.transpose(source.kernel_axes) if x.ndim == 4 else x


def _kernel_shape(
    path: Path, source: NamingScheme, tensors: Tensors, layer: str
) -> tuple[int, ...]:
    name = source.name_of(f"params/backbone/{layer}/kernel")
    if name not in tensors or tensors[name].ndim != 4:
        raise UserError(f"{path}: {name} is missing or no kernel; {REMEDY}")
    return from_layout(tensors[name], source).shape
