"""Parts that are timed beside another form of theirs do the same."""

import jax
import jax.numpy as jnp
import pytest

from benchmarks.parts import HEADS, Part, cells, difference, of_a_prediction, of_a_step

PARTS = [*of_a_step(1, (34, 41), bins=11), *of_a_prediction((35, 42), bins=11)]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.what)
def test_both_forms_give_the_same(part):
    ours, otherwise = (
        jax.jit(form)(*part.arguments) for form in (part.ours, part.otherwise)
    )
    assert difference(ours, otherwise) < 1e-5


def test_a_line_has_all_cells_and_tells_a_difference():
    part = Part("a sum", jnp.sum, lambda x: 1.5 * jnp.sum(x), (jnp.ones(3),))
    line = cells(part, rounds=3)
    assert len(line) == len(HEADS)
    assert (line[0], line[-1]) == ("a sum", "3e-01")
