"""Processes of their own for what is measured: memory and threads are not shared."""

import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import jax

Work = Callable[[], object]
"""What is measured. It returns when the work is done."""

LEAST_S = 1.0
"""For how long work is repeated to be timed, where once is shorter."""


class Child:
    """A process that holds a piece of work ready, and does it when it is asked to.

    Between two requests it sleeps, so that several can be interleaved.

    Args:
      build: makes the work, in the process. A function at the top of a module.
      *arguments: of it.

    Raises:
      EOFError: the process broke off. It has printed why.
    """

    def __init__(self, build: Callable[..., Work], *arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, build, arguments), daemon=True
        )
        self._process.start()
        theirs.close()
        self.first_s: float = self._pipe.recv()
        """Seconds that building the work and doing it once took."""

    def seconds(self) -> float:
        """Does the work, several times if that is soon done, and gives its time."""
        self._pipe.send("work")
        return self._pipe.recv()

    def peak_gb(self) -> float:
        """Returns the most memory that the work ever had, in gigabytes.

        Of the GPU that it runs on. Else of the process, with libraries and compiler.
        """
        self._pipe.send("memory")
        return self._pipe.recv()

    def close(self) -> None:
        """Ends the process."""
        self._pipe.send("end")
        self._process.join()


def _serve(
    pipe: Connection, build: Callable[..., Work], arguments: tuple[Any, ...]
) -> None:
    # Or PyTorch's compiler would find what an earlier run has left.
    os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"
    start = time.perf_counter()
    work = build(*arguments)
    work()
    pipe.send(time.perf_counter() - start)
    while (request := pipe.recv()) != "end":
        pipe.send(_seconds(work) if request == "work" else _peak_bytes() / 1e9)


def _seconds(work: Work) -> float:
    start, count = time.perf_counter(), 0
    while (taken := time.perf_counter() - start) < LEAST_S or not count:
        work()
        count += 1
    return taken / count


def _peak_bytes() -> int:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return torch.cuda.max_memory_allocated()
    if of_jax := jax.local_devices()[0].memory_stats():  # there are none on a CPU
        return of_jax["peak_bytes_in_use"]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
