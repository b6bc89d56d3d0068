"""Training step and prediction as PyTorch's users write them: the peer of ours.

On a GPU, matrix products run in TF32, as PyTorch's convolutions there do and all of
JAX's. And cuDNN tries its algorithms, as XLA does.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.torch_deeplab import DeepLabV2

CLASSES, NEAREST_M, FARTHEST_M, IGNORE = 71, 1.0, 80.0, 255
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

ORDERS = {
    "contiguous": torch.contiguous_format,
    "channels_last": torch.channels_last,
}


class Network:
    """DeepLab v2 in one of its forms.

    Args:
      form: one of `table.FORMS`.
      device: `cpu` or `cuda`.
      precision: `float32`, or `bfloat16` by autocast.
    """

    def __init__(
        self, form: str, device: str = "cpu", precision: str = "float32"
    ) -> None:
        set_precision(device)
        torch.manual_seed(0)
        order, how = form.split()
        self.order, self.device = ORDERS[order], device
        self.model = DeepLabV2("resnet101", 64, CLASSES)
        self.model.to(device, memory_format=self.order)
        self._run = torch.compile(self.model) if how == "compiled" else self.model
        self.autocast = torch.autocast(
            device, torch.bfloat16, enabled=precision == "bfloat16"
        )

    def place(self, image: np.ndarray) -> Tensor:
        """Puts images, uint8 (b, h, w, 3), on the device, as network input."""
        pixels = torch.from_numpy(image).to(self.device).permute(0, 3, 1, 2)
        mean, std = (
            torch.tensor(values, device=self.device).view(1, 3, 1, 1)
            for values in (MEAN, STD)
        )
        pixels = (pixels / 255 - mean) / std
        return pixels.contiguous(memory_format=self.order)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Computes logits (b, k, h, w) at the size of the images."""
        return functional.interpolate(
            self._run(pixels), pixels.shape[2:], mode="bilinear", align_corners=True
        )


def set_precision(device: str) -> None:
    """Sets what the module's docstring says."""
    if device == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True


def trainer(network: Network) -> Callable[[Tensor, Tensor], float]:
    """Builds the training step, from pixels (b, 3, h, w) and labels (b, h, w)."""
    head = list(network.model.layer5.parameters())
    backbone = [
        parameter
        for name, parameter in network.model.named_parameters()
        if parameter.requires_grad and not name.startswith("layer5")
    ]
    optimizer = torch.optim.SGD(
        [{"params": backbone}, {"params": head, "lr": 2.5e-3}],
        lr=2.5e-4,
        momentum=0.9,
        weight_decay=5e-4,
    )

    def step(pixels: Tensor, labels: Tensor) -> float:
        optimizer.zero_grad(set_to_none=True)
        with network.autocast:
            loss = functional.cross_entropy(
                network(pixels), labels, ignore_index=IGNORE
            )
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def labels_of(depth_m: np.ndarray) -> Tensor:
    """Cuts depth (b, h, w) into the classes, spacing increasing with depth."""
    with np.errstate(divide="ignore"):
        place = np.log(depth_m / NEAREST_M) / np.log(FARTHEST_M / NEAREST_M)
    labels = np.clip(np.floor(CLASSES * place), 0, CLASSES - 1)
    ignored = (depth_m <= 0) | (depth_m > FARTHEST_M)
    return torch.from_numpy(np.where(ignored, IGNORE, labels).astype(np.int64))


def training(
    network: Network, image: np.ndarray, depth_m: np.ndarray
) -> Callable[[], float]:
    """Builds the training step of a batch that stays the same."""
    step, pixels = trainer(network), network.place(image)
    labels = labels_of(depth_m).to(network.device)
    return lambda: step(pixels, labels)


def predictor(network: Network) -> Callable[[np.ndarray], np.ndarray]:
    """Builds the prediction: from images (b, h, w, 3) to expected depth (b, h, w)."""
    edges = np.geomspace(NEAREST_M, FARTHEST_M, CLASSES + 1)
    centers_m = np.float32((edges[1:] + edges[:-1]) / 2)
    centers = torch.from_numpy(centers_m).to(network.device)

    @torch.inference_mode()
    def predict(image: np.ndarray) -> np.ndarray:
        with network.autocast:
            probabilities = functional.softmax(network(network.place(image)), dim=1)
        return torch.einsum("bkhw,k->bhw", probabilities, centers).cpu().numpy()

    return predict


def matrix_product(size: int, device: str, precision: str) -> Callable[[], None]:
    """Builds the product of two square matrices: what the machine can do."""
    set_precision(device)
    dtype = getattr(torch, precision)
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in "ab")

    def multiply() -> None:
        left @ right
        if device == "cuda":
            torch.cuda.synchronize()

    return multiply


def multiplications(batch: int, height: int, width: int) -> int:
    """Counts those of the convolutions of one prediction. Nothing is run."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        DeepLabV2("resnet101", 64, CLASSES)(torch.empty(batch, 3, height, width))
    return counter.get_total_flops() // 2
