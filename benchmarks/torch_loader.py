"""The peer of the input pipeline: a PyTorch DataLoader, Pillow and NumPy, as is usual.

It reads the same files and does the same augmentation (Eigen et al. 2014 for KITTI), in
the order most public repositories have it in: decode, resize, pad, crop, tint, flip.
"""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

MEAN_COLOUR = (124, 116, 104)


def kitti_files(root: Path) -> list[tuple[Path, Path]]:
    """Finds the images below a KITTI folder, each with its depth."""
    images = sorted(root.glob("*/*/image_02/data/*.png"))
    depths = sorted(root.glob("data_depth_annotated/*/*/proj_depth/*/image_02/*.png"))
    return list(zip(images, depths, strict=True))


@dataclasses.dataclass
class EigenDataset(Dataset):
    """Images with 16-bit depth PNGs, augmented.

    Attributes:
      files: of each frame, image and depth.
      crop: height and width.
      length: how many examples an epoch has. Files are read again and again.
    """

    files: Sequence[tuple[Path, Path]]
    crop: tuple[int, int]
    length: int

    def __len__(self) -> int:
        """Counts the examples."""
        return self.length

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Makes an example: uint8 (h, w, 3), and float32 (h, w) in metres."""
        rng = np.random.default_rng(index)
        image_file, depth_file = self.files[index % len(self.files)]
        image = Image.open(image_file).convert("RGB")
        depth = Image.fromarray(
            np.asarray(Image.open(depth_file)).astype(np.float32) / 256
        )
        zoom = rng.uniform(1, 1.2)
        size = round(image.width * zoom), round(image.height * zoom)
        pixels = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
        depth_m = np.asarray(depth.resize(size, Image.Resampling.NEAREST)) / zoom
        pixels, depth_m = self._random_crop(pixels, depth_m, rng)
        pixels = np.clip(pixels * rng.uniform(0.8, 1.2, 3), 0, 255).astype(np.uint8)
        if rng.random() < 0.5:
            pixels, depth_m = pixels[:, ::-1], depth_m[:, ::-1]
        return (
            torch.from_numpy(np.ascontiguousarray(pixels)),
            torch.from_numpy(np.ascontiguousarray(depth_m, np.float32)),
        )

    def _random_crop(
        self, pixels: np.ndarray, depth_m: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        height, width = self.crop
        if pixels.shape[0] < height:
            above = int(rng.integers(0, height - pixels.shape[0] + 1))
            padded = np.full((height, *pixels.shape[1:]), MEAN_COLOUR, np.uint8)
            padded[above : above + pixels.shape[0]] = pixels
            padded_m = np.zeros((height, depth_m.shape[1]), depth_m.dtype)
            padded_m[above : above + depth_m.shape[0]] = depth_m
            pixels, depth_m = padded, padded_m
        top = int(rng.integers(0, pixels.shape[0] - height + 1))
        left = int(rng.integers(0, pixels.shape[1] - width + 1))
        window = slice(top, top + height), slice(left, left + width)
        return pixels[window], depth_m[window]


def torch_batches(
    files: Sequence[tuple[Path, Path]],
    crop: tuple[int, int],
    batch_size: int,
    num_batches: int,
    start_method: str | None = None,
) -> Iterator[list[torch.Tensor]]:
    """Makes batches with as many workers as there are cores."""
    dataset = EigenDataset(files, crop, batch_size * num_batches)
    loader = DataLoader(
        dataset,
        batch_size,
        shuffle=True,
        num_workers=os.cpu_count() or 1,
        multiprocessing_context=start_method,
    )
    return iter(loader)
