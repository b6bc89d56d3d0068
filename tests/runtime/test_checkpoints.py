import json
import math
import shutil
import subprocess
import sys
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deepdepth_jax.config import complete, load_config, override
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime.checkpoint_folder import CheckpointFolder
from deepdepth_jax.runtime.checkpoints import Checkpoints
from deepdepth_jax.runtime.parallel import on_all_devices, replicate
from deepdepth_jax.training.build import build_abstract_state
from deepdepth_jax.training.optimizer import Group, grouped, poly_schedule
from deepdepth_jax.training.state import TrainState
from deepdepth_jax.weights.adopt import adopt_pretrained


def state_at(step, kernel_shape=(3, 2)):
    kernel = jnp.arange(math.prod(kernel_shape), dtype=jnp.float32)
    params = {"aspp": {"kernel": kernel.reshape(kernel_shape) + step}}
    optimizer = grouped(
        "sgd", poly_schedule(0.1, 10, 0.9), 0.9, [Group("all", ".*", 1.0, 0.0)]
    )
    opt_state = jax.tree.map(lambda x: x + step, optimizer.init(params))
    stats = {"bn1": {"mean": jnp.arange(4.0) + step}}
    return replicate(
        TrainState(
            step=jnp.asarray(step, jnp.int32),
            params=params,
            batch_stats=stats,
            opt_state=opt_state,
            bad_steps=jnp.zeros((), jnp.int32),
        )
    )


def save(checkpoints, step, metrics=None):
    checkpoints.save(state_at(step))
    if metrics:
        checkpoints.score(step, metrics)


def opened(tmp_path, keep=2, best_metric="abs_rel", keep_every=0):
    return Checkpoints(
        tmp_path, keep=keep, best_metric=best_metric, keep_every=keep_every
    )


def assert_equal_states(left, right):
    assert jax.tree.structure(left) == jax.tree.structure(right)
    for x, y in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        assert x.dtype == y.dtype
        np.testing.assert_array_equal(x, y)


def names(tmp_path):
    return {path.name for path in (tmp_path / "checkpoints").iterdir()}


@pytest.fixture
def saved(tmp_path):
    """A workdir with checkpoints of the steps 100, 200 and 300."""
    with opened(tmp_path, keep=3) as checkpoints:
        for step in (100, 200, 300):
            save(checkpoints, step, {"abs_rel": 1.0 / step})
    return tmp_path


def test_a_state_comes_back_bit_for_bit(tmp_path):
    with opened(tmp_path) as checkpoints:
        checkpoints.save(state_at(7))
    with opened(tmp_path) as checkpoints:
        assert checkpoints.last_step == 7
        restored = checkpoints.restore(state_at(0), 7)
        step, last = checkpoints.restore_last(state_at(0))
    assert step == 7
    for state in (restored, last):
        assert_equal_states(state, state_at(7))
        places = jax.tree.leaves(state)[0].sharding.device_set
        assert len(places) == jax.device_count()


# How it is saved.


def test_training_goes_on_while_a_checkpoint_is_written(tmp_path, monkeypatch):
    goes_on, commit = threading.Event(), CheckpointFolder.commit

    def commit_late(self, step):
        assert goes_on.wait(60)
        commit(self, step)

    monkeypatch.setattr(CheckpointFolder, "commit", commit_late)
    with opened(tmp_path) as checkpoints:
        checkpoints.save(state_at(1))
        assert not (tmp_path / "checkpoints" / "1").exists()
        goes_on.set()
    assert names(tmp_path) == {"1"}


