"""Writes street scenes as files: as KITTI's, as SYNTHIA's, or as one's own pairs.

python -m deepdepth_jax.datasets.streets.export --layout=kitti --output=DIR --count=20
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime import cli

LAYOUTS = ("kitti", "synthia", "pairs")
WORLD_NAMES = ("streets", "wide", "evening")
Item = TypeVar("Item")


def main(argv: list[str]) -> None:
    """Writes a folder and prints its content.

    Args:
      argv: command-line arguments without the program's name.

    Raises:
      UserError: an argument is wrong, or the folder holds something already.
    """
    arguments = _parser().parse_args(argv)

    from deepdepth_jax.runtime.devices import check_devices

    check_devices()

    from deepdepth_jax.datasets.kitti.eigen import SPLITS, frames
    from deepdepth_jax.datasets.streets.layouts import (
        write_kitti,
        write_pairs,
        write_synthia,
    )

    output: Path = arguments.output
    if output.is_file() or (output.is_dir() and any(output.iterdir())):
        raise UserError(f"--output={output}: is not empty; choose a new folder")
    if arguments.world != "streets" and arguments.layout != "pairs":
        raise UserError(f"--world={arguments.world}: needs --layout=pairs")
    size = {"height": arguments.height, "width": arguments.width}
    if arguments.layout == "kitti":
        chosen = [
            f for split in SPLITS for f in _spread(frames(split), arguments.count)
        ]
        write_kitti(output, chosen, seed=arguments.seed, **size)
        print(f"wrote {len(chosen)} frames of {', '.join(SPLITS)} to {output}")
        return
    if arguments.layout == "synthia":
        write_synthia(output, arguments.count, seed=arguments.seed, **size)
    else:
        options = {"seed": arguments.seed, "world": arguments.world}
        write_pairs(output, arguments.count, **options, **size)
    print(f"wrote {arguments.count} frames to {output}")


def _spread(all_frames: Sequence[Item], count: int) -> list[Item]:
    """Returns the middles of `count` equal parts. All frames if there are no more."""
    total = len(all_frames)
    count = min(count, total)
    return [all_frames[(2 * part + 1) * total // (2 * count)] for part in range(count)]


def _parser() -> cli.Parser:
    parser = cli.Parser(
        "deepdepth_jax.datasets.streets.export",
        "Write rendered street scenes in the layout of another data set.",
    )
    parser.add_argument(
        "--layout", choices=LAYOUTS, required=True, help="layout to write"
    )
    parser.add_argument("--output", type=cli.path, required=True, help="output folder")
    parser.add_argument(
        "--count",
        type=cli.count,
        default=20,
        help="number of frames (with kitti: per split)",
    )
    parser.add_argument(
        "--height", type=cli.count, default=128, help="height of the images"
    )
    parser.add_argument(
        "--width", type=cli.count, default=416, help="width of the images"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the scenes")
    parser.add_argument(
        "--world",
        choices=WORLD_NAMES,
        default="streets",
        help="with pairs: world of the scenes",
    )
    return parser


if __name__ == "__main__":
    cli.run(main)
