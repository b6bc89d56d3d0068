"""Notice that the machine will be taken away: SIGTERM, as schedulers send it."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType, TracebackType

from jax.experimental import multihost_utils

from deepdepth_jax.errors import PreemptedError
from deepdepth_jax.runtime.parallel import is_alone


class PreemptionNotice:
    """Turns SIGTERM into `PreemptedError` inside a `with` block.

    Where a part of the work has first to be saved, it is `postponed`.

    With several processes JAX listens for the signal instead, and has all of them stop
    after the same step; outside of steps they do not listen.
    """

    def __init__(self) -> None:
        self._received = False
        self._says = "preempted: start again to go on from the last checkpoint"
        self._is_postponed = False

    def __enter__(self) -> "PreemptionNotice":
        if is_alone():
            self._before = signal.signal(signal.SIGTERM, self._receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if is_alone():
            signal.signal(signal.SIGTERM, self._before)

    def _receive(self, signum: int, frame: FrameType | None) -> None:
        del signum, frame
        self._received = True
        if not self._is_postponed:
            raise PreemptedError(self._says)

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
        """Lets the notice through again, in the midst of what postpones it.

        Args:
          says: what the error then tells.
        """
        before, self._says, self._is_postponed = self._says, says, False
        try:
            if self._received:
                raise PreemptedError(says)
            yield
        finally:
            self._says, self._is_postponed = before, True

    def stops_after(self, step: int) -> bool:
        """Tells whether to stop after a step; with several processes, all of them.

        They must all ask after each step, and get the same answer.
        """
        if is_alone():
            return self._received
        return multihost_utils.reached_preemption_sync_point(step)
