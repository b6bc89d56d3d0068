"""The table of all rounds: what was labelled, and the evaluation of each."""

from collections.abc import Sequence
from pathlib import Path

from deepdepth_jax.adapt.round_files import Round
from deepdepth_jax.runtime.workdir import EVALUATION_FILE, read_evaluation

HEAD = ("round", "images", "labelled", "AbsRel", "RMSE, m", "d1")
METRICS = (("abs_rel", 4), ("rmse", 3), ("d1", 4))


def rounds_table(start: Path, rounds: Sequence[Round]) -> str:
    """Builds the table in Markdown.

    Args:
      start: folder with the evaluation of the network before the first round.
      rounds: all of them, done.

    Returns:
      A line for the start, and one for each round. Metrics are left out where there is
      nothing to evaluate on.
    """
    lines = [HEAD, ["---"] * len(HEAD), ["0", "", "", *_metrics(start)]]
    for each in rounds:
        numbers = each.numbers()
        share = sum(numbers["selected"]) / numbers["pixels"]
        labelled = [str(numbers["images"]), f"{share:.1%}"]
        lines.append([str(each.index), *labelled, *_metrics(each.run)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _metrics(folder: Path) -> list[str]:
    path = folder / EVALUATION_FILE
    if not path.exists():
        return [""] * len(METRICS)
    found = read_evaluation(path)["metrics"]
    return [f"{found[name]:.{digits}f}" for name, digits in METRICS]
