"""A checkpoint's network is loaded without the state of its optimiser."""

import jax
import numpy as np
import pytest
import tensorstore

from deepdepth_jax.errors import UserError
from deepdepth_jax.inference.saved_network import restore
from deepdepth_jax.models.build import build_network, initial_variables
from deepdepth_jax.runtime.checkpoints import Checkpoints
from deepdepth_jax.runtime.workdir import stored_config
from deepdepth_jax.training.build import build_abstract_state


def total(metric):
    """Returns a counter of TensorStore, which reads the arrays of checkpoints."""
    [found] = tensorstore.experimental_collect_matching_metrics(metric)
    return sum(value["value"] for value in found["values"])


def counted(load):
    """Loads arrays, and counts the bytes and the chunks that are read."""
    metrics = (
        "/tensorstore/kvstore/file/bytes_read",
        "/tensorstore/cache/chunk_cache/reads",
    )
    before = [total(metric) for metric in metrics]
    loaded = load()
    after = [total(metric) for metric in metrics]
    return loaded, *(b - a for a, b in zip(before, after, strict=True))


def size_bytes(tree):
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))


def describe(leaf):
    return leaf.shape, leaf.dtype


def test_no_moment_of_the_optimiser_is_read(trained):
    run = trained / "run"
    config = stored_config(run)
    found, read_bytes, chunks = counted(lambda: restore(config, run, "last"))
    assert chunks == len(jax.tree.leaves(found.variables))
    assert size_bytes(found.variables) < read_bytes < 1.3 * size_bytes(found.variables)

    def load_everything():
        with Checkpoints.of(config, run) as checkpoints:
            last = checkpoints.last_step
            return checkpoints.restore(build_abstract_state(config), last)

    state, all_bytes, all_chunks = counted(load_everything)
    assert all_chunks == len(jax.tree.leaves(state)) > 1.5 * chunks
    assert all_bytes > 1.9 * read_bytes
    assert jax.tree.structure(found.variables) == jax.tree.structure(state.variables)
    for one, other in zip(
        jax.tree.leaves(found.variables), jax.tree.leaves(state.variables), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_the_variables_are_those_of_the_network(trained):
    """Their shapes come from the checkpoint, and the network is not asked for them."""
    run = trained / "run"
    config = stored_config(run)
    found = restore(config, run, "best").trained
    model = build_network(config).model
    wanted = jax.eval_shape(lambda: initial_variables(model, seed=0))
    assert jax.tree.map(describe, found.variables) == jax.tree.map(describe, wanted)


def test_a_step_that_was_not_saved_is_refused(trained):
    run = trained / "run"
    with pytest.raises(UserError, match=r"--checkpoint=99: .* has the steps"):
        restore(stored_config(run), run, 99)
