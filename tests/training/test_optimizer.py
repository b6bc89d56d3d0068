import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from deepdepth_jax.config import complete, default_config
from deepdepth_jax.errors import UserError
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.training.build import build_schedule
from deepdepth_jax.training.optimizer import (
    assign_groups,
    grouped,
    parameter_groups,
    poly_schedule,
)


def params_of(norm, architecture="resnet50"):
    model = DeepLabV2(5, architecture, width=2, norm=norm, decoder_width=2)
    shapes = jax.eval_shape(
        lambda: model.init(jax.random.key(0), jnp.zeros((1, 33, 33, 3)))
    )
    return random_like(shapes["params"], seed=0)


def random_like(tree, seed):
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), jnp.float32), tree
    )


def groups(norm="trained", freeze_at=0):
    return parameter_groups(
        norm=norm,
        backbone_lr_mult=3.0,
        head_lr_mult=10.0,
        weight_decay=0.01,
        freeze_at=freeze_at,
    )


def torch_sgd(param, gradients, rates, *, decay, momentum=0.9):
    """Torch's documented update, in float64."""
    velocity = 0.0
    param = np.asarray(param, np.float64)
    for gradient, rate in zip(gradients, rates, strict=True):
        velocity = momentum * velocity + (np.asarray(gradient) + decay * param)
        param = param - rate * velocity
    return param


def published_adamw(param, gradients, rates, *, decay, momentum=0.9):
    """Algorithm 2 of Loshchilov and Hutter 2019, in float64."""
    param = np.asarray(param, np.float64)
    mean = square = 0.0
    gradients = [np.asarray(gradient, np.float64) for gradient in gradients]
    for step, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        mean = momentum * mean + (1 - momentum) * gradient
        square = 0.999 * square + 0.001 * gradient**2
        corrected = mean / (1 - momentum**step)
        spread = np.sqrt(square / (1 - 0.999**step)) + 1e-8
        param = param - rate * (corrected / spread + decay * param)
    return param


PUBLISHED = {"sgd": torch_sgd, "adamw": published_adamw}


def run(params, norm, steps=3, name="sgd", freeze_at=0):
    schedule = poly_schedule(0.1, 5, 0.9)
    optimizer = grouped(name, schedule, 0.9, groups(norm, freeze_at))
    state, gradients = optimizer.init(params), []
    for step in range(steps):
        gradients.append(random_like(params, seed=step + 1))
        updates, state = jax.jit(optimizer.update)(gradients[-1], state, params)
        params = optax.apply_updates(params, updates)
    return params, gradients, [0.1 * (1 - step / 5) ** 0.9 for step in range(steps)]


@functools.cache
def trained_by(name):
    before = params_of("trained")
    return before, *run(before, "trained", name=name)


@pytest.mark.parametrize(
    ("path", "mult", "decay"),
    [
        (("backbone", "conv1", "kernel"), 3, 0.01),
        (("backbone", "layer3_2", "conv2", "kernel"), 3, 0.01),
        (("backbone", "layer1_0", "downsample_conv", "kernel"), 3, 0.01),
        (("backbone", "bn1", "scale"), 3, 0.0),
        (("backbone", "layer2_0", "downsample_bn", "bias"), 3, 0.0),
        (("aspp", "branch3", "kernel"), 10, 0.01),
        (("aspp", "branch0", "bias"), 10, 0.01),
    ],
    ids=lambda value: "/".join(value) if isinstance(value, tuple) else str(value),
)
@pytest.mark.parametrize("name", PUBLISHED)
def test_each_group_follows_the_published_rule(path, mult, decay, name):
    before, after, gradients, rates = trained_by(name)

    def pick(tree):
        for part in path:
            tree = tree[part]
        return np.asarray(tree)

    expected = PUBLISHED[name](
        pick(before),
        [pick(gradient) for gradient in gradients],
        [mult * rate for rate in rates],
        decay=decay,
    )
    np.testing.assert_allclose(pick(after), expected, rtol=1e-4, atol=5e-5)


def test_frozen_normalisation_stays_and_everything_else_moves():
    before = params_of("frozen")
    after, _, _ = run(before, "frozen", steps=1)
    names = assign_groups(before, groups("frozen"))
    moved = jax.tree.map(lambda a, b: bool((a != b).any()), before, after)
    expected = jax.tree.map(lambda name: name != "norm", names)
    assert moved == expected


