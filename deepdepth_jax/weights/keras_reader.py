"""Weights that Keras saved: `.h5` of Keras 2 and 3, and `.weights.h5` of Keras 3."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import h5py
import numpy as np

from deepdepth_jax.errors import UserError

# A `.weights.h5` numbers the variables of a layer; this is what the numbers mean.
VARIABLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "conv2d": ("kernel", "bias"),
        "depthwise_conv2d": ("depthwise_kernel", "bias"),
        "dense": ("kernel", "bias"),
        "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    }
)


def read_h5(path: Path) -> dict[str, np.ndarray]:
    """Reads the variables as `<layer>/<variable>`, such as `conv1_conv/kernel`.

    Raises:
      UserError: the file is cut or damaged, is not of Keras, or does not tell the names
        of its layers.
    """
    tensors: dict[str, np.ndarray] = {}
    try:
        with h5py.File(path, "r") as file:
            for name, dataset in _variables(path, file):
                if name in tensors:
                    raise UserError(
                        f"{path}: two layers have {name}; save the ResNet alone"
                    )
                tensors[name] = _read(path, dataset)
    except (OSError, KeyError, RuntimeError) as error:
        raise UserError(
            f"{path}: no HDF5 file, or a damaged one ({error}); download it again"
        ) from error
    if not tensors:
        raise UserError(f"{path}: holds no weights of Keras layers")
    return tensors


def _variables(path: Path, file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """Lists all variables, whichever of the formats the file has."""
    groups: list[h5py.Group] = [file]
    file.visititems(
        lambda _, x: groups.append(x) if isinstance(x, h5py.Group) else None
    )
    for group in groups:
        if "weight_names" in group.attrs:
            yield from _named(group)
        elif group.name.endswith("/vars"):
            yield from _numbered(path, group)


def _named(group: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    """Lists a layer of an `.h5`, which has the list of its weights' names."""
    for raw in group.attrs["weight_names"]:
        name = raw.decode() if isinstance(raw, bytes) else str(raw)
        if group.name == "/optimizer_weights":
            yield f"optimizer/{name}", group[name]
            continue
        # Before them may stand the names of models that the layer is part of.
        layer, variable = name.split("/")[-2:]
        yield f"{layer}/{variable.removesuffix(':0')}", group[name]


def _numbered(path: Path, group: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    """Lists a layer of a `.weights.h5`, which has a class and, since 3.7, a name."""
    kind = re.sub(r"_\d+$", "", group.parent.name.split("/")[-1])
    layer = group.attrs.get("name")
    for number, dataset in group.items():
        if kind not in VARIABLES:
            yield f"{kind}/{number}", dataset
        elif layer is None:
            raise UserError(
                f"{path}: does not name its layers, as Keras did before 3.7; load it "
                "into its model with a newer Keras and save it again"
            )
        else:
            yield f"{layer}/{VARIABLES[kind][int(number)]}", dataset


def _read(path: Path, dataset: h5py.Dataset) -> np.ndarray:
    # HDF5 can point at other files of the user's; a checkpoint has no need to.
    elsewhere = dataset.external is not None or dataset.is_virtual
    if elsewhere or dataset.file.filename != str(path):
        raise UserError(f"{path}: {dataset.name} points at another file; refused")
    return np.asarray(dataset[()])