def test_the_next_step_may_take_the_memory_of_what_is_saved(tmp_path):
    def step(state, scale):
        params = jax.tree.map(lambda x: x * scale[0], state.params)
        return state.replace(step=state.step + 1, params=params)

    train_step = on_all_devices(step)
    shape, scales = (512, 1024), 3 * np.ones((jax.device_count(), 1), np.float32)
    with opened(tmp_path, keep=3) as checkpoints:
        state = state_at(0, shape)
        for _ in range(3):
            taken, state = state, train_step(state, scales)
            checkpoints.save(state)
            assert all(leaf.is_deleted() for leaf in jax.tree.leaves(taken))
    expected = np.asarray(state_at(0, shape).params["aspp"]["kernel"])
    with opened(tmp_path) as checkpoints:
        for number in (1, 2, 3):
            expected = expected * np.float32(3)
            kernel = checkpoints.restore(state_at(0, shape), number).params["aspp"]
            np.testing.assert_array_equal(kernel["kernel"], expected)


@pytest.mark.parametrize("when", ["save", "find", "the end of the block"])
def test_an_error_in_the_background_is_raised(tmp_path, when):
    in_the_way = tmp_path / "checkpoints" / "5" / "mine"
    in_the_way.mkdir(parents=True)
    with pytest.raises(OSError, match="not empty"), opened(tmp_path) as checkpoints:
        checkpoints.save(state_at(5))
        if when == "save":
            checkpoints.save(state_at(6))
        elif when == "find":
            checkpoints.find("last")
    assert names(tmp_path) == {"5"}
    assert in_the_way.exists()


def test_check_raises_the_error_of_a_save_that_has_failed(tmp_path):
    (tmp_path / "checkpoints" / "5" / "mine").mkdir(parents=True)
    with opened(tmp_path) as checkpoints:
        checkpoints.save(state_at(5))
        with pytest.raises(OSError, match="not empty"):
            for _ in range(1000):
                checkpoints.check()
                time.sleep(0.01)


def test_check_lets_a_save_go_on(tmp_path):
    with opened(tmp_path) as checkpoints:
        checkpoints.check()
        checkpoints.save(state_at(5))
        checkpoints.check()
        checkpoints.wait()
        checkpoints.check()
    assert names(tmp_path) == {"5"}


FILL = """
import sys, resource
from pathlib import Path
sys.path.insert(0, "tests/runtime")
from test_checkpoints import opened, state_at
from deepdepth_jax.runtime import cli
from deepdepth_jax.runtime.checkpoint_folder import CheckpointFolder

def main(argv):
    if argv[1] == "unforeseen":
        CheckpointFolder.allocate = lambda self, size_bytes: None
    with opened(Path(argv[0])) as checkpoints:
        checkpoints.save(state_at(1, (100, 100)))
        checkpoints.wait()
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        checkpoints.save(state_at(2, (500, 500)))

cli.run(main)
"""


