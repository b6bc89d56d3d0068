"""Checkpoints as other programs name and shape them, small and random."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

BASIC = ("resnet18", "resnet34")
BLOCKS = {
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
}
LAST = {name: "conv2" if name in BASIC else "conv3" for name in BLOCKS}
CAFFE = {"conv1": "reduce", "conv2": "conv3x3", "conv3": "increase", "down": "shortcut"}

# (stage, block, layer) -> names of convolution and normalisation. Stage 0 is the stem,
# blocks count from 0, the layers are conv1, conv2, conv3 and down.
Namer = Callable[[int, int, str], tuple[str, str]]


def torchvision(stage: int, block: int, layer: str) -> tuple[str, str]:
    if stage == 0:
        return "conv1", "bn1"
    prefix = f"layer{stage}.{block}."
    if layer == "down":
        return prefix + "downsample.0", prefix + "downsample.1"
    return prefix + layer, prefix + layer.replace("conv", "bn")


def hugging_face(stage: int, block: int, layer: str) -> tuple[str, str]:
    prefix = f"encoder.stages.{stage - 1}.layers.{block}."
    if stage == 0:
        prefix = "embedder.embedder."
    elif layer == "down":
        prefix += "shortcut."
    else:
        prefix += f"layer.{int(layer[-1]) - 1}."
    return prefix + "convolution", prefix + "normalization"


def caffe_port(stage: int, block: int, layer: str) -> tuple[str, str]:
    prefix = "layer1.conv1."
    if stage:
        prefix = f"layer{stage + 1}.block{block + 1}.{CAFFE[layer]}."
    return prefix + "conv", prefix + "bn"


@dataclasses.dataclass(frozen=True)
class Layer:
    """A convolution with its normalisation: where it is, and its kernel (OIHW)."""

    stage: int
    block: int
    layer: str
    shape: tuple[int, int, int, int]

    @property
    def ours(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The paths of convolution and normalisation in our tree."""
        if self.stage == 0:
            return ("conv1",), ("bn1",)
        block = f"layer{self.stage}_{self.block}"
        if self.layer == "down":
            return (block, "downsample_conv"), (block, "downsample_bn")
        return (block, self.layer), (block, self.layer.replace("conv", "bn"))


def layers(architecture: str, width: int) -> Iterator[Layer]:
    """Lists the layers of a ResNet, in He et al.'s table."""
    yield Layer(0, 0, "conv1", (width, 3, 7, 7))
    expansion = 1 if architecture in BASIC else 4
    channels = width
    for stage, count in enumerate(BLOCKS[architecture], 1):
        inner = width * 2 ** (stage - 1)
        outer = inner * expansion
        for block in range(count):
            if expansion == 1:
                yield Layer(stage, block, "conv1", (inner, channels, 3, 3))
                yield Layer(stage, block, "conv2", (inner, inner, 3, 3))
            else:
                yield Layer(stage, block, "conv1", (inner, channels, 1, 1))
                yield Layer(stage, block, "conv2", (inner, inner, 3, 3))
                yield Layer(stage, block, "conv3", (outer, inner, 1, 1))
            if block == 0 and channels != outer:
                yield Layer(stage, block, "down", (outer, channels, 1, 1))
            channels = outer


def state_dict(
    architecture: str, width: int = 4, namer: Namer = torchvision, prefix: str = ""
) -> dict[str, np.ndarray]:
    """Builds a state dict of PyTorch's, counters included, without a classifier."""
    rng = np.random.default_rng(0)
    tensors: dict[str, np.ndarray] = {}
    for layer in layers(architecture, width):
        conv, norm = namer(layer.stage, layer.block, layer.layer)
        out, into, height, _ = layer.shape
        scale = np.sqrt(2 / (into * height**2))
        tensors[f"{conv}.weight"] = rng.normal(0, scale, layer.shape)
        # A small last gain in each block keeps the sums over many blocks in range.
        gain = 0.3 if layer.layer == LAST[architecture] else 1.0
        tensors[f"{norm}.weight"] = gain * rng.uniform(0.5, 1.5, out)
        tensors[f"{norm}.bias"] = rng.normal(0, 0.2, out)
        tensors[f"{norm}.running_mean"] = rng.normal(0, 0.2, out)
        tensors[f"{norm}.running_var"] = rng.uniform(0.5, 1.5, out)
    tensors = {name: x.astype(np.float32) for name, x in tensors.items()}
    for name in [name for name in tensors if name.endswith(".running_var")]:
        counter = name.replace("running_var", "num_batches_tracked")
        tensors[counter] = np.array(7, np.int64)
    return {prefix + name: x for name, x in tensors.items()}


def aspp(
    channels: int, classes: int = 5, name: str = "layer5.conv2d_list.{}"
) -> dict[str, np.ndarray]:
    """Builds the four branches of DeepLab v2's head."""
    rng = np.random.default_rng(1)
    tensors = {}
    for branch in range(4):
        kernel = rng.normal(0, 0.05, (classes, channels, 3, 3))
        tensors[f"{name.format(branch)}.weight"] = kernel.astype(np.float32)
        bias = rng.normal(0, 0.1, classes)
        tensors[f"{name.format(branch)}.bias"] = bias.astype(np.float32)
    return tensors


def classifier(channels: int, name: str = "fc") -> dict[str, np.ndarray]:
    """Builds a classifier of ten classes."""
    return {
        f"{name}.weight": np.ones((10, channels), np.float32),
        f"{name}.bias": np.ones(10, np.float32),
    }
