"""Evaluates runs on data that they have not learned from.

python -m benchmarks.elsewhere --root=KITTI --runs runs/streets runs/wide

Each run is evaluated by the ordinary evaluation on each data set of the file `--data`.
The output folder then holds results.json and table.md, a sheet for each run, and all
files of each evaluation in a folder of their own.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.study.running import leave_on_sigterm
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime import cli

HERE = Path(__file__).parent
MEDIAN = "frame median"


def main(argv: list[str]) -> None:
    """Runs the command."""
    arguments, fields = _parser().parse_known_args(argv)

    from benchmarks.elsewhere.places import load_places, overrides
    from benchmarks.elsewhere.table import markdown, with_mean
    from deepdepth_jax.runtime import atomic

    output: Path = arguments.output
    places = load_places(arguments.data, arguments.root)
    options = {
        place: [*overrides(chosen, output), *fields] for place, chosen in places.items()
    }
    runs = _by_name(arguments.runs)
    found = {MEDIAN: with_mean(_frame_medians(options))}
    for name, run in runs.items():
        found[name] = with_mean(_evaluate(run, output / name, options))
        _save_sheet(output / name, options)
    atomic.write(output / "results.json", json.dumps(found, indent=2) + "\n")
    atomic.write(output / "table.md", markdown(found))
    print(markdown(found))
    print(f"results: {output / 'table.md'}, results.json, */sheet.png")


def _parser() -> cli.Parser:
    parser = cli.Parser(
        "benchmarks.elsewhere",
        "Evaluate runs on data that they have not learned from. Any field of the "
        "evaluation is overridden by --config.section.field=value.",
    )
    parser.add_argument(
        "--runs",
        type=cli.path,
        nargs="+",
        required=True,
        help="folders of runs, or files of weights",
    )
    parser.add_argument(
        "--root", type=cli.folder, required=True, help="the folder that holds the data"
    )
    parser.add_argument(
        "--data",
        type=cli.path,
        default=HERE / "kitti_sample.py",
        help="a file with get_places(root)",
    )
    parser.add_argument(
        "--output",
        type=cli.folder,
        default=Path("runs/elsewhere"),
        help="the folder for results",
    )
    return parser


def _by_name(runs: Sequence[Path]) -> dict[str, Path]:
    named = {
        run.resolve().stem if run.is_file() else run.resolve().name: run for run in runs
    }
    if len(named) < len(runs):
        raise UserError("--runs: the names must differ, as results have them")
    return named


def _frame_medians(
    options: Mapping[str, list[str]],
) -> dict[str, dict[str, float]]:
    from benchmarks.elsewhere.frame_median import evaluate_frame_median
    from benchmarks.elsewhere.table import read

    return {
        place: read({"metrics": evaluate_frame_median(chosen)})
        for place, chosen in options.items()
    }


def _evaluate(
    run: Path, output: Path, options: Mapping[str, list[str]]
) -> dict[str, dict[str, float]]:
    """Evaluates a run on each data set, each in a process of its own."""
    from benchmarks.elsewhere.table import read
    from benchmarks.study.running import Processes, describe_failure

    found = {}
    with Processes(1) as processes:
        for place, chosen in options.items():
            folder = output / place
            log = folder / "evaluate.log"
            network = f"--weights={run}" if run.is_file() else f"--workdir={run}"
            command = [network, "--mode=evaluate", f"--output={folder}"]
            code = processes.execute([*command, *chosen], log)
            if code:
                raise UserError(describe_failure(f"{run} on {place}", code, log))
            found[place] = read(json.loads((folder / "eval.json").read_text()))
            print(f"{run} on {place}: AbsRel {found[place]['AbsRel']:.4f}", flush=True)
    return found


def _save_sheet(folder: Path, options: Mapping[str, list[str]]) -> None:
    """Joins the sheets of the data sets, one below the other, if any were drawn."""
    from PIL import Image

    from benchmarks.elsewhere.places import data_config
    from deepdepth_jax.runtime import atomic

    sheets = []
    for place, chosen in options.items():
        evaluation = data_config(chosen).eval
        if evaluation.figures:
            path = folder / place / "figures" / f"{evaluation.split}.png"
            with Image.open(path) as file:
                sheets.append(file.convert("RGB"))
    if not sheets:
        return
    joined = Image.new(
        "RGB",
        (max(sheet.width for sheet in sheets), sum(sheet.height for sheet in sheets)),
        "white",
    )
    top = 0
    for sheet in sheets:
        joined.paste(sheet, (0, top))
        top += sheet.height
    atomic.write(folder / "sheet.png", joined.save)


if __name__ == "__main__":
    leave_on_sigterm("preempted: start again to evaluate anew")
    cli.run(main)
