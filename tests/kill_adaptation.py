"""Kills an adaptation with SIGKILL at each of its stages, and compares the bits.

    python tests/kill_adaptation.py

A tiny network is trained and adapted. The same adaptation is then started in processes
that each kill themselves at another stage, with the target's depth made unreadable, and
at last to its end. Labels, counts, networks and evaluation must be those without kills.
"""

import functools
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import numpy as np
from tiny_adaptations import TRAIN, adapt_arguments, on_pairs, write_target
from tiny_runs import arguments

from deepdepth_jax.inference.saved_network import load_run
from deepdepth_jax.runtime import cli

KILLS = {
    "while the target is prepared": ("adapt.rounds", "prepare_target", 1),
    "while scoring": ("adapt.scoring", "count_confidences", 3),
    "while labelling": ("adapt.scoring", "encode_png", 3),
    "while training": ("training.loop", "train_batches", 1),
    "before evaluation": ("adapt.rounds", "evaluate", 1),
}
"""Stages: module, function, and which of its calls is never made."""


def kill_point(stage: str, kill: Callable[[], None]) -> tuple[object, str, Callable]:
    """Returns a module, the name of a function, and the function with a kill in it."""
    path, name, calls = KILLS[stage]
    module = importlib.import_module(f"deepdepth_jax.{path}")
    function, left = getattr(module, name), iter(range(calls - 1, -1, -1))

    @functools.wraps(function)
    def killed(*arguments, **options):
        if next(left) == 0:
            kill()
        return function(*arguments, **options)

    return module, name, killed


def without_depth(folder: Path) -> Path:
    """Writes the tiny target with unreadable depth. Returns its manifest."""
    manifest = write_target(folder)
    for index in range(TRAIN):
        (folder / f"{index}.npy").write_bytes(b"no depth")
    return manifest


def assert_same_adaptation(ours: Path, theirs: Path) -> None:
    """Compares two adaptations of two rounds to the last bit."""
    for index in (1, 2):
        pair = [workdir / f"round_{index}" for workdir in (ours, theirs)]
        files = [_labels_and_counts(folder) for folder in pair]
        assert files[0] == files[1]
        networks = [load_run(folder / "run", "last").trained for folder in pair]
        jax.tree.map(
            np.testing.assert_array_equal, *(each.variables for each in networks)
        )
    metrics = [
        json.loads((workdir / "eval.json").read_text())["metrics"]
        for workdir in (ours, theirs)
    ]
    assert metrics[0] == metrics[1]


def _labels_and_counts(folder: Path) -> dict[str, bytes]:
    paths = [folder / name for name in ("histogram.npy", "thresholds.json")]
    paths += [folder / "labels.json", *(folder / "labels").iterdir()]
    return {path.name: path.read_bytes() for path in paths}


def main() -> None:
    """Runs the harness."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, begun = Path(temporary), time.monotonic()
        prepared = {"data__prepared_dir": folder / "prepared"}
        _run(folder, "deepdepth_jax.main", arguments(folder, **prepared))
        whole = write_target(folder / "whole_target")
        reference = adapt_arguments(
            folder, folder / "whole", **on_pairs(whole), **prepared
        )
        _run(folder, "deepdepth_jax.adapt", reference)
        manifest = without_depth(folder / "target")
        argv = adapt_arguments(
            folder, folder / "killed", **on_pairs(manifest), **prepared
        )
        for stage in KILLS:
            code = _run(folder, __file__, [stage, *argv], expected=-signal.SIGKILL)
            print(f"killed {stage} ({code})", flush=True)
        _run(folder, "deepdepth_jax.adapt", argv)
        assert_same_adaptation(folder / "killed", folder / "whole")
        print(f"the same to the last bit ({time.monotonic() - begun:.0f} s)")


def _run(folder: Path, program: str, argv: Sequence[str], expected: int = 0) -> int:
    module = [] if program.endswith(".py") else ["-m"]
    log = folder / "log.txt"
    with log.open("w") as file:
        command = [sys.executable, *module, program, *argv]
        ended = subprocess.run(command, stdout=file, stderr=file, check=False)
    code = ended.returncode
    assert code == expected, f"exit code {code}:\n{log.read_text()[-4000:]}"
    return code


def _run_to_a_kill(argv: list[str]) -> None:
    from deepdepth_jax.adapt.__main__ import main as adapt
    from deepdepth_jax.training.tensorflow_setup import import_tensorflow

    import_tensorflow()

    def kill() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    stage, *rest = argv
    setattr(*kill_point(stage, kill))
    adapt(rest)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        cli.run(_run_to_a_kill)  # which sets up the process as the command does
    else:
        main()
