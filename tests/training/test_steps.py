import dataclasses
import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deepdepth_jax.bins import DepthBins
from deepdepth_jax.config import TrainConfig
from deepdepth_jax.models.build import initial_variables
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.models.heads import HEADS
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.resampling import resize_bilinear
from deepdepth_jax.runtime.parallel import on_all_devices, replicate
from deepdepth_jax.training.objective import make_loss
from deepdepth_jax.training.optimizer import grouped, parameter_groups, poly_schedule
from deepdepth_jax.training.state import initial_state
from deepdepth_jax.training.step import make_train_step
from deepdepth_jax.types import Batch

CONVENTION = CONVENTIONS["imagenet_rgb"]
BINS = DepthBins(num_bins=10)


def network(norm, head="classification"):
    channels = HEADS[head](BINS).channels
    return DeepLabV2(outputs=channels, architecture="tiny", width=4, norm=norm)


def loss_of(head="classification", loss="cross_entropy", **options):
    return make_loss(head, HEADS[head](BINS), TrainConfig(loss=loss, **options))


def optimizer(norm):
    groups = parameter_groups(
        norm=norm, backbone_lr_mult=1.0, head_lr_mult=10.0, weight_decay=5e-4
    )
    return grouped("sgd", poly_schedule(0.01, 100, 0.9), 0.9, groups)


def uneven_batch(seed=0, size=(4, 33, 41)):
    """Four images that hold 80%, 10%, 1% and nothing of valid depth."""
    rng = np.random.default_rng(seed)
    depth_m = rng.uniform(1, 100, size).astype(np.float32)
    share = np.array([0.8, 0.1, 0.01, 0.0]).reshape(4, 1, 1)
    depth_m[rng.uniform(size=size) > share] = 0
    image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    return Batch(image=image, depth_m=depth_m)


@functools.cache
def compiled_step(norm, devices, loss=(), accumulate=1, options=()):
    """The same step for all tests that ask for it: tracing one takes seconds.

    The loss and the options of the network are pairs of a name and a value.
    """
    head = dict(loss).get("head", "classification")
    step = make_train_step(
        network(norm, head).clone(**dict(options)),
        CONVENTION,
        loss_of(**dict(loss)),
        optimizer(norm),
        accumulate=accumulate,
    )
    return on_all_devices(step, jax.devices()[:devices])


def run(norm, devices, batches, *, accumulate=1, loss=None, **options):
    loss, count = loss or {}, len(devices)
    model = network(norm, loss.get("head", "classification"))
    state = initial_state(initial_variables(model, seed=0), optimizer(norm))
    compiled = compiled_step(
        norm, count, tuple(loss.items()), accumulate, tuple(options.items())
    )
    state, losses = replicate(state, devices), []
    for batch in batches:
        parts = jax.tree.map(lambda x: x.reshape(len(devices), -1, *x.shape[1:]), batch)
        state, numbers = compiled(state, parts)
        losses.append(float(numbers["loss"]))
    return jax.device_get(state), losses


def assert_close(left, right, tolerance=1e-5):
    for name in ("params", "batch_stats"):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=tolerance, rtol=1e-5),
            getattr(left, name),
            getattr(right, name),
        )


def assert_same(left, right):
    jax.tree.map(np.testing.assert_array_equal, left, right)


@pytest.mark.parametrize("norm", ["frozen", "trained"])
def test_four_devices_equal_one_with_uneven_masks(norm):
    batches = [uneven_batch(seed) for seed in range(3)]
    one, one_losses = run(norm, jax.devices()[:1], batches)
    four, four_losses = run(norm, jax.devices()[:4], batches)
    np.testing.assert_allclose(four_losses, one_losses, rtol=1e-5)
    assert_close(four, one)


@pytest.mark.parametrize(
    "loss",
    [
        {"silog_weight": 1.0},
        {"head": "ordinal", "loss": "ordinal"},
        {"head": "regression", "loss": "silog"},
        {"head": "regression", "loss": "berhu"},
    ],
    ids=lambda loss: "-".join(map(str, loss.values())),
)
def test_so_they_do_with_every_head_and_in_parts(loss):
    batches = [uneven_batch(seed) for seed in range(2)]
    one, one_losses = run("frozen", jax.devices()[:1], batches, loss=loss)
    two, two_losses = run("frozen", jax.devices()[:2], batches, loss=loss, accumulate=2)
    np.testing.assert_allclose(two_losses, one_losses, rtol=1e-5)
    assert_close(two, one)


