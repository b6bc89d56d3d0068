"""DeepLab v2 (Chen et al. 2016) for depth."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from deepdepth_jax.models.conv.convolution import convolve_and_add
from deepdepth_jax.models.conv.recompute import Remat
from deepdepth_jax.models.decoder import Decoder, finer_stages
from deepdepth_jax.models.layers import Extent, within
from deepdepth_jax.models.resnet import ResNet, StrideOn, stage_extents
from deepdepth_jax.types import AnyArray


class Branch(nn.Module):
    """The parameters of one branch of ASPP. All branches are computed together."""

    features: int

    @nn.compact
    def __call__(
        self, inputs: int
    ) -> tuple[Float[AnyArray, "3 3 c k"], Float[AnyArray, " k"]]:
        """Returns the float32 kernel and bias for an input of `inputs` channels."""
        initializer = nn.initializers.normal(0.01)
        kernel = self.param("kernel", initializer, (3, 3, inputs, self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return kernel, bias


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: the sum of 3x3 convolutions of several rates.

    Attributes:
      features: channels of the output.
      rates: the dilation of each branch.
      dtype: type of the computation.
    """

    features: int
    rates: tuple[int, ...] = (6, 12, 18, 24)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], extent: Extent = None
    ) -> Float[Array, "b h w k"]:
        """Sums the branches. See `layers.Extent`."""
        x = within(x, extent).astype(self.dtype)
        branches = [
            Branch(self.features, name=f"branch{index}")(x.shape[-1])
            for index in range(len(self.rates))
        ]
        kernels = [jnp.asarray(kernel, self.dtype) for kernel, _ in branches]
        bias = jnp.sum(jnp.stack([bias for _, bias in branches]), axis=0)
        y = convolve_and_add(x, kernels, self.rates)
        return y + bias.astype(self.dtype).reshape(1, 1, 1, -1)


class DeepLabV2(nn.Module):
    """ResNet and ASPP: maps an image to logits at the output stride.

    With a decoder, which the paper has not, logits are at a stride of 4.

    Attributes:
      outputs: channels of the output. See `heads.Head.channels`.
      architecture, width, output_stride, norm, stride_on: see `resnet.ResNet`.
      aspp_rates: see `ASPP`.
      decoder_width: channels of the decoder. 0: none.
      dtype, remat: see `resnet.ResNet`. The output is float32.
    """

    outputs: int = 71
    architecture: str = "resnet101"
    width: int = 64
    output_stride: int = 8
    norm: str = "frozen"
    stride_on: StrideOn = "1x1"
    aspp_rates: tuple[int, ...] = (6, 12, 18, 24)
    decoder_width: int = 0
    dtype: Any = jnp.float32
    remat: Remat = "none"

    @nn.compact
    def __call__(
        self,
        image: Float[Array, "b h w 3"],
        *,
        train: bool = False,
        extent: Extent = None,
    ) -> Float[Array, "b h2 w2 k"]:
        """Computes the logits of an image in the backbone's input convention.

        Args:
          image: the image.
          train: see `layers.batch_norm`.
          extent: the image's part of a padded array. Not together with `train`.

        Returns:
          Logits, coarser than the image. `resampling.resize_bilinear` upsamples them to
          its size. Within `output_extent` they equal those of the unpadded image.
        """
        features = ResNet(
            architecture=self.architecture,
            width=self.width,
            output_stride=self.output_stride,
            norm=self.norm,
            stride_on=self.stride_on,
            dtype=self.dtype,
            remat=self.remat,
            name="backbone",
        )(image, train=train, extent=extent)
        extents = stage_extents(extent, self.output_stride)
        channels = self.decoder_width or self.outputs
        aspp = ASPP(channels, self.aspp_rates, self.dtype, name="aspp")
        x = aspp(features[-1], extents[-1])
        if self.decoder_width:
            finer = finer_stages(self.output_stride)
            x = Decoder(self.decoder_width, self.outputs, self.dtype, name="decoder")(
                x,
                [features[stage] for stage in finer],
                [extents[-1], *(extents[stage] for stage in finer)],
                train=train,
            )
        return x.astype(jnp.float32)

    def output_extent(self, extent: Extent) -> Extent:
        """Returns the extent of the logits, given that of the image."""
        stage = 0 if self.decoder_width else -1
        return stage_extents(extent, self.output_stride)[stage]
