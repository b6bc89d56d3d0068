"""Trains and evaluates: `python -m deepdepth_jax.main --config=configs/streets.py`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime import cli

if TYPE_CHECKING:
    from ml_collections import ConfigDict

    from deepdepth_jax.runtime.checkpoint_folder import Which

NOT_WITH_WEIGHTS = {
    "config": None,
    "workdir": None,
    "checkpoint": "best",
    "predictions": None,
}


def main(argv: list[str]) -> None:
    """Runs the command."""
    arguments, overrides = _parser().parse_known_args(argv)
    for name in ("predictions", "output", "weights"):
        if getattr(arguments, name) is not None and arguments.mode != "evaluate":
            raise UserError(f"--{name} needs --mode=evaluate")
    if arguments.weights is not None:
        _check_weights(arguments)

    from deepdepth_jax.runtime.devices import check_settings

    check_settings()
    from deepdepth_jax.runtime.processes import failing_together, join_processes

    join_processes()
    with failing_together():
        _run(arguments, overrides)


def _check_weights(arguments: argparse.Namespace) -> None:
    """Refuses, at once, all that does not go with evaluating a file of weights."""
    problems = []
    wrong = [
        f"--{name}"
        for name, usual in NOT_WITH_WEIGHTS.items()
        if getattr(arguments, name) != usual
    ]
    if wrong:
        problems.append(
            f"--weights goes without {', '.join(wrong)}: the file holds one checkpoint "
            "and its config; override fields, such as --config.data.dataset=pairs"
        )
    if arguments.output is None:
        problems.append("--weights needs --output=FOLDER for the results")
    if problems:
        raise UserError("; ".join(problems))


def _parser() -> cli.Parser:
    parser = cli.Parser(
        "deepdepth_jax.main",
        "Train a depth network, then evaluate it. With the same workdir, training "
        "resumes from its last checkpoint. Override any field of the config with "
        "--config.section.field=value.",
        takes_config=True,
    )
    parser.add_argument(
        "--config", type=cli.path, help="config file, or a workdir's config.json"
    )
    parser.add_argument(
        "--workdir",
        type=cli.folder,
        help="folder of the run (default: runs/<config name>)",
    )
    parser.add_argument(
        "--mode",
        choices=("train", "evaluate", "prepare"),
        default="train",
        help="train (then evaluate), evaluate only, or prepare the data only",
    )
    parser.add_argument(
        "--checkpoint",
        type=cli.checkpoint,
        default="best",
        help="checkpoint to evaluate: last, best (by validation), or a step",
    )
    parser.add_argument(
        "--predictions",
        type=cli.path,
        metavar="FOLDER|FILE.npy",
        help="with --mode=evaluate: depth maps to evaluate instead of a run: a folder "
        "of files (16-bit PNG, metres x 256, or .npy, metres), or one .npy file "
        "with all maps in the order of a list (docs/evaluation.md)",
    )
    parser.add_argument(
        "--weights",
        type=cli.path,
        help="with --mode=evaluate: file of weights, hub:user/name, or anywhere (the "
        "network that comes with the package), to evaluate instead of a run, on the "
        "data that --config.data.dataset and its fields name",
    )
    parser.add_argument(
        "--output",
        type=cli.folder,
        help="with --mode=evaluate: folder for the results, instead of the run's (or "
        "the predictions')",
    )
    return parser


def _run(arguments: argparse.Namespace, overrides: list[str]) -> None:
    from deepdepth_jax.training.tensorflow_setup import (
        import_tensorflow,
        require_tensorflow,
    )

    require_tensorflow()
    from deepdepth_jax.config import complete, inherit, load_config, override
    from deepdepth_jax.inference.saved_network import load_network
    from deepdepth_jax.runtime.claim import as_trained
    from deepdepth_jax.runtime.compiled import set_up_compiling
    from deepdepth_jax.runtime.workdir import stored_config

    if arguments.weights is not None:
        set_up_compiling(None)
        network = load_network(arguments.weights, overrides=overrides)
        import_tensorflow()
        from deepdepth_jax.evaluation.evaluate import evaluate_network

        evaluate_network(network, arguments.output)
        return
    path, workdir = _places(arguments.config, arguments.workdir)
    asked = override(load_config(path), overrides)
    set_up_compiling(workdir)
    if arguments.mode == "train":
        _train(asked, workdir, arguments.checkpoint)
        return
    import_tensorflow()
    from deepdepth_jax.datasets.pipeline import prepare
    from deepdepth_jax.datasets.registry import all_sources
    from deepdepth_jax.evaluation.evaluate import evaluate
    from deepdepth_jax.evaluation.files import evaluate_files

    if arguments.mode == "prepare":
        config = complete(asked)
        for source in all_sources(config):
            prepare(config.data, source)
    elif arguments.predictions is not None:
        evaluate_files(complete(asked), arguments.predictions, arguments.output)
    else:
        config = as_trained(workdir, complete(inherit(asked, stored_config(workdir))))
        evaluate(config, workdir, arguments.checkpoint, arguments.output)


def _train(asked: "ConfigDict", workdir: Path, checkpoint: "Which") -> None:
    from deepdepth_jax.runtime.workdir import started_config
    from deepdepth_jax.training.kept_step import kept_step
    from deepdepth_jax.training.tensorflow_setup import import_tensorflow
    from deepdepth_jax.weights.adopt import complete_with_pretrained

    config = complete_with_pretrained(asked, started_config(workdir))
    # While TensorFlow is imported and the data is opened.
    kept_step(config).read_ahead()
    import_tensorflow()
    from deepdepth_jax.evaluation.evaluate import evaluate
    from deepdepth_jax.evaluation.preconditions import without_evaluation
    from deepdepth_jax.runtime.preemption import PreemptionNotice
    from deepdepth_jax.training.loop import train

    reason = without_evaluation(config)
    if reason is not None:
        print(reason, flush=True)
    with PreemptionNotice() as notice:
        train(config, workdir, notice)
        if reason is None:
            evaluate(config, workdir, checkpoint)
        else:
            print(reason)


def _places(config: Path | None, workdir: Path | None) -> tuple[Path, Path]:
    """Completes each of the two by the other."""
    if config is not None:
        return config, workdir or Path("runs") / config.stem
    if workdir is not None:
        return workdir / "config.json", workdir
    raise UserError("give --config=FILE or NAME, for instance --config=streets")


if __name__ == "__main__":
    cli.run(main)