def test_loss_is_the_mean_over_valid_pixels():
    batch = uneven_batch()
    state, (loss,) = run("frozen", jax.devices()[:4], [batch])
    variables = initial_variables(network("frozen"), seed=0)
    logits = network("frozen").apply(variables, CONVENTION(batch.image), train=False)
    logits = np.asarray(resize_bilinear(logits, batch.depth_m.shape[1:]), np.float64)
    valid = (batch.depth_m > 0) & (batch.depth_m <= 80)
    edges = np.exp(np.linspace(0, np.log(80), 11))
    labels = np.digitize(np.clip(batch.depth_m[valid], 1, 79.99), edges) - 1
    scores = logits[valid]
    log_sum = np.log(np.exp(scores).sum(-1))
    expected = np.mean(log_sum - scores[np.arange(len(labels)), labels])
    assert loss == pytest.approx(expected, rel=1e-5)
    assert state.step == 1


@pytest.mark.parametrize("devices", [1, 2])
def test_a_batch_in_parts_equals_the_whole(devices):
    """With parts that hold different numbers of valid pixels."""
    batches = [uneven_batch(seed) for seed in range(3)]
    whole, whole_losses = run("frozen", jax.devices()[:devices], batches)
    parts, losses = run("frozen", jax.devices()[:devices], batches, accumulate=2)
    np.testing.assert_allclose(losses, whole_losses, rtol=1e-5)
    assert_close(parts, whole)


def test_trained_statistics_go_through_the_parts_one_after_the_other():
    batch = uneven_batch()
    halves = [jax.tree.map(lambda x, at=at: x[at : at + 2], batch) for at in (0, 2)]
    parts, _ = run("trained", jax.devices()[:1], [batch], accumulate=2)
    model = network("trained")
    variables = initial_variables(model, seed=0)
    stats = variables["batch_stats"]
    for half in halves:
        _, updates = jax.vmap(
            lambda x, stats=stats: model.apply(
                {"params": variables["params"], "batch_stats": stats},
                CONVENTION(x),
                train=True,
                mutable=["batch_stats"],
            ),
            axis_name="batch",
        )(half.image[None])
        stats = jax.tree.map(lambda x: x[0], updates["batch_stats"])
    assert_close(parts, parts.replace(batch_stats=stats))


@pytest.mark.parametrize("norm", ["frozen", "trained"])
def test_computing_blocks_again_changes_nothing(norm):
    batches = [uneven_batch(seed) for seed in range(2)]
    kept, _ = run(norm, jax.devices()[:1], batches)
    again, _ = run(norm, jax.devices()[:1], batches, remat="full")
    assert_close(again, kept, tolerance=1e-6)


@pytest.mark.parametrize("norm", ["frozen", "trained"])
def test_bfloat16_is_near_float32_and_keeps_parameters_in_float32(norm):
    batches = [uneven_batch()] * 6
    _, losses = run(norm, jax.devices()[:1], batches)
    state, near = run(norm, jax.devices()[:1], batches, dtype=jnp.bfloat16)
    np.testing.assert_allclose(near, losses, rtol=0.02)
    assert near != losses
    assert {leaf.dtype for leaf in jax.tree.leaves(state.params)} == {np.dtype("f4")}
    assert {x.dtype for x in jax.tree.leaves(state.batch_stats)} == {np.dtype("f4")}


@pytest.mark.parametrize("norm", ["frozen", "trained"])
def test_a_batch_without_ground_truth_changes_nothing_and_is_counted(norm):
    empty = dataclasses.replace(
        uneven_batch(), depth_m=np.zeros((4, 33, 41), np.float32)
    )
    before, _ = run(norm, jax.devices()[:4], [uneven_batch()])
    after, losses = run(norm, jax.devices()[:4], [uneven_batch(), empty])
    assert losses[-1] == 0.0
    assert (after.step, after.bad_steps) == (2, 1)
    assert_same(after.params, before.params)
    assert_same(after.batch_stats, before.batch_stats)
    for old, new in zip(
        jax.tree.leaves(before.opt_state), jax.tree.leaves(after.opt_state), strict=True
    ):
        if new.dtype == np.float32:
            np.testing.assert_array_equal(new, old)
        else:  # the schedule goes by the steps that were taken
            assert new == old + 1


