"""Training step and prediction as PyTorch's users write them: the peer of ours."""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.torch_deeplab import DeepLabV2

CLASSES, IGNORE = 71, 255

FORMS = ("contiguous eager", "channels_last eager", "channels_last compiled")
"""How a network can be run: its order in memory, and whether by `torch.compile`."""


def training(form: str, image: np.ndarray, labels: np.ndarray) -> Callable[[], float]:
    """Builds the training step of a batch that stays the same.

    Args:
      form: one of `FORMS`.
      image: float32 (b, h, w, 3), as the network takes it.
      labels: (b, h, w), of 71 classes; 255 = ignore.
    """
    model = _network(form)
    run = _runner(form, model)
    head = list(model.layer5.parameters())
    backbone = [
        parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and not name.startswith("layer5")
    ]
    optimizer = torch.optim.SGD(
        [{"params": backbone}, {"params": head, "lr": 2.5e-3}],
        lr=2.5e-4,
        momentum=0.9,
        weight_decay=5e-4,
    )
    pixels, targets = _placed(form, image), torch.from_numpy(labels.astype(np.int64))

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        full = functional.interpolate(
            run(pixels), targets.shape[1:], mode="bilinear", align_corners=True
        )
        loss = functional.cross_entropy(full, targets, ignore_index=IGNORE)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def inference(
    form: str, image: np.ndarray, centers_m: np.ndarray
) -> Callable[[], torch.Tensor]:
    """Builds the prediction of expected depth for a picture, given as to `training`."""
    run = _runner(form, _network(form))
    pixels, centers = _placed(form, image), torch.from_numpy(centers_m)

    @torch.inference_mode()
    def predict() -> torch.Tensor:
        full = functional.interpolate(
            run(pixels), pixels.shape[2:], mode="bilinear", align_corners=True
        )
        return torch.einsum("bkhw,k->bhw", functional.softmax(full, dim=1), centers)

    return predict


def matrix_product(size: int) -> Callable[[], torch.Tensor]:
    """Builds the product of two square matrices: what the machine can do."""
    left, right = (torch.randn(size, size) for _ in range(2))
    return lambda: left @ right


def multiplications(batch: int, height: int, width: int) -> int:
    """Counts those of the convolutions of one prediction; nothing is run."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        DeepLabV2("resnet101", 64, CLASSES)(torch.empty(batch, 3, height, width))
    return counter.get_total_flops() // 2


def _network(form: str) -> DeepLabV2:
    torch.manual_seed(0)
    model = DeepLabV2("resnet101", 64, CLASSES)
    if form.startswith("channels_last"):
        model = model.to(memory_format=torch.channels_last)
    return model


def _runner(form: str, model: DeepLabV2) -> Callable[[torch.Tensor], torch.Tensor]:
    return torch.compile(model) if form.endswith("compiled") else model


def _placed(form: str, image: np.ndarray) -> torch.Tensor:
    pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(0, 3, 1, 2)))
    if form.startswith("channels_last"):
        return pixels.contiguous(memory_format=torch.channels_last)
    return pixels
