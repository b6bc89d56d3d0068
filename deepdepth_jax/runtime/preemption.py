"""Requests to stop: SIGTERM of a scheduler, Ctrl-C, a terminal that was closed."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

from jax.experimental import multihost_utils

from deepdepth_jax.errors import PreemptedError
from deepdepth_jax.runtime.parallel import is_alone

REASONS = {
    signal.SIGTERM: "preempted",
    signal.SIGINT: "interrupted",
    signal.SIGHUP: "the terminal was closed",
}
"""How each signal is reported."""


class PreemptionNotice:
    """Turns SIGTERM, SIGINT and SIGHUP into `PreemptedError` inside a `with` block.

    Where a part of the work has first to be saved, the error is `postponed`. A second
    SIGINT does not wait for that. Signals that the process was started to ignore, as
    `nohup` has it ignore SIGHUP, stay ignored.

    With several processes JAX listens for SIGTERM instead, and has all of them stop
    after the same step. Outside of steps they do not listen. The other signals are
    passed on to it as SIGTERM.
    """

    def __init__(self) -> None:
        self._received: signal.Signals | None = None
        self._says = "start again to resume from the last checkpoint"
        self._is_postponed = False

    def __enter__(self) -> "PreemptionNotice":
        self._before = {
            signum: signal.signal(signum, self._receive)
            for signum in REASONS
            if signal.getsignal(signum) is not signal.SIG_IGN
            and (signum != signal.SIGTERM or is_alone())
        }
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def _receive(self, signum: int, frame: FrameType | None) -> None:
        del frame
        if self._received is not None:
            if signum == signal.SIGINT:
                raise KeyboardInterrupt
            return
        self._received = signal.Signals(signum)
        if not is_alone():
            signal.raise_signal(signal.SIGTERM)  # for JAX
        elif not self._is_postponed:
            raise self.error(self._says)
        if signum == signal.SIGINT:
            _tell("\nstops after this step; Ctrl-C again stops at once\n")

    def error(self, says: str) -> PreemptedError:
        """Returns the error to raise, which names the reason.

        Args:
          says: describes the saved state and how to resume.
        """
        # Several processes end alike, whichever of them was told.
        signum = self._received if is_alone() else None
        signum = signum or signal.SIGTERM
        return PreemptedError(f"{REASONS[signum]}: {says}", signum)

    @contextlib.contextmanager
    def postponed(self) -> Iterator[None]:
        """Keeps the notice until `stops_after` is asked or `at_once` is entered."""
        self._is_postponed = True
        try:
            yield
        finally:
            self._is_postponed = False

    @contextlib.contextmanager
    def at_once(self, says: str) -> Iterator[None]:
        """Lets the notice interrupt again, within a block that postpones it.

        Args:
          says: message of the error.
        """
        before, self._says, self._is_postponed = self._says, says, False
        try:
            if self._received is not None:
                raise self.error(says)
            yield
        finally:
            self._says, self._is_postponed = before, True

    def stops_after(self, step: int) -> bool:
        """Returns whether to stop after a step. With several processes, all of them.

        They must all ask after each step, and get the same answer.
        """
        if is_alone():
            return self._received is not None
        return multihost_utils.reached_preemption_sync_point(step)


def _tell(text: str) -> None:
    """Writes to stderr from a signal handler, which may have interrupted a `print`."""
    with contextlib.suppress(OSError):  # Ctrl-C also ends the `tee` that reads it
        os.write(sys.stderr.fileno(), text.encode())
