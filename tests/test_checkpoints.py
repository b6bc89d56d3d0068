import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deepdepth_jax.checkpoints import Checkpoints
from deepdepth_jax.errors import UserError
from deepdepth_jax.optimizer import Group, grouped, poly_schedule
from deepdepth_jax.parallel import replicate
from deepdepth_jax.state import TrainState


def state_at(step, value=None):
    params = {
        "aspp": {"kernel": jnp.full((3, 2), float(step if value is None else value))}
    }
    optimizer = grouped(
        "sgd", poly_schedule(0.1, 10, 0.9), 0.9, [Group("all", ".*", 1.0, 0.0)]
    )
    opt_state = jax.tree.map(lambda x: x + step, optimizer.init(params))
    stats = {"bn1": {"mean": jnp.arange(4.0) + step}}
    return replicate(TrainState(jnp.asarray(step, jnp.int32), params, stats, opt_state))


def opened(tmp_path, keep=2, best_metric="abs_rel"):
    return Checkpoints(tmp_path, keep=keep, best_metric=best_metric)


def assert_equal_states(left, right):
    assert jax.tree.structure(left) == jax.tree.structure(right)
    jax.tree.map(np.testing.assert_array_equal, left, right)


def test_a_state_comes_back_bit_for_bit(tmp_path):
    with opened(tmp_path) as checkpoints:
        checkpoints.save(state_at(7))
    with opened(tmp_path) as checkpoints:
        assert checkpoints.last_step == 7
        restored = checkpoints.restore(state_at(0), 7)
    assert_equal_states(restored, state_at(7))
    places = jax.tree.leaves(restored)[0].sharding.device_set
    assert len(places) == jax.device_count()


def test_the_last_ones_and_the_best_are_kept(tmp_path):
    errors = {1: 0.5, 2: 0.1, 3: 0.3, 4: None, 5: 0.4, 6: None}
    with opened(tmp_path) as checkpoints:
        for step, error in errors.items():
            checkpoints.save(state_at(step), error and {"abs_rel": error, "d1": 0.0})
        assert checkpoints.find("last") == 6
        assert checkpoints.find("best") == checkpoints.best_step == 2
        assert checkpoints.find(5) == 5
        for gone in (1, 3, 4):
            with pytest.raises(UserError, match="2, 5, 6"):
                checkpoints.find(gone)


def test_the_best_may_be_the_largest(tmp_path):
    with opened(tmp_path, best_metric="d1") as checkpoints:
        for step, share in ((1, 0.2), (2, 0.9), (3, 0.5)):
            checkpoints.save(state_at(step), {"d1": share})
        assert checkpoints.find("best") == 2


def test_without_validation_the_best_is_the_last(tmp_path):
    with opened(tmp_path) as checkpoints:
        checkpoints.save(state_at(1))
        checkpoints.save(state_at(2))
        assert checkpoints.best_step is None
        assert checkpoints.find("best") == 2


def test_an_empty_folder_says_so(tmp_path):
    with opened(tmp_path) as checkpoints:
        assert checkpoints.last_step is None
        with pytest.raises(UserError, match="train first"):
            checkpoints.find("best")
