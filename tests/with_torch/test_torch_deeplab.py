import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from foreign_checkpoints import aspp, state_dict
from torch.nn import functional

from benchmarks.torch_deeplab import DeepLabV2 as Reference
from deepdepth_jax.bins import IGNORE, DepthBins
from deepdepth_jax.config import TrainConfig
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.models.heads import Classification
from deepdepth_jax.models.pretrained import initialise
from deepdepth_jax.models.resampling import resize_bilinear
from deepdepth_jax.runtime.parallel import on_all_devices
from deepdepth_jax.training.objective import make_loss
from deepdepth_jax.training.optimizer import grouped, parameter_groups
from deepdepth_jax.training.state import initial_state
from deepdepth_jax.training.step import make_train_step
from deepdepth_jax.types import Batch
from deepdepth_jax.weights.conversion import convert_file

WIDTH = 8
BINS = DepthBins(num_bins=11)


def build(architecture, tmp_path):
    """Builds the reference with random weights, and ours with the same, converted."""
    reference = Reference(architecture, WIDTH, BINS.num_bins)
    arrays = state_dict(architecture, WIDTH) | aspp(32 * WIDTH, BINS.num_bins)
    weights = {name: torch.from_numpy(x) for name, x in arrays.items()}
    reference.load_state_dict(weights)
    torch.save(weights, tmp_path / "deeplab.pth")
    backbone = convert_file(tmp_path / "deeplab.pth").backbone
    model = DeepLabV2(
        outputs=BINS.num_bins,
        architecture=backbone.metadata.architecture,
        width=backbone.metadata.width,
        stride_on=backbone.metadata.stride_on,
    )
    shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 33, 33, 3)))
    fresh = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), shapes)
    variables = initialise(
        fresh, backbone.flat(), backbone.metadata, ("backbone", "aspp")
    )
    return reference, model, variables, backbone.metadata.convention


def to_torch(image):
    return torch.from_numpy(np.array(jnp.transpose(image, (0, 3, 1, 2))))


def relative_error(ours, expected):
    return np.abs(ours - expected).max() / np.abs(expected).max()


# 66 x 99 -> 33 x 50 -> 17 x 26 (in ceil mode) -> 9 x 13; 72 x 107 -> 36 x 54 -> 19 x
# 28 -> 10 x 14.
@pytest.mark.parametrize(
    ("architecture", "size", "coarse"),
    [("resnet50", (66, 99), (9, 13)), ("resnet101", (72, 107), (10, 14))],
)
def test_logits_are_the_reference_s(architecture, size, coarse, tmp_path):
    reference, model, variables, _ = build(architecture, tmp_path)
    image = jax.random.normal(jax.random.key(0), (2, *size, 3))
    with torch.no_grad():
        expected = reference(to_torch(image))
        upsampled = functional.interpolate(
            expected, size, mode="bilinear", align_corners=True
        )

    logits = jax.jit(model.apply)(variables, image)
    full = resize_bilinear(logits, size)

    assert logits.shape == (2, *coarse, BINS.num_bins)
    assert relative_error(logits.transpose(0, 3, 1, 2), expected.numpy()) < 1e-4
    assert relative_error(full.transpose(0, 3, 1, 2), upsampled.numpy()) < 1e-4


def reference_step(reference, images, labels, learning_rate):
    """Takes one step as the authors' lab's code does; gives the loss."""
    head = list(reference.layer5.parameters())
    backbone = [
        parameter
        for name, parameter in reference.named_parameters()
        if parameter.requires_grad and not name.startswith("layer5")
    ]
    optimizer = torch.optim.SGD(
        [{"params": backbone}, {"params": head, "lr": 10 * learning_rate}],
        lr=learning_rate,
        momentum=0.9,
        weight_decay=5e-4,
    )
    logits = functional.interpolate(
        reference(images), labels.shape[1:], mode="bilinear", align_corners=True
    )
    loss = functional.cross_entropy(logits, labels, ignore_index=IGNORE)
    loss.backward()
    optimizer.step()
    return loss.item()


def test_one_step_of_sgd_is_the_reference_s(tmp_path):
    learning_rate = 0.1
    reference, model, variables, convention = build("resnet50", tmp_path)
    rng = np.random.default_rng(2)
    images = rng.integers(0, 256, (2, 66, 99, 3), dtype=np.uint8)
    # Some pixels without ground truth, some beyond the last bin.
    depth_m = rng.uniform(-20, 100, (2, 66, 99)).astype(np.float32)
    labels = torch.from_numpy(np.array(BINS.label(depth_m), np.int64))
    old = {name: x.numpy().copy() for name, x in reference.state_dict().items()}
    expected_loss = reference_step(
        reference, to_torch(convention(jnp.asarray(images))), labels, learning_rate
    )

    groups = parameter_groups(
        norm="frozen", backbone_lr_mult=1.0, head_lr_mult=10.0, weight_decay=5e-4
    )
    optimizer = grouped("sgd", lambda step: learning_rate, 0.9, groups)
    loss = make_loss(
        "classification", Classification(BINS), TrainConfig(loss="cross_entropy")
    )
    train_step = make_train_step(model, convention, loss, optimizer)
    on_one_device = on_all_devices(train_step, jax.devices()[:1])
    batch = Batch(image=jnp.asarray(images)[None], depth_m=jnp.asarray(depth_m)[None])
    state, logged = on_one_device(initial_state(variables, optimizer), batch)

    np.testing.assert_allclose(logged["loss"], expected_loss, rtol=1e-5)
    trained = 0
    for name, new in reference.state_dict().items():
        if old[name].dtype != np.float32:
            continue
        update = new.numpy() - old[name]
        ours = our_tensor(state, name) - old[name]
        if update.any():
            assert relative_error(ours, update) < 1e-3, name
            trained += 1
        else:
            assert not ours.any(), name
    assert trained == 53 + 8


def our_tensor(state, name):
    """Finds a tensor of the reference in our state, in the reference's layout."""
    *path, leaf = name.split(".")
    if path[0] == "layer5":
        path = ["aspp", f"branch{path[-1]}"]
    elif len(path) == 1:
        path = ["backbone", *path]
    else:
        layer = {"0": "downsample_conv", "1": "downsample_bn"}.get(path[-1], path[-1])
        path = ["backbone", f"{path[0]}_{path[1]}", layer]
    tree = state.batch_stats if leaf.startswith("running") else state.params
    for key in path:
        tree = tree[key]
    if leaf == "weight" and "kernel" in tree:
        return np.asarray(tree["kernel"]).transpose(3, 2, 0, 1)
    names = {"weight": "scale", "running_mean": "mean", "running_var": "var"}
    return np.asarray(tree[names.get(leaf, leaf)])
