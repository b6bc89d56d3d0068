"""The tensor names and conventions of one kind of checkpoint."""

import dataclasses
import re
from collections.abc import Iterable, Mapping

from deepdepth_jax.models.resnet import StrideOn


@dataclasses.dataclass(frozen=True)
class NamingScheme:
    """How one kind of checkpoint names and stores the tensors of a ResNet.

    Attributes:
      name: value of `--kind` and of the metadata.
      title: name in messages.
      mark: pattern of a tensor name that identifies the kind.
      prefix: pattern of an optional prefix of all names.
      stem: our layer -> their layer, before the blocks.
      block: their prefix of a block's layers, with `{stage}` and `{block}`.
      first_stage: their number of our `layer1`.
      first_block: their number of a stage's first block.
      layers: our layer -> their layer, within a block.
      head: our branch of the ASPP head -> their layer, empty without a head.
      leaves: our variable -> their suffix.
      kernel_axes: transposition from their kernels to ours (h, w, in, out).
      conv_bias: suffix of the biases of the backbone's convolutions, empty without
        biases. They are folded into the normalisation.
      epsilon: epsilon of batch normalisation.
      convention: name in `input_convention.CONVENTIONS`.
      stride_on: the convolution of a bottleneck that has the stride.
      left_out: pattern of a name -> reason why the backbone does not take it.
    """

    name: str
    title: str
    mark: str
    prefix: str
    stem: Mapping[str, str]
    block: str
    first_stage: int
    first_block: int
    layers: Mapping[str, str]
    head: Mapping[str, str]
    leaves: Mapping[str, str]
    kernel_axes: tuple[int, int, int, int]
    conv_bias: str
    epsilon: float
    convention: str
    stride_on: StrideOn
    left_out: Mapping[str, str]

    def strip(self, name: str) -> str:
        """Removes the prefix."""
        return re.sub(f"^{self.prefix}", "", name)

    def name_of(self, path: str) -> str:
        """Returns their name of one of our variables, given by its path."""
        layer, leaf = path.rsplit("/", 1)
        return self.layer_of(layer) + self.leaves[leaf]

    def layer_of(self, path: str) -> str:
        """Returns their name of a layer, given as `params/backbone/layer1_0/conv1`."""
        _, part, *layers = path.split("/")
        if part == "aspp":
            return self.head[layers[0]]
        if len(layers) == 1:
            return self.stem[layers[0]]
        stage, block = layers[0].removeprefix("layer").split("_")
        return self.block_of(int(stage), int(block)) + self.layers[layers[1]]

    def block_of(self, stage: int, block: int) -> str:
        """Returns the prefix of the names in our block `layer{stage}_{block}`."""
        return self.block.format(
            stage=stage - 1 + self.first_stage, block=block + self.first_block
        )

    def blocks(self, names: Iterable[str]) -> tuple[int, int, int, int]:
        """Counts the blocks of the four stages in stripped names.

        Args:
          names: tensor names without their prefix.

        Returns:
          The counts.
        """
        pattern = re.escape(self.block)
        for field in ("stage", "block"):
            pattern = pattern.replace(rf"\{{{field}\}}", rf"(?P<{field}>\d{{1,4}})")
        counts = [0, 0, 0, 0]
        for match in filter(None, (re.match(pattern, name) for name in names)):
            stage = int(match["stage"]) - self.first_stage
            if 0 <= stage < 4:
                block = int(match["block"]) - self.first_block
                counts[stage] = max(counts[stage], block + 1)
        return counts[0], counts[1], counts[2], counts[3]
