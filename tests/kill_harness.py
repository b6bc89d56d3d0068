"""Kills training with SIGKILL, again and again, and looks at what it comes to.

    python tests/kill_harness.py --kills=20

A run is trained to its end. The same run is then trained once more, killed at moments
that a seed has drawn and started again after each; it must end with the same bits.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import jax
import numpy as np
from orbax.checkpoint import v1 as ocp
from tiny_runs import arguments

from deepdepth_jax.runtime.checkpoint_folder import CheckpointFolder

# How long after the event the kill may come. Starting takes about 10 s, a step with its
# checkpoint about 0.1 s, most of it for the checkpoint.
LATEST_S = {"starting": 8.0, "training": 0.3, "saving": 0.08, "committing": 0.005}
NEVER_THE_SAME = ("images_per_second", "data_wait_share")
TIMEOUT_S = 300.0


def train(folder: Path, log: Path, **overrides: object) -> subprocess.Popen:
    """Starts a process that trains, and then evaluates, a tiny run below a folder."""
    command = [sys.executable, "-m", "deepdepth_jax.main"]
    with log.open("a") as file:
        return subprocess.Popen(
            [*command, *arguments(folder, **overrides)],
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def train_to_the_end(folder: Path, **overrides: object) -> None:
    """Trains and evaluates without a kill; what was killed before goes on."""
    log = folder / "log.txt"
    code = train(folder, log, **overrides).wait(TIMEOUT_S)
    assert code == 0, f"exit code {code}:\n{log.read_text()[-4000:]}"


def kill_while_training(
    folder: Path, kills: int, seed: int = 0, **overrides: object
) -> Counter[str]:
    """Starts a run and kills it, so many times.

    After each kill every checkpoint must be whole.

    Returns:
      How many kills there were at which kind of moment.
    """
    draw = random.Random(seed)
    moments = draw.sample(list(LATEST_S) * kills, kills)
    for moment in moments:
        process = train(folder, folder / "log.txt", **overrides)
        try:
            _wait_for(moment, process, folder / "run" / "checkpoints", draw)
            time.sleep(draw.uniform(0, LATEST_S[moment]))
            assert process.poll() is None, "the run ended before it could be killed"
        finally:
            process.kill()
            process.wait()
        _assert_all_whole(folder / "run")
    return Counter(moments)


def _wait_for(
    moment: str, process: subprocess.Popen, checkpoints: Path, draw: random.Random
) -> None:
    """Returns when the moment is there, some steps after the start of the process."""
    if moment == "starting":
        return
    first, steps = max(_steps(checkpoints), default=0), draw.randint(1, 2)
    _poll(process, lambda: max(_steps(checkpoints), default=0) >= first + steps)
    if moment == "saving":
        _poll(process, lambda: any(checkpoints.glob("partial-*")))
    elif moment == "committing":
        before = _steps(checkpoints)
        _poll(process, lambda: _steps(checkpoints) != before)


def _poll(process: subprocess.Popen, has_come: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not has_come():
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, "the run stands still"
        time.sleep(0.0005)


def _steps(checkpoints: Path) -> set[int]:
    return {int(path.name) for path in checkpoints.glob("[0-9]*")}


def _assert_all_whole(run: Path) -> None:
    folder = CheckpointFolder(
        run / "checkpoints", keep=1, best_metric="abs_rel", keep_every=0
    )
    faults = {step: folder.fault(step) for step in folder.steps()}
    assert not any(faults.values()), f"spoilt by a kill: {faults}"


def assert_same_outcome(folder: Path, reference: Path) -> None:
    """Compares two runs to the last bit: states, checkpoints, metrics, evaluation."""
    kept = [_names(below / "run" / "checkpoints") for below in (folder, reference)]
    assert kept[0] == kept[1]
    states = [_last_state(below / "run") for below in (folder, reference)]
    assert jax.tree.structure(states[0]) == jax.tree.structure(states[1])
    jax.tree.map(_assert_same_bits, *states)
    assert list(_numbers(folder)) == list(_numbers(reference))
    evaluations = [
        json.loads((below / "run" / "eval.json").read_text())
        for below in (folder, reference)
    ]
    assert evaluations[0] == evaluations[1]


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _last_state(run: Path) -> dict:
    """Reads the last checkpoint as it lies there, without the program's own reader."""
    return ocp.load(run / "checkpoints" / str(max(_steps(run / "checkpoints"))))


def _assert_same_bits(left: np.ndarray, right: np.ndarray) -> None:
    left, right = np.asarray(left), np.asarray(right)
    assert (left.dtype, left.shape) == (right.dtype, right.shape)
    assert left.tobytes() == right.tobytes()


def _numbers(folder: Path) -> Iterator[Mapping[str, float]]:
    for line in (folder / "run" / "metrics.jsonl").read_text().splitlines():
        numbers = json.loads(line)
        yield {k: v for k, v in numbers.items() if k not in NEVER_THE_SAME}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        reference, killed = Path(temporary, "reference"), Path(temporary, "killed")
        overrides = {
            "data__prepared_dir": Path(temporary, "prepared"),
            # A start takes at most four steps before it is killed.
            "train__num_steps": 4 * asked.kills + 4,
            "train__keep_every": 10,
            "eval__every": 5,
            "eval__figures": 0,
        }
        # Compiled in the first run and only read in the others.
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(Path(temporary, "compiled"))
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        reference.mkdir()
        killed.mkdir()
        begun = time.monotonic()
        train_to_the_end(reference, **overrides)
        print(f"uninterrupted: {time.monotonic() - begun:.0f} s", flush=True)
        moments = kill_while_training(killed, asked.kills, asked.seed, **overrides)
        at = max(_steps(killed / "run" / "checkpoints"), default=0)
        train_to_the_end(killed, **overrides)
        assert_same_outcome(killed, reference)
        listed = ", ".join(f"{n} while {name}" for name, n in sorted(moments.items()))
        print(
            f"{asked.kills} kills ({listed}), the last with step {at} of "
            f"{overrides['train__num_steps']} saved; no checkpoint was spoilt, and the "
            "end is the same to the last bit: state, kept checkpoints, metrics.jsonl, "
            f"eval.json ({time.monotonic() - begun:.0f} s)"
        )


if __name__ == "__main__":
    main()
