import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deepdepth_jax.models.resnet import ResNet
from deepdepth_jax.runtime.parallel import AXIS

SIZE = 97


@functools.cache
def random_variables(architecture, norm):
    network = ResNet(architecture, width=8, norm=norm)
    x = jnp.zeros((1, SIZE, SIZE, 3))
    shapes = jax.eval_shape(network.init, jax.random.key(0), x)
    rng = np.random.default_rng(0)

    def draw(path, leaf):  # compiling `init` takes longer than the tests
        if path[-1].key == "kernel":
            std = (2 / np.prod(leaf.shape[:-1])) ** 0.5
            return jnp.asarray(rng.normal(0, std, leaf.shape), jnp.float32)
        is_one = path[-1].key in ("scale", "var")
        return jnp.ones(leaf.shape) if is_one else jnp.zeros(leaf.shape)

    variables = jax.tree_util.tree_map_with_path(draw, shapes)
    return variables["params"], variables["batch_stats"]


@functools.cache
def compiled(architecture, norm, remat):
    """Compiles what gives a network's gradient, and statistics after the batch."""
    network = ResNet(architecture, width=8, norm=norm, remat=remat)

    def loss(params, statistics, x):
        (*_, last), updates = network.apply(
            {"params": params, "batch_stats": statistics},
            x,
            train=True,
            mutable=["batch_stats"],
        )
        return jnp.mean(last**2), updates["batch_stats"]

    gradient = jax.vmap(
        jax.grad(loss, has_aux=True), in_axes=(None, None, 0), axis_name=AXIS
    )
    x = jnp.zeros((1, 2, SIZE, SIZE, 3))
    lowered = jax.jit(gradient).lower(*random_variables(architecture, norm), x)
    return lowered.compile()


@pytest.mark.parametrize(
    ("architecture", "norm"), [("resnet50", "frozen"), ("resnet18", "trained")]
)
@pytest.mark.parametrize("remat", ["selective", "full"])
def test_computing_again_changes_nothing(architecture, norm, remat):
    """With blocks of either kind, and with more than are taken at once."""
    x = jax.random.normal(jax.random.key(1), (1, 2, SIZE, SIZE, 3))
    arguments = (*random_variables(architecture, norm), x)
    plain = compiled(architecture, norm, "none")(*arguments)
    again = compiled(architecture, norm, remat)(*arguments)
    largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(plain))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6 * largest),
        again,
        plain,
    )


@pytest.mark.parametrize(("remat", "share"), [("selective", 0.8), ("full", 0.7)])
def test_it_saves_memory_on_a_cpu_too(remat, share):
    """Where XLA merges what is the same, and so keeps it after all."""
    bytes_of = {
        name: compiled("resnet50", "frozen", name).memory_analysis().temp_size_in_bytes
        for name in ("none", remat)
    }
    assert bytes_of[remat] < share * bytes_of["none"]
