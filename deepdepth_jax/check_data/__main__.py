"""Reports present, missing and broken data before training.

python -m deepdepth_jax.check_data --config=configs/kitti.py --config.data.root=KITTI
"""

import argparse
from pathlib import Path

from deepdepth_jax.runtime import cli

NAMED = 3
"""How many frames are named of those that share a fault, unless all are asked for."""


def main(argv: list[str]) -> None:
    """Runs the command.

    Args:
      argv: command-line arguments without the program's name.
    """
    arguments, overrides = _parser().parse_known_args(argv)

    from deepdepth_jax.runtime.devices import check_devices

    check_devices()
    from deepdepth_jax.check_data import report
    from deepdepth_jax.check_data.inspection import inspect
    from deepdepth_jax.config import complete, load_config, override
    from deepdepth_jax.datasets.registry import all_sources
    from deepdepth_jax.models.heads import build_bins
    from deepdepth_jax.runtime.compiled import set_up_compiling
    from deepdepth_jax.weights.adopt import inherit_pretrained

    asked = override(load_config(arguments.config), overrides)
    config = complete(inherit_pretrained(asked))
    workdir = Path("runs") / arguments.config.stem
    output = arguments.output or workdir / "check_data"
    set_up_compiling(workdir)
    shown = None if arguments.list else NAMED
    bins = build_bins(config)
    inspections = []
    for source in all_sources(config):  # any mistake in a folder is said here
        report.print_survey(source, shown)
        inspections.append(inspect(source, bins, config.eval.cap_m))
        report.print_inspection(inspections[-1], shown)
    path = output / "depth_histogram.png"
    report.draw_depth(path, inspections)
    print(f"histogram: {path}")
    report.require_trainable(config, inspections)
    print("training can start")


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(
        "deepdepth_jax.check_data",
        "Read all training, validation and test data of a config, and report "
        "present, missing and broken files. Exits with 0 only if training can "
        "start. Override any field of the config with "
        "--config.section.field=value.",
        takes_config=True,
    )
    parser.add_argument("--config", type=cli.path, required=True, help="config file")
    parser.add_argument(
        "--list", action="store_true", help="list every frame, not only the first few"
    )
    parser.add_argument(
        "--output",
        type=cli.folder,
        help="folder for the histogram (default: runs/<config name>/check_data)",
    )
    return parser


if __name__ == "__main__":
    cli.run(main)
