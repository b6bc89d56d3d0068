"""A GPU says what the CPU says, in float32 that is not rounded to TF32."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from exported_networks import pipeline, random_images, trained

from deepdepth_jax.config import CrfConfig, complete, default_config
from deepdepth_jax.export.files import write_stablehlo
from deepdepth_jax.export.stablehlo import load_stablehlo
from deepdepth_jax.inference.crf.mean_field import dense_crf
from deepdepth_jax.models.build import build_network
from deepdepth_jax.runtime.parallel import on_all_devices, replicate
from deepdepth_jax.runtime.stored_programs import FOLDER
from deepdepth_jax.training.build import build_optimizer
from deepdepth_jax.training.first_state import build_first_state
from deepdepth_jax.training.kept_step import KeptStep
from deepdepth_jax.training.objective import make_loss
from deepdepth_jax.training.step import make_train_step
from deepdepth_jax.types import Batch
from deepdepth_jax.weights.adopt import adopt_pretrained

CPU, GPU = jax.devices("cpu")[:1], jax.devices("gpu")[:1]
LOSSES = {
    "classification": ("cross_entropy", "soft_labels"),
    "ordinal": ("ordinal",),
    "regression": ("silog", "berhu"),
}


@pytest.fixture(autouse=True)
def in_full_float32():
    with jax.default_matmul_precision("highest"):
        yield


def configured(**fields):
    config = default_config()
    config.model.update(backbone="tiny", width=8, norm="trained")
    config.train.update(crop=(65, 97), batch_size=2, learning_rate=0.01)
    config.update_from_flattened_dict(fields)
    return adopt_pretrained(complete(config))


def batch(seed, share):
    rng = np.random.default_rng(seed)
    depth_m = rng.uniform(1, 100, (2, 65, 97)).astype(np.float32)
    depth_m[rng.random(depth_m.shape) >= share] = 0
    image = rng.integers(0, 256, (2, 65, 97, 3), np.uint8)
    return Batch(image=image[None], depth_m=depth_m[None])


def train(config, devices, steps=2, share=0.3):
    parts = build_network(config)
    model = parts.model.clone(dtype=jnp.dtype(config.train.precision))
    options = config.train
    loss = make_loss(config.model.head, parts.head, options)
    optimizer = build_optimizer(config)
    step = make_train_step(model, parts.convention, loss, optimizer)
    compiled = on_all_devices(step, devices)
    with jax.default_device(jax.devices("cpu")[0]):
        state = jax.device_get(build_first_state(config))
    state, losses = replicate(state, devices), []
    for seed in range(steps):
        state, numbers = compiled(state, batch(seed, share))
        losses.append(float(numbers["loss"]))
    return jax.device_get(state), losses


@pytest.mark.parametrize(
    ("head", "loss"), [(head, loss) for head in LOSSES for loss in LOSSES[head]]
)
@pytest.mark.parametrize("share", [1.0, 0.05])
def test_a_training_step_is_the_cpus(head, loss, share):
    config = configured(**{"model.head": head, "train.loss": loss})
    expected, expected_losses = train(config, CPU, share=share)
    state, losses = train(config, GPU, share=share)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-4)
    start = build_first_state(config)
    for name in ("params", "batch_stats"):
        leaves = (jax.tree.leaves(getattr(x, name)) for x in (state, expected, start))
        for ours, theirs, before in zip(*leaves, strict=True):
            moved = np.abs(theirs - before).max()
            np.testing.assert_allclose(ours, theirs, atol=1e-2 * moved + 1e-6)


def test_a_kept_step_is_read_and_reuses_the_states_memory(tmp_path):
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    config = configured(**{"train.batch_size": 2 * jax.local_device_count()})
    ends = []
    try:
        for _ in range(2):  # compiled, then read
            step, state = KeptStep(config, "x"), build_first_state(config)
            step.read_ahead()
            for seed in range(2):
                [image, depth_m] = jax.tree.leaves(batch(seed, 0.3))
                copies = (jax.local_device_count(), *4 * (1,))
                given = Batch(np.tile(image, copies), np.tile(depth_m, copies[:-1]))
                old, (state, _) = state, step(state, given)
            assert all(x.is_deleted() for x in jax.tree.leaves(old))
            ends.append(jax.device_get(state))
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
    assert len(list((tmp_path / FOLDER).iterdir())) == 1
    jax.tree.map(np.testing.assert_array_equal, *ends)


def test_bfloat16_is_near_float32():
    _, losses = train(configured(**{"train.precision": "bfloat16"}), GPU)
    _, expected = train(configured(), GPU)
    np.testing.assert_allclose(losses, expected, rtol=0.03)
    assert losses != expected


@pytest.mark.parametrize("head", ["classification", "ordinal", "regression"])
def test_a_prediction_is_the_cpus(head):
    of = pipeline(head=head, decode="expectation", flip=True)
    variables, image = trained(of, temperature=1.7), random_images(2, 65, 97)
    step = of.predict_step(of.posterior)
    found, expected = (
        jax.jit(step)(*jax.device_put((variables, image), device)).maps()
        for (device,) in (GPU, CPU)
    )
    for name, values in expected.items():
        differs = ~np.isclose(found[name], values, rtol=1e-3, atol=1e-5)
        assert differs.mean() < 1e-3, name


def test_an_exported_model_runs_there(tmp_path):
    of = pipeline(decode="expectation")
    variables, image = trained(of), random_images(2, 65, 97)
    path = tmp_path / "depth.stablehlo"
    write_stablehlo(path, of, variables, {})
    found = load_stablehlo(path)(image)
    step = jax.jit(of.predict_step(of.posterior))
    expected = step(*jax.device_put((variables, image), CPU[0])).maps()
    for name, values in expected.items():
        differs = ~np.isclose(found[name], values, rtol=1e-3, atol=1e-5)
        assert differs.mean() < 1e-3, name


def test_the_crf_is_the_cpus():
    options = CrfConfig()
    rng = np.random.default_rng(0)
    image = np.repeat(np.repeat(rng.integers(0, 256, (4, 6, 3)), 16, 0), 16, 1)
    image = np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)
    scores = rng.normal(size=(*image.shape[:2], 71)).astype(np.float32)
    probabilities = np.asarray(jax.nn.softmax(2 * scores))
    found, expected = (
        np.asarray(dense_crf(jax.device_put(probabilities, device), image, options))
        for (device,) in (GPU, CPU)
    )
    assert (found.argmax(-1) == expected.argmax(-1)).mean() > 0.999
    np.testing.assert_allclose(found, expected, atol=1e-3)
    again = dataclasses.replace(options, compatibility="potts")
    assert np.isfinite(dense_crf(probabilities, image, again)).all()
