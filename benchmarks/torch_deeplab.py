"""DeepLab v2 in PyTorch, written from its description (Chen et al. 2016).

Names as in its public ports: torchvision's, and `layer5.conv2d_list` for the head.
"""

from torch import Tensor, nn
from torch.nn import functional

BLOCKS = {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}


class Bottleneck(nn.Module):
    """1x1 with the stride, dilated 3x3, 1x1, around a shortcut."""

    def __init__(
        self, into: int, inner: int, stride: int, dilation: int, *, project: bool
    ) -> None:
        super().__init__()
        outer = 4 * inner
        self.conv1 = nn.Conv2d(into, inner, 1, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(
            inner, inner, 3, padding=dilation, dilation=dilation, bias=False
        )
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, outer, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outer)
        if project:
            self.downsample = nn.Sequential(
                nn.Conv2d(into, outer, 1, stride, bias=False), nn.BatchNorm2d(outer)
            )
        else:
            self.downsample = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Adds what the block has learnt to the shortcut."""
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        return functional.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class Head(nn.Module):
    """The sum of four 3x3 convolutions of different rates."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.conv2d_list = nn.ModuleList(
            nn.Conv2d(channels, classes, 3, padding=rate, dilation=rate)
            for rate in (6, 12, 18, 24)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Sums the branches."""
        return sum(conv(x) for conv in self.conv2d_list)


class DeepLabV2(nn.Module):
    """The whole network, its normalisation frozen. Logits at output stride 8."""

    def __init__(self, architecture: str, width: int, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.channels = width
        counts = BLOCKS[architecture]
        self.layer1 = self._stage(counts[0], width, 1, 1)
        self.layer2 = self._stage(counts[1], 2 * width, 2, 1)
        self.layer3 = self._stage(counts[2], 4 * width, 1, 2)
        self.layer4 = self._stage(counts[3], 8 * width, 1, 4)
        self.layer5 = Head(32 * width, classes)
        self.eval()
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.requires_grad_(False)

    def _stage(
        self, count: int, inner: int, stride: int, dilation: int
    ) -> nn.Sequential:
        blocks = []
        for block in range(count):
            blocks.append(
                Bottleneck(
                    self.channels,
                    inner,
                    stride if block == 0 else 1,
                    dilation,
                    project=block == 0,
                )
            )
            self.channels = 4 * inner
        return nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        """Computes logits (b, k, h / 8, w / 8)."""
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.max_pool2d(x, 3, 2, padding=1, ceil_mode=True)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.layer5(x)
