"""DeepLab v2 as ONNX: the computation of `models.deeplab`, from its variables."""

from collections.abc import Sequence

import numpy as np
from flax.traverse_util import flatten_dict
from jaxtyping import Float

from deepdepth_jax.export.onnx_graph import Graph
from deepdepth_jax.models.decoder import finer_stages
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.models.input_convention import InputConvention
from deepdepth_jax.models.layers import BATCH_NORM_EPSILON
from deepdepth_jax.models.resnet import ARCHITECTURES, STAGES
from deepdepth_jax.types import Tree


class NetworkWriter:
    """Writes the layers of a network.

    Args:
      graph: is added to.
      model: the network.
      variables: of it. Normalisation, with the statistics it has, is put into the
        convolution before it.
    """

    def __init__(
        self, graph: Graph, model: DeepLabV2, variables: dict[str, Tree]
    ) -> None:
        self.graph = graph
        self.model = model
        self._params = flatten_dict(variables["params"], sep="/")
        self._statistics = flatten_dict(variables["batch_stats"], sep="/")

    def outputs(self, image: str) -> str:
        """Writes the network from its input to its output, both (b, c, h, w).

        Args:
          image: name of the input tensor.

        Returns:
          Name of the output tensor.
        """
        x = self._conv_norm(image, "backbone", "1", stride=2)
        x = self.graph.add("Relu", x)
        x = self.graph.add(
            "MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 2, 2]
        )
        architecture = ARCHITECTURES[self.model.architecture]
        write = self._basic if architecture.block == "basic" else self._bottleneck
        strides, dilations = STAGES[self.model.output_stride]
        features = []
        for stage, blocks in enumerate(architecture.blocks):
            for block in range(blocks):
                layer = f"backbone/layer{stage + 1}_{block}"
                stride = strides[stage] if block == 0 else 1
                y = write(x, layer, stride, dilations[stage])
                shortcut = self._shortcut(x, layer, stride)
                x = self.graph.add("Relu", self.graph.add("Add", shortcut, y))
            features.append(x)
        x = self._aspp(x)
        if not self.model.decoder_width:
            return x
        finer = finer_stages(self.model.output_stride)
        return self._decoder(x, [features[stage] for stage in finer])

    def _aspp(self, x: str) -> str:
        branches = [
            self._conv(
                x,
                f"aspp/branch{index}",
                self._params[f"aspp/branch{index}/kernel"],
                self._params[f"aspp/branch{index}/bias"],
                dilation=rate,
            )
            for index, rate in enumerate(self.model.aspp_rates)
        ]
        return self.graph.add("Sum", *branches)

    def _decoder(self, x: str, finer: Sequence[str]) -> str:
        gain, offset = self._affine("decoder/bn0")
        x = self.graph.add("Mul", x, gain.astype(np.float32).reshape(-1, 1, 1))
        x = self.graph.add("Add", x, offset.astype(np.float32).reshape(-1, 1, 1))
        x = self.graph.add("Relu", x)
        for step, features in enumerate(finer, 1):
            x = self.graph.add("Concat", self._upsampled(x, features), features, axis=1)
            x = self._folded(x, f"decoder/conv{step}", f"decoder/bn{step}")
            x = self.graph.add("Relu", x)
        name = "decoder/outputs"
        kernel, bias = (self._params[f"{name}/{leaf}"] for leaf in ("kernel", "bias"))
        return self._conv(x, name, kernel, bias)

    def _upsampled(self, x: str, like: str) -> str:
        """Writes `decoder.upsample_twice`."""
        twice = self.graph.add(
            "Resize",
            x,
            "",
            np.array([1, 1, 2, 2], np.float32),
            mode="linear",
            coordinate_transformation_mode="asymmetric",
        )
        size = self.graph.add("Shape", like, start=2, end=4)
        return self.graph.add("Slice", twice, np.array([0, 0]), size, np.array([2, 3]))

    def _basic(self, x: str, layer: str, stride: int, dilation: int) -> str:
        y = self._conv_norm(x, layer, "1", stride=stride, dilation=dilation)
        y = self.graph.add("Relu", y)
        return self._conv_norm(y, layer, "2", dilation=dilation)

    def _bottleneck(self, x: str, layer: str, stride: int, dilation: int) -> str:
        on_1x1 = self.model.stride_on == "1x1"
        y = self._conv_norm(x, layer, "1", stride=stride if on_1x1 else 1)
        y = self.graph.add("Relu", y)
        stride = 1 if on_1x1 else stride
        y = self._conv_norm(y, layer, "2", stride=stride, dilation=dilation)
        y = self.graph.add("Relu", y)
        return self._conv_norm(y, layer, "3")

    def _shortcut(self, x: str, layer: str, stride: int) -> str:
        if f"{layer}/downsample_conv/kernel" not in self._params:
            return x
        names = (f"{layer}/downsample_conv", f"{layer}/downsample_bn")
        return self._folded(x, *names, stride=stride)

    def _conv_norm(
        self, x: str, layer: str, number: str, *, stride: int = 1, dilation: int = 1
    ) -> str:
        names = (f"{layer}/conv{number}", f"{layer}/bn{number}")
        return self._folded(x, *names, stride=stride, dilation=dilation)

    def _folded(
        self, x: str, conv: str, norm: str, *, stride: int = 1, dilation: int = 1
    ) -> str:
        """Writes a convolution and its normalisation as one convolution."""
        gain, offset = self._affine(norm)
        kernel = np.asarray(self._params[f"{conv}/kernel"], np.float64) * gain
        return self._conv(x, conv, kernel, offset, stride=stride, dilation=dilation)

    def _affine(self, norm: str) -> tuple[Float[np.ndarray, " c"], ...]:
        """Returns the factor and the offset of a normalisation."""
        scale, bias, mean, var = (
            np.asarray(vector, np.float64)
            for vector in (
                self._params[f"{norm}/scale"],
                self._params[f"{norm}/bias"],
                self._statistics[f"{norm}/mean"],
                self._statistics[f"{norm}/var"],
            )
        )
        gain = scale / np.sqrt(var + BATCH_NORM_EPSILON)
        return gain, bias - mean * gain

    def _conv(
        self,
        x: str,
        name: str,
        kernel: Float[np.ndarray, "size size c d"],
        bias: Float[np.ndarray, " d"],
        *,
        stride: int = 1,
        dilation: int = 1,
    ) -> str:
        return self.graph.add(
            "Conv",
            x,
            np.asarray(kernel, np.float32).transpose(3, 2, 0, 1),
            np.asarray(bias, np.float32),
            name=name,
            strides=[stride, stride],
            dilations=[dilation, dilation],
            pads=[dilation * (kernel.shape[0] // 2)] * 4,
        )


def write_convention(graph: Graph, convention: InputConvention, image: str) -> str:
    """Writes the step from RGB, float (b, h, w, 3), to the input (b, 3, h, w)."""
    if convention.order == "bgr":
        image = graph.add("Gather", image, np.array([2, 1, 0]), axis=3)
    scaled = graph.add("Div", image, convention.scale)
    centred = graph.add("Sub", scaled, np.array(convention.mean, np.float32))
    normal = graph.add("Div", centred, np.array(convention.std, np.float32))
    return graph.add("Transpose", normal, perm=[0, 3, 1, 2])
