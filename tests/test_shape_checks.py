"""The checks that run beside all other tests refuse what they should."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Float32
from shape_checks import checks, names_arrays, type_checked

from deepdepth_jax.datasets.kitti.eigen import Frame
from deepdepth_jax.geometry.cameras import is_focal_length
from deepdepth_jax.losses import cross_entropy
from deepdepth_jax.types import AnyArray, Batch

Image = Float32[np.ndarray, "{height} {width}"]


def refused():
    return pytest.raises(TypeError, match="violates type hint")


def test_dimensions_agree_between_arguments():
    logits, labels = jnp.zeros((2, 3)), jnp.zeros(2, jnp.int32)
    cross_entropy(logits, labels)
    with refused():
        cross_entropy(logits, labels[:1])


@pytest.mark.parametrize(
    "changes",
    [
        {"image": np.zeros((1, 4, 5, 3), np.float32)},
        {"image": np.zeros((1, 4, 5, 4), np.uint8)},
        {"depth_m": np.zeros((1, 4, 6), np.float32)},
        {"is_pseudo": np.zeros(2, bool)},
    ],
    ids=["type", "channels", "size", "count"],
)
def test_so_they_do_between_the_fields_of_a_dataclass(changes):
    fields = {
        "image": np.zeros((1, 4, 5, 3), np.uint8),
        "depth_m": np.zeros((1, 4, 5), np.float32),
    }
    Batch(**fields)
    with refused():
        Batch(**fields | changes)


def test_arguments_may_be_dimensions_of_the_result():
    @checks(typechecker=type_checked)
    def draw(height: int, width: int, wrong: int = 0) -> tuple[Image, str]:
        return np.zeros((height, width + wrong), np.float32), "image"

    draw(2, 3)
    with refused():
        draw(2, 3, wrong=1)


def test_functions_and_dataclasses_without_arrays_are_checked_too():
    assert is_focal_length(700.0)
    with refused():
        is_focal_length("700")
    assert Frame("2011_09_26", "0001", 2, 5).index == 5
    with refused():
        Frame("2011_09_26", "0001", 2, "5")


def test_a_class_that_is_defined_later_may_be_named():
    @checks(typechecker=type_checked)
    @dataclasses.dataclass
    class Node:
        following: "Node | None"
        depth_m: Float32[np.ndarray, "h w"] | None = None

    Node(Node(None), np.zeros((2, 3), np.float32))
    with refused():
        Node(None, np.zeros(1, np.float32))


def test_arrays_are_found_inside_of_other_types():
    assert names_arrays(Image)
    assert names_arrays(dict[str, tuple[Float32[AnyArray, " n"] | None, ...]])
    assert not names_arrays(tuple[int, np.ndarray])
