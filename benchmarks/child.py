"""Processes of their own for what is measured: memory and threads are not shared."""

import multiprocessing
import resource
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

Work = Callable[[], object]
"""What is measured; it returns when the work is done."""


class Child:
    """A process that holds a piece of work ready, and does it when it is asked to.

    Between two requests it sleeps, so that several can be measured by turns.

    Args:
      build: makes the work, in the process; a function at the top of a module.
      *arguments: of it.
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
        """Does the work once and gives the time."""
        self._pipe.send("work")
        return self._pipe.recv()

    def peak_gb(self) -> float:
        """Gives the most memory that the process ever had, in gigabytes."""
        self._pipe.send("memory")
        return self._pipe.recv()

    def close(self) -> None:
        """Ends the process."""
        self._pipe.send("end")
        self._process.join()


def _serve(
    pipe: Connection, build: Callable[..., Work], arguments: tuple[Any, ...]
) -> None:
    start = time.perf_counter()
    work = build(*arguments)
    work()
    pipe.send(time.perf_counter() - start)
    while (request := pipe.recv()) != "end":
        if request == "work":
            start = time.perf_counter()
            work()
            pipe.send(time.perf_counter() - start)
        else:
            kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            pipe.send(kilobytes * 1024 / 1e9)
