"""Converts other programs' checkpoints to backbones, and backbones to torchvision's."""

import dataclasses
import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.layers import BATCH_NORM_EPSILON
from deepdepth_jax.models.pretrained import (
    EXPORT_KEY,
    Backbone,
    Metadata,
    expected_shapes,
    exported_metadata,
)
from deepdepth_jax.models.resnet import ARCHITECTURES, StrideOn
from deepdepth_jax.models.strict import check_tensors, listed
from deepdepth_jax.models.tensor_files import write_safetensors
from deepdepth_jax.runtime.downloads import check_digest, file_digest
from deepdepth_jax.weights.catalogue import known_digest
from deepdepth_jax.weights.naming import NamingScheme
from deepdepth_jax.weights.naming_schemes import SOURCES, TORCHVISION
from deepdepth_jax.weights.readers import read_tensors
from deepdepth_jax.weights.recognition import (
    REMEDY,
    Shapes,
    Tensors,
    architecture_of,
    from_layout,
    source_of,
    strip,
    width_of,
)


@dataclasses.dataclass(frozen=True)
class Conversion:
    """A converted checkpoint.

    Attributes:
      backbone: the result.
      found: number of tensors in the file.
      left_out: reason -> names of the tensors that were left out.
    """

    backbone: Backbone
    found: int
    left_out: Mapping[str, list[str]]

    def report(self) -> list[str]:
        """Describes the file and its conversion, in lines.

        Returns:
          The lines.
        """
        metadata = self.backbone.metadata
        convention = metadata.convention
        left_out = sum(map(len, self.left_out.values()))
        head = " and an ASPP head" if self.backbone.aspp is not None else ""
        return [
            f"{metadata.source_file}: {SOURCES[metadata.source].title}, "
            f"{metadata.architecture}{head}, {self.found} tensors, "
            f"{self.found - left_out} taken",
            *(
                f"left out {len(names)}, {reason}: {listed(names)}"
                for reason, names in self.left_out.items()
            ),
            f"input: {convention.order} / {convention.scale:g}, mean "
            f"{convention.mean}, std {convention.std}; stride on the "
            f"{metadata.stride_on}; epsilon {metadata.source_batch_norm_epsilon:g}",
        ]


def convert_file(
    path: Path,
    *,
    kind: str = "auto",
    convention: str = "usual",
    stride_on: StrideOn | Literal["usual"] = "usual",
) -> Conversion:
    """Converts a checkpoint of another program.

    Args:
      path: see `readers.read_tensors`. A digest in the file's name or in the catalogue
        is verified first.
      kind: a name in `SOURCES`, or `auto` to recognise it by the tensors' names.
      convention: a name in `CONVENTIONS`, or `usual` for the source's.
      stride_on: the convolution with the stride, or `usual` for the source's.

    Returns:
      The backbone with a description of the conversion.

    Raises:
      UserError: the file is damaged or holds another network.
    """
    digest = known_digest(path.name)
    if digest is not None and path.is_file():
        remedy = "take another copy, or rename it if that is no digest"
        check_digest(path, digest, str(path), remedy)
    tensors = read_tensors(path)
    source = source_of(path, tensors, kind)
    # A file exported by this package carries its metadata.
    ours = exported_metadata(path) if path.suffix == ".safetensors" else None
    usual = ours.convention if ours else CONVENTIONS[source.convention]
    if stride_on == "usual":
        stride_on = ours.stride_on if ours else source.stride_on
    stripped = strip(path, source, tensors)
    metadata = Metadata(
        architecture=architecture_of(path, source, stripped),
        width=width_of(path, source, stripped),
        stride_on=stride_on,
        convention=usual if convention == "usual" else CONVENTIONS[convention],
        batch_norm_epsilon=BATCH_NORM_EPSILON,
        source=source.name,
        source_file=path.name,
        source_sha256=file_digest(path),
        source_batch_norm_epsilon=source.epsilon,
    )
    return _convert(path, source, stripped, metadata)