@pytest.mark.parametrize("failure", ["foreseen", "unforeseen"])
def test_a_full_disk_is_one_line_and_spoils_nothing(tmp_path, failure):
    """Foreseen by the attempt to allocate, or met by the save in the background."""
    done = subprocess.run(
        [sys.executable, "-c", FILL, tmp_path, failure],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    lines = done.stderr.splitlines()
    [said] = [line for line in lines if line.startswith("error: ")]
    assert lines == [said] or failure == "unforeseen"
    assert said.startswith(
        f"error: {tmp_path / 'checkpoints'}: no room for a checkpoint (EFBIG): it "
        "needs 2.0 MB, and "
    )
    assert said.endswith("MB are free; make room, or lower train.keep_checkpoints, "
                         "and start again: step 1 is saved")  # fmt: skip
    assert names(tmp_path) == {"1"}
    with opened(tmp_path) as checkpoints:
        like = state_at(0, (100, 100))
        step, state = checkpoints.restore_last(like)
        assert step == 1
        assert_equal_states(state, state_at(1, (100, 100)))
        checkpoints.save(state_at(2, (100, 100)))
    assert names(tmp_path) == {"1", "2"}


# What is kept.


def test_the_last_ones_and_the_best_are_kept(tmp_path):
    errors = {1: 0.5, 2: 0.1, 3: 0.3, 4: None, 5: 0.4, 6: None}
    with opened(tmp_path) as checkpoints:
        for step, error in errors.items():
            save(checkpoints, step, error and {"abs_rel": error, "d1": 0.0})
        assert checkpoints.find("last") == 6
        assert checkpoints.find("best") == checkpoints.best_step == 2
        assert checkpoints.find(5) == 5
        for gone in (1, 3, 4):
            with pytest.raises(UserError, match="2, 5, 6"):
                checkpoints.find(gone)


def test_every_mth_is_kept_too(tmp_path):
    with opened(tmp_path, keep=1, keep_every=4) as checkpoints:
        for step in range(1, 11):
            checkpoints.save(state_at(step))
    assert names(tmp_path) == {"4", "8", "10"}


def test_the_best_may_be_the_largest(tmp_path):
    with opened(tmp_path, best_metric="d1") as checkpoints:
        for step, share in ((1, 0.2), (2, 0.9), (3, 0.5)):
            save(checkpoints, step, {"d1": share})
        assert checkpoints.find("best") == 2


@pytest.mark.parametrize("metric", ["abs_rel", "d1"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_metric_that_is_no_number_is_never_the_best(tmp_path, metric, bad):
    with opened(tmp_path, keep=1, best_metric=metric) as checkpoints:
        save(checkpoints, 1, {metric: bad})
        assert checkpoints.best_step is None
        assert checkpoints.find("best") == 1
        for step, value in ((2, bad), (3, 0.7), (4, bad), (5, bad)):
            save(checkpoints, step, {metric: value})
        assert checkpoints.best_step == checkpoints.find("best") == 3
    assert names(tmp_path) == {"3", "5"}


def test_without_validation_the_best_is_the_last(tmp_path):
    with opened(tmp_path) as checkpoints:
        checkpoints.save(state_at(1))
        checkpoints.save(state_at(2))
        assert checkpoints.best_step is None
        assert checkpoints.find("best") == 2


def test_an_empty_folder_says_so(tmp_path):
    with opened(tmp_path) as checkpoints:
        assert checkpoints.last_step is None
        assert checkpoints.restore_last(state_at(0)) is None
        with pytest.raises(UserError, match="train first"):
            checkpoints.find("best")
    assert not list(tmp_path.iterdir())


# What is left by a kill.


def test_what_a_kill_has_left_is_no_checkpoint_and_is_deleted(saved):
    folder = saved / "checkpoints"
    left = {"partial-400", "partial-400.orbax-checkpoint-tmp", "partial-100-deleted"}
    for name in left:
        shutil.copytree(folder / "300", folder / name)
    (folder / "partial-400" / "checksums.json").unlink()
    (folder / "partial-300-metrics.json").write_text("{")
    left.add("partial-300-metrics.json")
    half = folder / "300" / ".partial-0123abcd.json"
    half.write_text("{")
    whole = {"100", "200", "300"}
    with opened(saved, keep=3) as checkpoints:
        assert checkpoints.find("last") == 300
        checkpoints.restore(state_at(0), 300)
        assert names(saved) == whole | left  # another process may be writing them
        step, _ = checkpoints.restore_last(state_at(0))
        assert step == 300
        assert names(saved) == whole
        assert not half.exists()
        checkpoints.save(state_at(400))
    assert names(saved) == {"200", "300", "400"}


def test_a_kill_before_old_ones_are_deleted_is_made_up_for(saved):
    with opened(saved, keep=1) as checkpoints:
        checkpoints.restore_last(state_at(0))
    assert names(saved) == {"300"}


def test_a_first_save_that_was_killed_leaves_nothing(tmp_path):
    (tmp_path / "checkpoints" / "partial-1").mkdir(parents=True)
    with opened(tmp_path) as checkpoints:
        assert checkpoints.restore_last(state_at(0)) is None
    assert names(tmp_path) == set()


# Damage.


def largest_file(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return max(files, key=lambda path: path.stat().st_size)


def truncate(folder):
    path = largest_file(folder)
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def empty_the_folder(folder):
    shutil.rmtree(folder)
    folder.mkdir()


def note(name, content):
    return lambda folder: (folder / name).write_text(content)


DAMAGE = {
    "truncated": truncate,
    "a flipped bit": lambda folder: flip_a_bit(largest_file(folder)),
    "a file missing": lambda folder: largest_file(folder).unlink(),
    "metadata missing": lambda folder: (folder / "_CHECKPOINT_METADATA").unlink(),
    "metrics cut off": lambda folder: (folder / "metrics.json").write_text('{"abs'),
    "metrics of text": note("metrics.json", '{"abs_rel": "0.1"}'),
    "metrics in a list": note("metrics.json", "[0.1]"),
    "metrics nested": note("metrics.json", "[" * 50_000),
    "metrics too large": note("metrics.json", f'{{"abs_rel": 1{"0" * 400}}}'),
    "no temperature": note("calibration.json", "{}"),
    "a temperature of text": note("calibration.json", '{"temperature": "1.5"}'),
    "another number": note("calibration.json", '{"abs_rel": 0.1}'),
    "a temperature below 0": note("calibration.json", '{"temperature": -1.5}'),
    "checksums in a list": note("checksums.json", '["a"]'),
    "checksums of numbers": note("checksums.json", '{"_METADATA": 3}'),
    "checksums nested": note("checksums.json", "[" * 50_000),
    "no checksums": note("checksums.json", "{}"),
    "checksums missing": lambda folder: (folder / "checksums.json").unlink(),
    "checksums cut off": lambda folder: (folder / "checksums.json").write_text("{"),
    "checksums empty": lambda folder: (folder / "checksums.json").write_text(""),
    "a folder for a file": lambda folder: (
        (folder / "metrics.json").unlink(),
        (folder / "metrics.json").mkdir(),
    ),
    "nothing in it": empty_the_folder,
}


@pytest.fixture(params=DAMAGE)
def damaged(request, saved):
    DAMAGE[request.param](saved / "checkpoints" / "300")
    return saved


def contents(folder):
    return {
        str(path.relative_to(folder)): path.is_file() and path.read_bytes()
        for path in folder.rglob("*")
    }


def test_a_damaged_last_checkpoint_is_told_and_the_one_before_is_taken(damaged, capfd):
    folder = damaged / "checkpoints"
    before = contents(folder / "300")
    with opened(damaged, keep=3) as checkpoints:
        step, state = checkpoints.restore_last(state_at(0))
        assert step == 200
        assert_equal_states(state, state_at(200))
        said = capfd.readouterr().err
        assert said.count("\n") == 1
        assert said.startswith(f"{folder / '300'}: a damaged checkpoint (")
        assert "it is now damaged-300-1" in said
        assert contents(folder / "damaged-300-1") == before
        checkpoints.save(state_at(300))
        assert checkpoints.restore_last(state_at(0))[0] == 300
    assert capfd.readouterr().err == ""


def test_a_damaged_checkpoint_that_was_asked_for_is_refused_by_name(damaged):
    with opened(damaged, keep=3) as checkpoints:
        assert checkpoints.find(300) == 300
        with pytest.raises(UserError) as caught:
            checkpoints.restore(state_at(0), 300)
    said = str(caught.value)
    assert said.startswith(f"{damaged / 'checkpoints' / '300'}: a damaged checkpoint (")
    assert said.endswith("others here: 100, 200")
    assert "\n" not in said
    assert names(damaged) == {"100", "200", "300"}


@pytest.mark.parametrize("content", ['{"abs', '{"abs_rel": "0.1"}', "3"])
def test_the_best_is_not_guessed_where_metrics_are_damaged(saved, content):
    path = saved / "checkpoints" / "200" / "metrics.json"
    path.write_text(content)
    with opened(saved, keep=1) as checkpoints:
        with pytest.raises(UserError, match=r"200: a damaged metrics\.json: .*STEP"):
            checkpoints.find("best")
        assert checkpoints.find("last") == 300
        checkpoints.restore_last(state_at(0))
    assert names(saved) == {"200", "300"}  # it may be the best: it is not deleted
    path.unlink()
    with opened(saved) as checkpoints:
        assert checkpoints.find("best") == 300


def test_a_flipped_bit_is_found_in_every_file(saved):
    folder = saved / "checkpoints" / "300"
    files = [path for path in folder.rglob("*") if path.is_file()]
    files.remove(folder / "metrics.json")  # only has to be readable
    assert len(files) > 8
    for path in files:
        whole = path.read_bytes()
        if not whole:
            path.write_bytes(b"x")
        else:
            flip_a_bit(path)
        with opened(saved) as checkpoints, pytest.raises(UserError, match="damaged"):
            checkpoints.restore(state_at(0), 300)
        path.write_bytes(whole)
    with opened(saved) as checkpoints:
        checkpoints.restore(state_at(0), 300)


def test_the_same_step_may_be_damaged_again(saved, capfd):
    for _ in range(2):
        truncate(saved / "checkpoints" / "300")
        with opened(saved, keep=3) as checkpoints:
            assert checkpoints.restore_last(state_at(0))[0] == 200
            checkpoints.save(state_at(300))
    assert {"damaged-300-1", "damaged-300-2"} < names(saved)
    assert "damaged-300-2" in capfd.readouterr().err


def test_several_damaged_ones_are_passed_over(saved, capfd):
    for step in ("200", "300"):
        truncate(saved / "checkpoints" / step)
    with opened(saved, keep=3) as checkpoints:
        step, state = checkpoints.restore_last(state_at(0))
    assert step == 100
    assert_equal_states(state, state_at(100))
    assert capfd.readouterr().err.count("\n") == 2


def test_where_all_are_damaged_nothing_is_trained_over_them(saved):
    for step in ("100", "200", "300"):
        truncate(saved / "checkpoints" / step)
    with opened(saved) as checkpoints, pytest.raises(UserError) as caught:
        checkpoints.restore_last(state_at(0))
    said = str(caught.value)
    assert said.startswith(
        f"{saved / 'checkpoints'}: every checkpoint is damaged (300:"
    )
    assert "\n" not in said
    assert names(saved) == {"100", "200", "300"}


def test_the_only_one_that_is_damaged_is_refused(tmp_path):
    with opened(tmp_path) as checkpoints:
        checkpoints.save(state_at(7))
    truncate(tmp_path / "checkpoints" / "7")
    refused = pytest.raises(UserError, match="train again")
    with opened(tmp_path) as checkpoints, refused:
        checkpoints.restore(state_at(0), 7)


def test_metrics_lie_beside_the_state(saved):
    path = saved / "checkpoints" / "200" / "metrics.json"
    assert json.loads(path.read_text()) == {"abs_rel": 1 / 200}


def test_a_checkpoint_knows_whether_it_is_scored(tmp_path):
    with opened(tmp_path) as checkpoints:
        checkpoints.save(state_at(1))
        assert not checkpoints.is_scored(1)
        assert checkpoints.best_step is None
        checkpoints.score(1, {"abs_rel": 0.5})
        assert checkpoints.is_scored(1)
        assert checkpoints.best_step == 1


def test_a_better_score_lets_the_best_before_go(tmp_path):
    with opened(tmp_path, keep=1) as checkpoints:
        save(checkpoints, 1, {"abs_rel": 0.5})
        save(checkpoints, 2, {"abs_rel": 0.6})
        checkpoints.save(state_at(3))
        checkpoints.wait()
        assert names(tmp_path) == {"1", "3"}
        checkpoints.score(3, {"abs_rel": 0.4})
        assert names(tmp_path) == {"3"}


def test_every_array_has_a_name_of_its_own():
    """Orbax joins keys by dots and mixes up equal names: findings/orbax_dotted_keys."""
    overrides = ["--config.train.ema=0.9", "--config.model.decoder_width=8"]
    config = override(load_config("configs/streets.py"), overrides)
    state = build_abstract_state(adopt_pretrained(complete(config)))
    paths = [path for path, _ in jax.tree.leaves_with_path(state)]
    names = {jax.tree_util.keystr(path, simple=True, separator=".") for path in paths}
    assert len(names) == len(paths) > 100
