"""Runs a study: `python -m benchmarks.study --config=benchmarks/studies/streets.py`."""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.study.running import leave_on_sigterm
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime import cli

if TYPE_CHECKING:
    from benchmarks.study.grid import Run, Study

FAILED = 1
"""The exit code if a training or an evaluation has failed."""


def main(argv: list[str]) -> int:
    """Runs the command."""
    arguments, overrides = _parser().parse_known_args(argv)

    from benchmarks.study.grid import lay_out, load_study

    study = load_study(arguments.config)
    if arguments.seeds:
        study = dataclasses.replace(study, seeds=arguments.seeds)
    folder = arguments.workdir or Path("runs") / f"{arguments.config.stem}_study"
    runs = lay_out(study, folder, overrides)
    chosen = _chosen(study, runs, arguments.only)
    left = [run for run in chosen if not run.is_done()]
    failures = []
    if left and not arguments.table:
        failures = _run(study, folder, overrides, left, arguments.jobs)
    _report(study, folder, runs)
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    return FAILED if failures else 0


def _parser() -> cli.Parser:
    parser = cli.Parser(
        "benchmarks.study",
        "Train the variants of a study from its seeds, evaluate them, and write tables "
        "and a plot. Started again, it does what is left. Any field of the config is "
        "overridden for all by --config.section.field=value.",
        takes_config=True,
    )
    parser.add_argument(
        "--config", type=cli.path, required=True, help="a file with get_study()"
    )
    parser.add_argument(
        "--workdir",
        type=cli.folder,
        help="the folder of the study (runs/<config name>_study)",
    )
    parser.add_argument(
        "--jobs", type=cli.count, default=1, help="so many trainings beside each other"
    )
    parser.add_argument(
        "--only",
        type=_names,
        default=(),
        help="run these variants alone, and those that they start from: a,b,c",
    )
    parser.add_argument(
        "--seeds", type=_seeds, default=(), help="in place of the study's: 0,1,2"
    )
    parser.add_argument(
        "--table", action="store_true", help="run nothing, tell what is there"
    )
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _seeds(text: str) -> tuple[int, ...]:
    if not all(part.isdigit() for part in text.split(",")):
        raise argparse.ArgumentTypeError(f"{text!r}: write whole numbers, 0,1,2")
    return tuple(dict.fromkeys(int(part) for part in text.split(",")))


def _chosen(study: "Study", runs: Sequence["Run"], only: Sequence[str]) -> list["Run"]:
    for name in only:
        if name not in study.variants:
            raise UserError(f"--only={name}: take some of {', '.join(study.variants)}")
    wanted = {*only, *(study.variants[name].follows for name in only)}
    return [run for run in runs if not only or run.variant in wanted]


def _run(
    study: "Study",
    folder: Path,
    overrides: Sequence[str],
    runs: Sequence["Run"],
    at_once: int,
) -> list[str]:
    """Prepares the data once, then runs. Gives what has failed."""
    from benchmarks.study.grid import preparation
    from benchmarks.study.running import Processes, describe_failure, run_all

    with Processes(at_once) as processes:
        log = folder / "prepare.log"
        for name, command in study.folders.items():
            code = processes.write_folder(command, folder / name, log)
            if code:
                raise UserError(describe_failure(f"writing {name}", code, log))
        code = processes.execute(preparation(study, folder, overrides), log)
        if code:
            raise UserError(describe_failure("preparing the data", code, log))
        first = [run for run in runs if not run.follows]
        rest = [run for run in runs if run.follows]  # they need the networks of others
        failed = run_all(first, processes.execute, at_once)
        return failed + run_all(rest, processes.execute, at_once)


def _report(study: "Study", folder: Path, runs: Sequence["Run"]) -> None:
    from benchmarks.study.plot import save_plot
    from benchmarks.study.table import collect, markdown, write_tables

    rows = collect(runs, study.reference)
    if not rows:
        print(f"{folder}: nothing has been evaluated yet")
        return
    write_tables(folder, rows, study.reference)
    save_plot(folder / "study.png", rows, study.reference)
    print(f"\n{markdown(rows, study.reference)}")
    print(f"results: {folder / 'study.md'}, study.json, study.png")


if __name__ == "__main__":
    leave_on_sigterm("preempted: start again to resume")
    cli.run(main)
