"""Runs what is left of a study, each evaluation in a process of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Self

from benchmarks.study.grid import OWN, Cell, Run
from deepdepth_jax.errors import PreemptedError
from deepdepth_jax.runtime.cli import START_AGAIN

Execute = Callable[[Sequence[str], Path], int]
"""Runs `deepdepth_jax.main` with arguments, or the command whose name comes first.

Gives the exit code.

What it says is added to the file.
"""


class Processes:
    """Runs commands, and ends those that still run when it is left.

    They are told by SIGTERM, upon which a training saves its state.

    Args:
      at_once: how many run beside each other. They share an accelerator's memory.
    """

    def __init__(self, at_once: int) -> None:
        self._environment = environment(at_once)
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen] = set()
        self._is_open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        with self._lock:
            self._is_open = False
            running = list(self._running)
        for process in running:
            process.terminate()
        for process in running:
            process.wait()

    def execute(self, arguments: Sequence[str], log: Path) -> int:
        """Runs a command of the package. See `Execute`."""
        is_main = arguments[0].startswith("--")
        module = "deepdepth_jax.main" if is_main else "deepdepth_jax"
        return self.run([sys.executable, "-m", module, *arguments], log)

    def write_folder(self, command: Sequence[str], folder: Path, log: Path) -> int:
        """Has a command write a folder, which appears when it is whole.

        Args:
          command: a module and its arguments. `--output` is added.
          folder: to write, unless it is there.
          log: for what the command says.

        Returns:
          The exit code.
        """
        if folder.exists():
            return 0
        partial = folder.with_name(f"partial-{folder.name}")
        shutil.rmtree(partial, ignore_errors=True)
        code = self.run([sys.executable, "-m", *command, f"--output={partial}"], log)
        if code == 0:
            partial.rename(folder)
        return code

    def run(self, command: Sequence[str], log: Path) -> int:
        """Runs a command and gives its exit code."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as file:
            with self._lock:
                if not self._is_open:
                    return START_AGAIN
                process = subprocess.Popen(
                    command, stdout=file, stderr=file, env=self._environment
                )
                self._running.add(process)
            code = process.wait()
            with self._lock:
                self._running.remove(process)
        return code


def environment(at_once: int) -> Mapping[str, str]:
    """Returns the environment of so many processes beside each other.

    What the user has set stays.
    """
    shared = {"XLA_PYTHON_CLIENT_MEM_FRACTION": f"{0.9 / at_once:.3f}"}
    chosen = {"TQDM_MININTERVAL": "10"} | (shared if at_once > 1 else {})
    return chosen | os.environ


def run_all(runs: Sequence[Run], execute: Execute, at_once: int) -> list[str]:
    """Runs what is not done yet, so many trainings beside each other.

    Each has cores of its own: two programs that both use all cores wait for each other.

    Returns:
      What has failed, a line each. It does not stop the rest.
    """
    shares: SimpleQueue[set[int]] = SimpleQueue()
    for share in core_shares(at_once):
        shares.put(share)
    # A thread's affinity is inherited by the processes that it starts.
    pool = ThreadPoolExecutor(
        at_once, initializer=lambda: os.sched_setaffinity(0, shares.get())
    )
    try:
        pending = [pool.submit(go_on, run, execute) for run in runs]
        return [failure for one in pending for failure in one.result()]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def core_shares(at_once: int) -> list[set[int]]:
    """Splits the cores of this process into so many parts. All for each if too few."""
    cores = sorted(os.sched_getaffinity(0))
    if at_once > len(cores):
        return [set(cores)] * at_once
    return [set(cores[first::at_once]) for first in range(at_once)]


def go_on(run: Run, execute: Execute) -> list[str]:
    """Does what is left of a run, one after the other: its cells share the folder.

    Returns:
      What has failed, a line each.
    """
    failures = []
    for cell in run.cells:
        if cell.is_done():
            continue
        failure = _fill(cell, run.folder, execute)
        if failure is not None:
            failures.append(failure)
            if cell.reading == OWN:  # there is no network to read off
                break
    return failures


def _fill(cell: Cell, workdir: Path, execute: Execute) -> str | None:
    print(f"{cell.title}: begins", flush=True)
    log, start = cell.path.with_suffix(".log"), time.monotonic()
    code = execute(cell.arguments, log)
    seconds = time.monotonic() - start
    if code:
        failure = describe_failure(cell.title, code, log)
        print(failure, flush=True)
        return failure
    results = json.loads((workdir / "eval.json").read_text())
    cell.save(results, seconds)
    abs_rel = results["metrics"]["abs_rel"]
    print(f"{cell.title}: AbsRel {abs_rel:.4f}, {seconds:.0f} s", flush=True)
    return None


def describe_failure(title: str, code: int, log: Path) -> str:
    """Says what has failed, with the last line of what it said."""
    lines = log.read_text().split("\n") if log.exists() else []
    said = [line.split("\r")[-1].strip() for line in lines if line.strip()]
    return f"{title}: exit code {code}: {said[-1] if said else 'no word'} ({log})"


def leave_on_sigterm(notice: str) -> None:
    """Lets SIGTERM leave by way of `Processes`, which lets trainings save their state.

    Args:
      notice: the line that the command then ends with.
    """

    def leave(*_: object) -> None:
        raise PreemptedError(notice)

    signal.signal(signal.SIGTERM, leave)
