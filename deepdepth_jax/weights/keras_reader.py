"""Reader of Keras weights: `.h5` of Keras 2 and 3, `.weights.h5` of Keras 3."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import h5py
import numpy as np

from deepdepth_jax.errors import UserError

# A `.weights.h5` numbers the variables of a layer in this order.
VARIABLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "conv2d": ("kernel", "bias"),
        "depthwise_conv2d": ("depthwise_kernel", "bias"),
        "dense": ("kernel", "bias"),
        "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    }
)


LARGEST_BYTES = 2**32
"""Upper bound for a ResNet with the state of its optimiser, in any precision."""


def read_h5(path: Path) -> dict[str, np.ndarray]:
    """Reads the variables as `<layer>/<variable>`, such as `conv1_conv/kernel`.

    Args:
      path: the file.

    Returns:
      The variables by name.

    Raises:
      UserError: the file is truncated or damaged, was not written by Keras, or lacks
        the names of its layers.
    """
    tensors: dict[str, np.ndarray] = {}
    size_bytes = 0
    try:
        with h5py.File(path, "r") as file:
            for name, dataset in _variables(path, file):
                if name in tensors:
                    raise UserError(
                        f"{path}: two layers have {name}; save the ResNet alone"
                    )
                tensors[name] = _read(path, dataset, LARGEST_BYTES - size_bytes)
                size_bytes += tensors[name].nbytes
    except (OSError, KeyError, RuntimeError) as error:
        raise UserError(
            f"{path}: no HDF5 file, or a damaged one ({error}); download it again"
        ) from error
    if not tensors:
        raise UserError(f"{path}: holds no weights of Keras layers")
    return tensors


def _variables(path: Path, file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yields all variables, in either format."""
    groups: list[h5py.Group] = [file]
    file.visititems(
        lambda _, x: groups.append(x) if isinstance(x, h5py.Group) else None
    )
    for group in groups:
        if not all(map(_is_text, (group.name, *group, *group.attrs))):
            raise UserError(
                f"{path}: a damaged HDF5 file, with names that are no text; download "
                "it again"
            )
        attributes = _name_attributes(group)
        if attributes:
            yield from _named(path, group, attributes)
        elif group.name.endswith("/vars"):
            yield from _numbered(path, group)


def _name_attributes(group: h5py.Group) -> list[str]:
    """Returns the attributes that hold the names of a layer's weights, in order.

    Keras splits a list that is too long for one attribute: `weight_names0` and so on.
    """
    found = [re.fullmatch(r"weight_names(\d*)", name) for name in group.attrs]
    matches = sorted(filter(None, found), key=lambda match: int(match[1] or 0))
    return [match[0] for match in matches]


def _named(
    path: Path, group: h5py.Group, attributes: list[str]
) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yields the variables of a layer in an `.h5`, which lists their names."""
    for attribute in attributes:
        for name in _texts(path, group, attribute):
            if group.name == "/optimizer_weights":
                yield f"optimizer/{name}", group[name]
                continue
            # The names of enclosing models may precede the layer.
            layer, _, variable = name.rpartition("/")
            layer = layer.split("/")[-1] or group.name.split("/")[-1]
            yield f"{layer}/{variable.removesuffix(':0')}", group[name]


def _texts(path: Path, group: h5py.Group, attribute: str) -> list[str]:
    """Reads an attribute that holds a list of names."""
    try:
        values = np.ravel(group.attrs[attribute]).tolist()
        names = [raw.decode() if isinstance(raw, bytes) else raw for raw in values]
    except (TypeError, ValueError):
        names = [None]
    if not all(map(_is_text, names)):
        raise UserError(
            f"{path}: {attribute} of {group.name} must be a list of names; save the "
            "weights again with Keras"
        )
    return names


def _is_text(name: object) -> bool:
    """Returns whether h5py could decode a name: it returns others in two forms."""
    return isinstance(name, str) and not re.search(r"[\ud800-\udfff]", name)


def _numbered(path: Path, group: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yields the variables of a layer in a `.weights.h5`, named since Keras 3.7."""
    kind = re.sub(r"_\d+$", "", group.parent.name.split("/")[-1])
    if kind not in VARIABLES:
        yield from ((f"{kind}/{number}", dataset) for number, dataset in group.items())
        return
    variables = dict(enumerate(VARIABLES[kind]))
    layer = group.attrs.get("name")
    if group and not isinstance(layer, str):
        raise UserError(
            f"{path}: does not name its layers, as Keras did before 3.7; load it into "
            "its model with a newer Keras and save it again"
        )
    for number, dataset in group.items():
        index = int(number) if number.isdecimal() else -1
        yield f"{layer}/{variables.get(index, number)}", dataset


def _read(path: Path, item: object, most_bytes: int) -> np.ndarray:
    """Reads an array of at most `most_bytes`."""
    if not isinstance(item, h5py.Dataset):
        raise UserError(f"{path}: a weight is no array but {item}; save it again")
    # HDF5 datasets can refer to other files. A checkpoint has no need to.
    elsewhere = item.external is not None or item.is_virtual
    if elsewhere or item.file.filename != str(path):
        raise UserError(f"{path}: {item.name} points at another file; refused")
    try:
        if item.nbytes > most_bytes:
            raise UserError(
                f"{path}: holds {item.name} of {item.nbytes / 1e9:.1f} GB, more than "
                "any ResNet has; save the ResNet alone"
            )
        return np.asarray(item[()])
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{path}: {item.name} has a type that NumPy lacks ({error}); save it in "
            "float32"
        ) from error
