"""Compiled programs, kept on disk from one start to the next."""

import os
import sys
from pathlib import Path

import jax
from filelock import FileLock

from deepdepth_jax.parallel import is_primary

FOLDER = ".jax_cache"
LARGEST_BYTES = 2 * 2**30
"""Beyond it, what was not used for longest is deleted."""


def keep_compiled_programs(workdir: Path) -> None:
    """Lets JAX keep what it compiles beside the folder of a run, and find it there.

    All runs side by side share it. What is taken from there was compiled of the same
    program, by the same versions and flags, for the same kind of device.

    Whoever has set JAX_COMPILATION_CACHE_DIR has chosen another place, or none by an
    empty one. If the folder cannot be written to, that is said on stderr, and programs
    are compiled at every start.
    """
    if jax.config.values["jax_compilation_cache_dir"] is not None:
        return
    folder = workdir.resolve().parent / FOLDER
    if not _is_writable(folder):
        if is_primary():
            print(
                f"{folder}: cannot be written to, compiled programs are not kept; set "
                "JAX_COMPILATION_CACHE_DIR to keep them elsewhere",
                file=sys.stderr,
            )
        return
    if is_primary():
        _remove_cut_off(folder)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_compilation_cache_max_size", LARGEST_BYTES)
    # Also the many small programs: together they take seconds.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)


def _is_writable(folder: Path) -> bool:
    """Tells whether a folder can be written to, or made; makes nothing."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


def _remove_cut_off(folder: Path) -> None:
    """Removes what a process was killed while writing, which JAX would never replace.

    JAX writes a program first and then, to a second file, the time of its last use.
    """
    if not folder.exists():
        return
    with FileLock(folder / ".lockfile"):  # JAX's own: nobody is writing now
        for program in folder.glob("*-cache"):
            used = program.with_name(program.name.removesuffix("cache") + "atime")
            if not used.exists():
                program.unlink()
