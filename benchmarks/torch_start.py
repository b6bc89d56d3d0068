"""The peer of a start: PyTorch trains on images in files, from weights in a file.

Says a word after each step. It is run as a program, by `startup`.
"""

import sys
from pathlib import Path

import torch

from benchmarks.torch_loader import kitti_files, torch_batches
from benchmarks.torch_network import Network, labels_of, trainer

STEP = "finished a step"
CROP = (210, 400)


def main(form: str, weights: Path, frames: Path) -> None:
    """Trains for two steps, on crops one at a time.

    Args:
      form: of the network. See `table.FORMS`.
      weights: of it.
      frames: KITTI's folder.
    """
    network = Network(form)
    network.model.load_state_dict(torch.load(weights, weights_only=True))
    step = trainer(network)
    for image, depth_m in torch_batches(kitti_files(frames), CROP, 1, num_batches=3):
        step(network.place(image.numpy()), labels_of(depth_m.numpy()))
        print(STEP, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
