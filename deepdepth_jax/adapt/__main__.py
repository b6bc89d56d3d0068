"""Adapts a trained network to images without depth, by class-balanced self-training.

python -m deepdepth_jax.adapt --from=RUN --config=configs/synthia_to_kitti.py
"""

import argparse
from pathlib import Path

from deepdepth_jax.runtime import cli


def main(argv: list[str]) -> None:
    """Runs the command.

    Args:
      argv: command-line arguments without the program's name.
    """
    arguments, overrides = _parser().parse_known_args(argv)

    from deepdepth_jax.runtime.devices import check_settings

    check_settings()
    from deepdepth_jax.runtime.processes import failing_together, join_processes

    join_processes()
    with failing_together():
        _run(arguments, overrides)


def _parser() -> cli.Parser:
    parser = cli.Parser(
        "deepdepth_jax.adapt",
        "Adapt a trained network to images without depth. Each round labels the pixels "
        "that the network is most confident of and trains on them and on labelled "
        "source images. With the same workdir, it resumes at the unfinished stage. "
        "Override any field of the config with --config.section.field=value.",
        takes_config=True,
    )
    parser.add_argument(
        "--from",
        dest="start",
        metavar="RUN",
        type=cli.path,
        required=True,
        help="network to start from: a run, a file of weights, hub:user/name, or "
        "anywhere, the network that comes with the package",
    )
    parser.add_argument(
        "--config", type=cli.path, required=True, help="config file, or its name"
    )
    parser.add_argument(
        "--workdir",
        type=cli.folder,
        help="folder of all rounds (default: runs/<config name>)",
    )
    parser.add_argument(
        "--mode",
        choices=("adapt", "measure"),
        default="adapt",
        help="adapt, or measure the pseudo-labels of an adaptation by true depth, if "
        "the target has any",
    )
    return parser


def _run(arguments: argparse.Namespace, overrides: list[str]) -> None:
    from deepdepth_jax.training.tensorflow_setup import import_tensorflow

    import_tensorflow()
    from deepdepth_jax.adapt.measures import measure_labels
    from deepdepth_jax.adapt.plan import Plan
    from deepdepth_jax.adapt.rounds import adapt, rounds_of
    from deepdepth_jax.config import load_config, override
    from deepdepth_jax.runtime.compiled import set_up_compiling
    from deepdepth_jax.runtime.preemption import PreemptionNotice

    workdir = arguments.workdir or Path("runs") / arguments.config.stem
    asked = override(load_config(arguments.config), overrides)
    set_up_compiling(workdir)
    plan = Plan.of(asked, arguments.start)
    if arguments.mode == "measure":
        rounds = rounds_of(workdir, plan.config.adapt.rounds)
        measure_labels(plan.config, workdir, rounds)
        return
    with PreemptionNotice() as notice:
        adapt(plan, workdir, notice)


if __name__ == "__main__":
    cli.run(main)
