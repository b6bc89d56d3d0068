"""Compiling: programs are kept on disk, and its memory goes back to the system."""

import ctypes
import functools
import os
import sys
from pathlib import Path

import jax
from filelock import FileLock

from deepdepth_jax.runtime.parallel import is_primary
from deepdepth_jax.runtime.paths import cache_folder

FOLDER = ".jax_cache"
LARGEST_BYTES = 2 * 2**30
"""Beyond this size, the least recently used programs are deleted."""
COMPILED = "/jax/core/compile/backend_compile_duration"
"""JAX's event that a program is compiled, or was found compiled, and is not run yet."""
LONG_S = 0.5
"""Compiling that takes longer leaves much memory behind."""


def set_up_compiling(workdir: Path | None) -> None:
    """Caches compiled programs, and returns the memory of compiling to the system.

    Args:
      workdir: folder of the run. None for a network without one.
    """
    keep_compiled_programs(workdir)
    hand_back_memory()


def keep_compiled_programs(workdir: Path | None) -> None:
    """Sets JAX's cache of compiled programs to a folder beside the run's.

    All runs beside each other share it, and networks without a run share the user's
    cache. JAX keys programs by code, versions, flags and kind of device.

    Whoever has set JAX_COMPILATION_CACHE_DIR has chosen another place, or none by an
    empty one. If the folder cannot be written to, that is said on stderr, and programs
    are compiled at every start.

    Args:
      workdir: folder of the run. None for a network without one.
    """
    if jax.config.values["jax_compilation_cache_dir"] is not None:
        return
    parent = cache_folder() if workdir is None else workdir.resolve().parent
    folder = parent / FOLDER
    if not is_writable(folder):
        if is_primary():
            print(
                f"{folder}: is not writable, so compiled programs are not cached; set "
                "JAX_COMPILATION_CACHE_DIR to cache them elsewhere",
                file=sys.stderr,
            )
        return
    if is_primary():
        _remove_cut_off(folder)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_compilation_cache_max_size", LARGEST_BYTES)
    # Also the many small programs: together they take seconds.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)


@functools.cache  # one listener, however often it is asked for
def hand_back_memory() -> None:
    """Has the memory that the compiler is done with go back to the system at once.

    The GNU C library keeps small pieces for the process when they are freed: hundreds
    of megabytes of them after a training step is compiled, beside which the step would
    run.
    """

    def after_compiling(event: str, duration_secs: float, **_: str | int) -> None:
        if event == COMPILED and duration_secs > LONG_S:
            return_memory()

    jax.monitoring.register_event_duration_secs_listener(after_compiling)


def return_memory() -> None:
    """Returns freed memory to the system. With another C library nothing is done."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def is_writable(folder: Path) -> bool:
    """Returns whether a folder can be written to, or made. Makes nothing."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


def _remove_cut_off(folder: Path) -> None:
    """Removes files that a killed process left half-written. JAX never replaces them.

    JAX writes a program first and then, to a second file, the time of its last use.
    """
    if not folder.exists():
        return
    with FileLock(folder / ".lockfile"):  # JAX's own: nobody is writing now
        for program in folder.glob("*-cache"):
            used = program.with_name(program.name.removesuffix("cache") + "atime")
            if not used.exists():
                program.unlink()