@pytest.mark.parametrize("where", ["params", "loss"])
def test_a_step_that_is_not_finite_changes_nothing_and_is_counted(where):
    """Planted in one weight, or in an overflow of the loss."""
    state = initial_state(
        initial_variables(network("trained"), seed=0), optimizer("trained")
    )
    bias = state.params["aspp"]["branch0"]["bias"]
    spoilt = jax.tree.map(lambda x: x, state.params)
    spoilt["aspp"]["branch0"]["bias"] = bias.at[3].set(
        {"params": np.nan, "loss": np.inf}[where]
    )
    devices = jax.devices()[:2]
    compiled = compiled_step("trained", 2)
    parts = jax.tree.map(lambda x: x.reshape(2, 2, *x.shape[1:]), uneven_batch())
    before = jax.device_get(state.replace(params=spoilt))
    state = replicate(state.replace(params=spoilt), devices)
    for bad_steps in (1, 2):
        state, numbers = compiled(state, parts)
        assert not np.isfinite(numbers["gradient_norm"])
        assert numbers["bad_steps"] == bad_steps
    assert_same(jax.device_get(state.params), before.params)
    assert_same(jax.device_get(state.batch_stats), before.batch_stats)
    assert state.step == 2
    # A good step afterwards begins to count anew.
    state = replicate(jax.device_get(state).replace(params=_unspoilt(before)), devices)
    state, numbers = compiled(state, parts)
    assert numbers["bad_steps"] == 0
    assert np.isfinite(numbers["loss"])


def test_the_mean_of_the_weights_follows_its_recurrence():
    model = network("trained")
    variables = initial_variables(model, seed=0)
    averaging = make_train_step(
        model, CONVENTION, loss_of(), optimizer("trained"), average_decay=0.15
    )
    devices = jax.devices()[:1]
    states = [
        replicate(initial_state(variables, optimizer("trained"), averages=on), devices)
        for on in (False, True)
    ]
    steps = compiled_step("trained", 1), on_all_devices(averaging, devices)
    mean = jax.device_get(states[0].learned)
    for seed, decay in enumerate((1 / 10, 0.15, 0.15)):  # the bound, then the decay
        parts = jax.tree.map(lambda x: x[None], uneven_batch(seed))
        states = [step(s, parts)[0] for step, s in zip(steps, states, strict=True)]
        left, right = jax.device_get(states)
        assert_same(left.learned, right.learned)
        mean = jax.tree.map(
            lambda m, x, d=decay: d * m + (1 - d) * x, mean, left.learned
        )
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
            right.variables,
            mean,
        )
    batch = uneven_batch()
    blank = dataclasses.replace(batch, depth_m=np.zeros_like(batch.depth_m))
    states[1], numbers = steps[1](states[1], jax.tree.map(lambda x: x[None], blank))
    assert numbers["bad_steps"] == 1
    assert_same(jax.device_get(states[1].average), right.average)


def _unspoilt(state):
    return jax.tree.map(lambda x: np.where(np.isfinite(x), x, 0), state.params)


def test_training_lowers_the_loss():
    _, losses = run("trained", jax.devices()[:2], [uneven_batch()] * 15)
    assert losses[-1] < 0.8 * losses[0]


def test_parameters_start_the_same_from_the_same_seed():
    first, again, other = (
        initial_variables(network("trained"), seed)["params"] for seed in (0, 0, 1)
    )
    assert jax.tree.all(jax.tree.map(lambda a, b: (a == b).all(), first, again))
    kernel = first["backbone"]["conv1"]["kernel"]
    assert (kernel != other["backbone"]["conv1"]["kernel"]).all()
    assert jnp.std(kernel) > 0


def test_a_head_that_is_drawn_alone_is_the_whole_networks():
    model = network("trained")
    whole, alone = (
        initial_variables(model, 0, head_alone=alone) for alone in (False, True)
    )
    chex.assert_trees_all_equal_shapes_and_dtypes(whole, alone)
    chex.assert_trees_all_equal(whole["params"]["aspp"], alone["params"]["aspp"])
    made = [isinstance(x, jax.Array) for x in jax.tree.leaves(alone)]
    assert sum(made) == len(jax.tree.leaves(whole["params"]["aspp"]))
