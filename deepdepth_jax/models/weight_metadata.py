"""Facts about weights that their numbers do not tell."""

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, get_args

from deepdepth_jax.models.input_convention import InputConvention
from deepdepth_jax.models.resnet import StrideOn
from deepdepth_jax.runtime.json_files import is_number, is_positive, parse_object


@dataclasses.dataclass(frozen=True)
class Metadata:
    """Facts about weights that their numbers do not tell.

    Attributes:
      architecture: a name in `resnet.ARCHITECTURES`.
      width: channels of the stem. 64 in every public ResNet.
      stride_on: which convolution of a bottleneck had the stride in training.
      convention: how images were put into the network in training.
      batch_norm_epsilon: with which the weights in this file are to be used.
      source: where the weights come from: a name in `naming_schemes.SOURCES`.
      source_file: the name of the file that was converted.
      source_sha256: of that file.
      source_batch_norm_epsilon: of the network that the weights come from.
    """

    architecture: str
    width: int
    stride_on: StrideOn
    convention: InputConvention
    batch_norm_epsilon: float
    source: str
    source_file: str
    source_sha256: str
    source_batch_norm_epsilon: float

    def to_json(self) -> str:
        """Writes all fields as one JSON object."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Metadata":
        """Reads the fields that `to_json` has written.

        Raises:
          ValueError: the text is no JSON, or a field is missing, unknown, or has a
            value of another type.
        """
        fields = parse_object(text)
        _check(fields, FIELDS, "")
        convention = fields["convention"]
        _check(convention, CONVENTION_FIELDS, "convention.")
        convention |= {key: tuple(convention[key]) for key in ("mean", "std")}
        return cls(**fields | {"convention": InputConvention(**convention)})


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_count(value: Any) -> bool:
    return type(value) is int and value > 0


def _is_finite(value: Any) -> bool:
    return is_number(value) and math.isfinite(value)


def _is_stride_on(value: Any) -> bool:
    return value in get_args(StrideOn)


def _is_order(value: Any) -> bool:
    return value in ("rgb", "bgr")


def _are_three_numbers(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_is_finite, value))


def _are_three_positive(value: Any) -> bool:
    return _are_three_numbers(value) and min(value) > 0


Accepts = Mapping[str, Callable[[Any], bool]]
FIELDS: Accepts = MappingProxyType(
    {
        "architecture": _is_text,
        "width": _is_count,
        "stride_on": _is_stride_on,
        "convention": _is_object,
        "batch_norm_epsilon": is_positive,
        "source": _is_text,
        "source_file": _is_text,
        "source_sha256": _is_text,
        "source_batch_norm_epsilon": is_positive,
    }
)
CONVENTION_FIELDS: Accepts = MappingProxyType(
    {
        "order": _is_order,
        "scale": is_positive,
        "mean": _are_three_numbers,
        "std": _are_three_positive,
    }
)


def _check(found: dict[str, Any], accepts: Accepts, prefix: str) -> None:
    odd = found.keys() ^ accepts.keys()
    if odd:
        names = ", ".join(sorted(prefix + name for name in odd))
        raise ValueError(f"metadata of another version: missing or unknown: {names}")
    for name, is_right in accepts.items():
        if not is_right(found[name]):
            raise ValueError(f"its metadata have {prefix}{name}={found[name]!r}")
