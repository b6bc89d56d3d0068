"""Dilated ResNets (He et al. 2015. Dilation after Chen et al. 2016, DeepLab v2)."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from deepdepth_jax.models.conv.pooling import max_pool_ceil
from deepdepth_jax.models.conv.recompute import Remat, rematerialized
from deepdepth_jax.models.layers import (
    Conv,
    Extent,
    activated,
    batch_norm,
    extent_after,
    extent_after_pool,
    normalised,
    relu,
    within,
)

StrideOn = Literal["1x1", "3x3"]


@dataclasses.dataclass(frozen=True)
class Architecture:
    """The shape of a ResNet: its kind of block, and their number in the four stages."""

    block: Literal["basic", "bottleneck"]
    blocks: tuple[int, int, int, int]


ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {
        "tiny": Architecture("basic", (1, 1, 1, 1)),
        "resnet18": Architecture("basic", (2, 2, 2, 2)),
        "resnet34": Architecture("basic", (3, 4, 6, 3)),
        "resnet50": Architecture("bottleneck", (3, 4, 6, 3)),
        "resnet101": Architecture("bottleneck", (3, 4, 23, 3)),
        "resnet152": Architecture("bottleneck", (3, 8, 36, 3)),
    }
)

# Output stride -> strides and dilations of the four stages. Every block of a stage has
# the stage's dilation, including the first. 32 is the classification network.
STAGES: Mapping[int, tuple[tuple[int, ...], tuple[int, ...]]] = MappingProxyType(
    {
        8: ((1, 2, 1, 1), (1, 1, 2, 4)),
        16: ((1, 2, 2, 1), (1, 1, 1, 2)),
        32: ((1, 2, 2, 2), (1, 1, 1, 1)),
    }
)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, the block of ResNet-18 and -34."""

    width: int
    stride: int
    dilation: int
    project: bool
    norm: str
    stride_on: StrideOn  # unused: there is no 1x1
    dtype: Any
    train: bool

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], extent: Extent = None
    ) -> Float[Array, "b h2 w2 d"]:
        """Adds the residual to the shortcut. See `layers.Extent`."""
        conv = functools.partial(Conv, dtype=self.dtype)
        norm = functools.partial(
            batch_norm, self.norm, train=self.train, dtype=self.dtype
        )
        first = conv(self.width, 3, self.stride, self.dilation, name="conv1")
        y = activated(first, norm(name="bn1"), x, extent)
        extent = extent_after(extent, self.stride)
        last = conv(self.width, 3, 1, self.dilation, name="conv2")
        y = normalised(last, norm(name="bn2", starts_at_zero=True), y, extent)
        if self.project:
            shortcut = conv(self.width, 1, self.stride, name="downsample_conv")
            x = normalised(shortcut, norm(name="downsample_bn"), x)
        return relu(x + y)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 and a shortcut, the block of ResNet-50 and deeper.

    Attributes:
      width: channels of the 3x3. The output has four times as many.
      stride: stride of the whole block.
      dilation: dilation of the 3x3.
      project: whether the shortcut has a convolution.
      norm: see `batch_norm`.
      stride_on: which convolution has the stride: the first `1x1` (He et al., Caffe,
        Keras, DeepLab v2) or the `3x3` (torchvision and its weights).
      dtype: type of the computation.
      train: see `batch_norm`.
    """

    width: int
    stride: int
    dilation: int
    project: bool
    norm: str
    stride_on: StrideOn
    dtype: Any
    train: bool

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], extent: Extent = None
    ) -> Float[Array, "b h2 w2 d"]:
        """Adds the residual to the shortcut. See `layers.Extent`."""
        conv = functools.partial(Conv, dtype=self.dtype)
        norm = functools.partial(
            batch_norm, self.norm, train=self.train, dtype=self.dtype
        )
        strides = (self.stride, 1) if self.stride_on == "1x1" else (1, self.stride)
        first = conv(self.width, 1, strides[0], name="conv1")
        y = activated(first, norm(name="bn1"), x)
        extent = extent_after(extent, strides[0])
        middle = conv(self.width, 3, strides[1], self.dilation, name="conv2")
        y = activated(middle, norm(name="bn2"), y, extent)
        last = conv(4 * self.width, 1, name="conv3")
        y = normalised(last, norm(name="bn3", starts_at_zero=True), y)
        if self.project:
            shortcut = conv(4 * self.width, 1, self.stride, name="downsample_conv")
            x = normalised(shortcut, norm(name="downsample_bn"), x)
        return relu(x + y)


Block = BasicBlock | Bottleneck
BLOCKS: Mapping[str, type[Block]] = MappingProxyType(
    {"basic": BasicBlock, "bottleneck": Bottleneck}
)

BLOCKS_AT_ONCE = 4
"""Rematerialised blocks are grouped by this number. A group keeps its input."""


class ResNet(nn.Module):
    """A ResNet without its classifier.

    Attributes:
      architecture: a name in `ARCHITECTURES`.
      width: channels of the stem and of the first stage's 3x3. 64 in the paper.
      output_stride: input pixels per feature pixel at the end: 8, 16 or 32.
      norm: see `layers.batch_norm`.
      stride_on: see `Bottleneck`.
      dtype: type of the computation. Parameters and statistics are float32.
      remat: which activations are recomputed for the gradient. See `recompute.Remat`.
    """

    architecture: str = "resnet101"
    width: int = 64
    output_stride: int = 8
    norm: str = "frozen"
    stride_on: StrideOn = "1x1"
    dtype: Any = jnp.float32
    remat: Remat = "none"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w 3"], *, train: bool = False, extent: Extent = None
    ) -> list[Float[Array, "b _ _ _"]]:
        """Computes the features of the four stages, from fine to coarse.

        Args:
          x: the image in the backbone's input convention.
          train: see `layers.batch_norm`.
          extent: the image's part of x. Features beyond their own extent are undefined.
            See `stage_extents`.

        Returns:
          The features of each stage.
        """
        conv = Conv(self.width, 7, stride=2, dtype=self.dtype, name="conv1")
        norm = batch_norm(self.norm, train=train, dtype=self.dtype, name="bn1")
        x = activated(conv, norm, x, extent)
        extent = extent_after(extent, 2)
        # After the ReLU nothing is below 0, so zeros do not change a maximum.
        x = max_pool_ceil(within(x, extent))
        extent = extent_after_pool(extent)
        features = []
        for stage in range(4):
            x = self._stage(x, stage, extent, train=train)
            extent = extent_after(extent, STAGES[self.output_stride][0][stage])
            features.append(x)
        return features

    def _stage(
        self, x: Float[Array, "b h w c"], stage: int, extent: Extent, *, train: bool
    ) -> Float[Array, "b h2 w2 d"]:
        architecture = ARCHITECTURES[self.architecture]
        strides, dilations = STAGES[self.output_stride]
        width = self.width * 2**stage
        # The first stage of basic blocks keeps stride and width: nothing to project.
        first_projects = architecture.block == "bottleneck" or stage > 0
        blocks = [
            BLOCKS[architecture.block](
                width=width,
                stride=strides[stage] if index == 0 else 1,
                dilation=dilations[stage],
                project=index == 0 and first_projects,
                norm=self.norm,
                stride_on=self.stride_on,
                dtype=self.dtype,
                train=train,
                name=f"layer{stage + 1}_{index}",
            )
            for index in range(architecture.blocks[stage])
        ]
        # The backward pass begins with the last stage, at the peak of memory.
        # Recomputing its activations just then would save nothing.
        if train and self.remat != "none" and stage < 3:
            for at in range(0, len(blocks), BLOCKS_AT_ONCE):
                x = self._recomputing(blocks[at : at + BLOCKS_AT_ONCE], x)
            return x
        for block in blocks:
            x = block(x, extent)
            extent = extent_after(extent, block.stride)
        return x

    def _recomputing(
        self, blocks: Sequence[Block], x: Float[Array, "b h w c"]
    ) -> Float[Array, "b h2 w2 d"]:
        """Applies blocks outside of Flax's scope and stores their new statistics."""
        nameless = tuple(block.clone(parent=None, name=None) for block in blocks)
        variables = [block.variables for block in blocks]
        x, updates = rematerialized(nameless, self.remat, variables, x)
        for block, update in zip(blocks, updates, strict=True):
            self.put_variable("batch_stats", str(block.name), update["batch_stats"])
        return x


def stage_extents(extent: Extent, output_stride: int) -> list[Extent]:
    """Returns the extents of the four stages' features, given that of the image."""
    extent = extent_after_pool(extent_after(extent, 2))
    extents = []
    for stride in STAGES[output_stride][0]:
        extent = extent_after(extent, stride)
        extents.append(extent)
    return extents