def export_torchvision(path: Path, backbone: Backbone) -> list[str]:
    """Writes a backbone as safetensors under torchvision's names.

    The header keeps the metadata, so `convert_file` restores the same backbone.

    Args:
      path: file to write.
      backbone: the backbone.

    Returns:
      Notes for the user, in lines.
    """
    tensors = {
        TORCHVISION.name_of(name): _to_layout(x, TORCHVISION)
        for name, x in backbone.flat().items()
        if not name.startswith("params/aspp/")
    }
    metadata = backbone.metadata
    header = {"format": "pt", EXPORT_KEY: metadata.to_json()}
    write_safetensors(path, tensors, header)
    lines = [f"{path}: {metadata.architecture} with torchvision's names, no `fc`"]
    if backbone.aspp is not None:
        lines.append(
            "left out the ASPP head, which torchvision's ResNet has no place for"
        )
    if ARCHITECTURES[metadata.architecture].block == "bottleneck":
        lines.append(
            f"the stride of a stage sits on its first {metadata.stride_on}; "
            "torchvision's own ResNet has it on the 3x3"
        )
    return lines


def _convert(
    path: Path, source: NamingScheme, tensors: Tensors, metadata: Metadata
) -> Conversion:
    """Checks all tensors, then renames, transposes and folds them."""
    left_out: dict[str, list[str]] = {}
    for name in tensors:
        for pattern, reason in source.left_out.items():
            if re.fullmatch(pattern, name):
                left_out.setdefault(reason, []).append(name)
    dropped = set(itertools.chain(*left_out.values()))
    kept = {name: x for name, x in tensors.items() if name not in dropped}
    ours = _our_shapes(source, kept, metadata)
    what = f"{path}, read as {source.title} {metadata.architecture}"
    check_tensors(what, _their_shapes(source, ours), kept, REMEDY)
    renamed = {p: from_layout(kept[source.name_of(p)], source) for p in ours}
    backbone = Backbone.from_flat(_fold(source, renamed, kept), metadata)
    return Conversion(backbone, len(tensors), left_out)


def _our_shapes(source: NamingScheme, tensors: Tensors, metadata: Metadata) -> Shapes:
    """Returns path -> shape of the variables to convert, with the head if present."""
    head = tuple(f"{layer}." for layer in source.head.values())
    # The first axis of kernels (out, in, h, w) and biases is the number of classes.
    found = (x for name, x in tensors.items() if name.startswith(head) and x.ndim)
    sizes = (x.shape[0] for x in found)
    return expected_shapes(metadata.architecture, metadata.width, next(sizes, None))


def _their_shapes(source: NamingScheme, ours: Shapes) -> Shapes:
    """Returns name -> shape of the same variables in the checkpoint."""
    inverse = np.argsort(source.kernel_axes)
    theirs = {}
    for path, shape in ours.items():
        kernel = len(shape) == 4
        name = source.name_of(path)
        theirs[name] = tuple(shape[axis] for axis in inverse) if kernel else shape
        if kernel and source.conv_bias:
            theirs[_bias_name(source, path)] = shape[-1:]
    return theirs


def _fold(
    source: NamingScheme, ours: Tensors, theirs: Tensors
) -> dict[str, np.ndarray]:
    """Folds biases and another epsilon into the statistics.

    gamma (x + b - mean) / sqrt(var + e) + beta is unchanged if mean - b replaces the
    mean and var + e - e' the variance, with our epsilon e'. Both are computed in double
    precision and rounded once.
    """
    folded = dict(ours)
    difference = source.epsilon - BATCH_NORM_EPSILON
    for path, x in ours.items():
        if path.endswith("/var"):
            folded[path] = (x.astype(np.float64) + difference).astype(np.float32)
        elif path.endswith("/kernel") and source.conv_bias:
            norm = path.removesuffix("kernel").replace("conv", "bn") + "mean"
            mean = norm.replace("params/", "batch_stats/", 1)
            bias = theirs[_bias_name(source, path)].astype(np.float64)
            folded[mean] = (ours[mean] - bias).astype(np.float32)
    return folded


def _bias_name(source: NamingScheme, kernel: str) -> str:
    return source.layer_of(kernel.removesuffix("/kernel")) + source.conv_bias


def _to_layout(x: np.ndarray, source: NamingScheme) -> np.ndarray:
    return x.transpose(np.argsort(source.kernel_axes)) if x.ndim == 4 else x
