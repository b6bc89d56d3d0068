"""The step of a run is read from disk as it was compiled, and known by its config."""

import dataclasses
import typing

import jax
import numpy as np
import pytest
from tiny_runs import arguments

from deepdepth_jax.config import FIELDS, Config, TrainConfig, load_config, override
from deepdepth_jax.runtime import stored_programs
from deepdepth_jax.runtime.parallel import replicated
from deepdepth_jax.training import kept_step as module
from deepdepth_jax.training.build import build_train_step
from deepdepth_jax.training.first_state import build_first_state
from deepdepth_jax.training.kept_step import OF_NO_EFFECT, KeptStep, kept_step
from deepdepth_jax.types import Batch
from deepdepth_jax.weights.adopt import complete_with_pretrained


def config_of(tmp_path, **fields):
    path, *overrides = arguments(tmp_path, **fields)
    fields = [x for x in overrides if x.startswith("--config.")]
    asked = override(load_config(path.removeprefix("--config=")), fields)
    return complete_with_pretrained(asked)


@pytest.fixture
def folder(tmp_path):
    """Of a cache of the test's own."""
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "cache"))
    yield tmp_path / "cache" / stored_programs.FOLDER
    jax.config.update("jax_compilation_cache_dir", before)


def batch(seed, pseudo=False):
    random, devices = np.random.default_rng(seed), jax.local_device_count()
    return Batch(
        image=random.integers(0, 256, (devices, 1, 32, 48, 3), np.uint8),
        depth_m=random.uniform(2, 60, (devices, 1, 32, 48)).astype(np.float32),
        is_pseudo=np.ones((devices, 1), bool) if pseudo else None,
    )


def numbers_after(step, config, batches):
    """Takes steps, and returns all numbers of the state and the last metrics."""
    state, metrics = build_first_state(config), {}
    for each in batches:
        state, metrics = step(state, each)
    return [np.asarray(x) for x in jax.tree.leaves((state, metrics))]


def refuse(*_):
    pytest.fail("the step is traced")


@pytest.mark.parametrize("pseudo", [False, True])
def test_a_kept_step_is_not_traced_and_does_the_same(
    tmp_path, folder, monkeypatch, pseudo
):
    config = config_of(tmp_path, train__ema=0.9, train__mrkld=0.1 if pseudo else 0)
    batches = [batch(seed, pseudo) for seed in range(2)]
    plain = numbers_after(build_train_step(config), config, batches)
    first = numbers_after(KeptStep(config, "x"), config, batches)
    assert len(list(folder.iterdir())) == 1
    monkeypatch.setattr(module, "build_one_device_step", refuse)
    read, own = [], stored_programs._read
    monkeypatch.setattr(
        stored_programs, "_read", lambda path: read.append(path) or own(path)
    )
    second = KeptStep(config, "x")
    second.read_ahead()
    for one, other in zip(first, numbers_after(second, config, batches), strict=True):
        np.testing.assert_array_equal(one, other)
    # Pseudo-labels come with one array more, and are read when they are there.
    assert len(read) == 1 + pseudo
    assert read[-1] == next(folder.iterdir())
    for one, other in zip(first, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_the_memory_of_the_state_before_is_reused(tmp_path, folder):
    config = config_of(tmp_path)
    for _ in range(2):  # compiled, then read
        state = build_first_state(config)
        following, _ = KeptStep(config, "x")(state, batch(0))
        assert all(x.is_deleted() for x in jax.tree.leaves(state))
        assert jax.tree.structure(following) == jax.tree.structure(state)
        for x in jax.tree.leaves(following):
            assert x.sharding.is_equivalent_to(replicated(), x.ndim)


def test_the_step_reads_no_field_that_is_said_to_have_no_effect(tmp_path):
    read, sections = set(), set()

    class WatchedTraining(TrainConfig):
        def __getattribute__(self, name):
            read.add(name)
            return super().__getattribute__(name)

    class Watched(Config):
        def __getattribute__(self, name):
            sections.add(name)
            return super().__getattribute__(name)

    config = config_of(tmp_path)
    training = WatchedTraining(**vars(config.train))
    watched = Watched(**vars(config) | {"train": training})
    state = build_first_state(config)
    read.clear()
    sections.clear()
    jax.eval_shape(build_train_step(watched), state, batch(0))
    assert {"learning_rate", "num_steps", "loss"} <= read
    assert not read & set(OF_NO_EFFECT)
    every = {field.name for field in dataclasses.fields(Config)}
    assert sections & every == {"bins", "model", "train"}


@pytest.mark.parametrize(
    "name", [name for name in FIELDS if name.startswith(("bins.", "train."))]
)
def test_every_other_field_makes_another_step(tmp_path, name):
    config = config_of(tmp_path)
    section, _, field = name.partition(".")
    own = getattr(config, section)
    value = another(FIELDS[name], getattr(own, field))
    changed = dataclasses.replace(own, **{field: value})
    other = dataclasses.replace(config, **{section: changed})
    is_same = kept_step(other) is kept_step(config)
    assert is_same == (section == "train" and field in OF_NO_EFFECT)


def another(field, value):
    """Returns another value of a field's type, whether it makes sense or not."""
    if isinstance(value, tuple):
        first, *rest = value or (0.0,)
        return another(field, first), *rest
    options = [x for x in typing.get_args(field.type) if x not in (value, type(None))]
    if options:
        return options[-1]
    return value + 1 if isinstance(value, int) else (value + 0.05) / 2
