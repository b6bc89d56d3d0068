"""Output that ends no work: its reader may go, and its encoding may lack letters."""

import errno
import io
import os
import sys
from pathlib import Path
from typing import Any

GONE = frozenset({errno.EIO, errno.EPIPE})
"""Errors of a terminal that was closed, and of a pipe that nobody reads any more."""


class _Output(io.FileIO):
    """A file descriptor to write to. Without a reader, output is dropped."""

    def write(self, content: Any) -> int:
        """Writes bytes. Returns how many."""
        try:
            return super().write(content)
        except OSError as error:
            if error.errno not in GONE:
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(content)


def outlive_readers() -> None:
    """Has this process finish its work when nobody reads its output any more.

    `| head` closes the pipe, and Ctrl-C ends the `tee` of `2>&1 | tee log.txt` before a
    training has saved its state. After `2>&-` there is nothing to write to from the
    start. Letters that the encoding lacks are escaped.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper) and _is_own(stream):
            stream.flush()
            setattr(sys, name, _outliving(stream))


def _is_own(stream: io.TextIOWrapper) -> bool:
    """Returns whether a stream is the process's own: tests put others in its place."""
    return isinstance(getattr(stream.buffer, "raw", stream.buffer), io.FileIO)


def _outliving(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    output = _Output(stream.fileno(), "wb", closefd=False)
    return io.TextIOWrapper(
        # Of `python -u` nothing is held back.
        output if stream.write_through else io.BufferedWriter(output),
        encoding=stream.encoding,
        errors="backslashreplace",
        newline="\n",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