@pytest.mark.parametrize(
    ("freeze_at", "stay"),
    [
        (1, {"conv1", "bn1"}),
        (2, {"conv1", "bn1", "layer1"}),
        (5, {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4"}),
    ],
)
def test_the_first_stages_stay_and_everything_else_learns_as_before(freeze_at, stay):
    params = params_of("trained")
    before = assign_groups(params, groups())
    after = assign_groups(params, groups(freeze_at=freeze_at))
    for (path, group), learns in zip(
        jax.tree_util.tree_leaves_with_path(after), jax.tree.leaves(before), strict=True
    ):
        of_backbone = path[0].key == "backbone"
        frozen = of_backbone and path[1].key.split("_")[0] in stay
        assert group == ("frozen" if frozen else learns)
    moved = run(params, "trained", steps=1, freeze_at=freeze_at)[0]
    kernel = params["backbone"]["conv1"]["kernel"]
    assert (moved["backbone"]["conv1"]["kernel"] == kernel).all()


@pytest.mark.parametrize("architecture", ["resnet18", "resnet50"])
def test_every_parameter_is_in_the_group_it_should_be(architecture):
    params = params_of("trained", architecture)
    flat = jax.tree_util.tree_leaves_with_path(assign_groups(params, groups()))
    for path, group in flat:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if name.startswith(("aspp/", "decoder/")):
            assert group == "head"
        else:
            assert group == ("backbone" if name.endswith("kernel") else "norm")


def test_a_parameter_without_a_group_is_an_error():
    with pytest.raises(ValueError, match="other/kernel"):
        assign_groups({"other": {"kernel": jnp.ones(1)}}, groups())


def test_the_whole_gradient_is_scaled_to_a_norm():
    """Clipping is before the groups: their ratios stay as they are."""
    params = params_of("trained")
    gradient = random_like(params, seed=1)
    norm = float(optax.tree.norm(gradient))
    plain, clipped, loose = (
        grouped("sgd", lambda _: 0.1, 0.9, groups(), clip_norm=limit)
        for limit in (0.0, norm / 4, norm * 2)
    )
    scaled = jax.tree.map(lambda x: x / 4, gradient)
    for limited, like, given in (
        (clipped, plain, scaled),
        (loose, plain, gradient),
    ):
        found, _ = jax.jit(limited.update)(gradient, limited.init(params), params)
        expected, _ = jax.jit(like.update)(given, like.init(params), params)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7),
            found,
            expected,
        )


@pytest.mark.parametrize("name", ["poly", "cosine"])
def test_the_rate_rises_linearly_and_then_decays_to_zero(name):
    config = default_config()
    config.model.norm = "trained"  # without weights
    config.train.schedule, config.train.learning_rate = name, 0.4
    config.train.num_steps, config.train.warmup_steps = 12, 4
    schedule = build_schedule(complete(config))
    rates = [float(schedule(step)) for step in range(13)]
    np.testing.assert_allclose(rates[:5], [0.1, 0.2, 0.3, 0.4, 0.4], rtol=1e-6)
    half = {"poly": 0.4 * 0.5**0.9, "cosine": 0.2}[name]
    assert rates[8] == pytest.approx(half)
    assert rates[12] == pytest.approx(0, abs=1e-8)
    config.train.warmup_steps = 12
    with pytest.raises(UserError, match="must be < train"):
        complete(config)


def test_a_constant_rate_stays_after_its_warm_up():
    config = default_config()
    config.model.norm = "trained"
    config.train.schedule, config.train.learning_rate = "constant", 0.4
    config.train.num_steps, config.train.warmup_steps = 12, 2
    schedule = build_schedule(complete(config))
    rates = [float(schedule(step)) for step in (0, 1, 2, 7, 12)]
    np.testing.assert_allclose(rates, [0.2, 0.4, 0.4, 0.4, 0.4], rtol=1e-6)


def test_poly_schedule_decays_at_every_step_to_zero():
    schedule = poly_schedule(2.5e-4, 100_000, 0.9)
    assert schedule(0) == pytest.approx(2.5e-4)
    assert schedule(1) < schedule(0)
    assert schedule(50_000) == pytest.approx(2.5e-4 * 0.5**0.9, rel=1e-5)
    assert schedule(100_000) == 0
