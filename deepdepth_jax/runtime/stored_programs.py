"""Compiled programs on disk that run without being traced again.

JAX's own cache finds a program by its traced form: every start has to import the
network, trace it and lower it, to find out that it is compiled. Here a program is found
by a description of all that it is made of, and can be read while other things begin.
"""

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import pickle
import platform
import secrets
import sys
import time
import warnings
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import serialize_executable

from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.compiled import LONG_S, is_writable, return_memory
from deepdepth_jax.runtime.parallel import is_alone
from deepdepth_jax.types import Tree

FOLDER = "programs"
"""Inside of the folder of JAX's cache."""
SUFFIX = ".program"
LARGEST_BYTES = 2**29
"""Beyond this size, the least recently used programs are deleted."""
PACKAGES = ("jax", "jaxlib", "flax", "numpy", "optax")
OF_GPUS = ("jax-cuda12-plugin", "jax-cuda12-pjrt", "nvidia-cudnn-cu12")
"""Packages that a program for GPUs depends on, where they are installed."""
DIGEST_BYTES = 32
PACKAGE = Path(__file__).parents[1]
OF_EACH_PROGRAM = (
    "bins.py",
    "config",
    "errors.py",
    "geometry",
    "losses.py",
    "models",
    "runtime",
    "types.py",
)
"""Files and folders of the package that every program is compiled from."""
CACHE_HIT = "/jax/compilation_cache/cache_hits"
"""JAX's event that it has found a program in its own cache."""
IRRELEVANT = ("cache", "log")
"""Parts of the names of JAX's settings that change no program."""

UNSUPPORTED = (NotImplementedError, ValueError, jax.errors.JaxRuntimeError)
"""Raised where a platform's programs cannot be written."""

Program = Callable[..., Tree]
Spread = Callable[[Program], Program]
"""Compiles a function of one device for all devices. See `parallel`."""
Sources = tuple[Path, ...]


class StoredProgram:
    """A function compiled for the devices of this process, and kept on disk.

    It is kept where JAX keeps compiled programs (see `compiled`), and under the same
    conditions. Without such a folder, with several processes, and where nothing shall
    be compiled, it is what `spread` makes.

    Args:
      build: returns the function of one device. Called only if its program is not kept.
        The arguments and results are arrays in dicts, lists and tuples.
      spread: compiles the function for all devices.
      shared: how many of its arguments, the first ones, all devices have in common.
      identity: text that differs between functions that do different things, or that
        have shared arguments of other shapes.
      sources: files and folders of code that the function consists of, besides
        `OF_EACH_PROGRAM`: below the package's folder, or absolute.
      takes_cached: whether a program that JAX has in its own cache is taken from there,
        and not kept (see `_unique`). If not, it is compiled once more.
    """

    def __init__(
        self,
        build: Callable[[], Program],
        spread: Spread,
        shared: int,
        identity: str,
        sources: tuple[str, ...],
        *,
        takes_cached: bool = False,
    ) -> None:
        self._build = build
        self._spread = spread
        self._shared = shared
        self._identity = identity
        self._sources = package_sources(sources)
        self._takes_cached = takes_cached
        self._loaded: dict[Hashable, Program] = {}
        self._ahead: dict[Path, Future[Program | None]] = {}

    @functools.cached_property
    def function(self) -> Program:
        """The function on all devices, which JAX traces and compiles."""
        return self._spread(self._build())

    def __call__(self, *arguments: Tree) -> Tree:
        """Calls the function."""
        folder = _folder()
        if folder is None:
            return self.function(*arguments)
        own = arguments[self._shared :]
        kind = _kind(own)
        program = self._loaded.get(kind)
        if program is None:
            path = self._path(folder, own)
            ahead = self._ahead.pop(path, None)
            program = _read(path) if ahead is None else ahead.result()
            if program is None and not is_writable(folder):
                return self.function(*arguments)  # JAX's cache may know it
            if program is None:
                program = self._compile(arguments, path)
            self._loaded[kind] = program
        return program(*arguments)

    def read_ahead(self, *own: Tree) -> None:
        """Begins to read the program in the background, if it is kept.

        Args:
          *own: arguments as those that are not shared, of which only shapes and types
            matter.
        """
        folder = _folder()
        if folder is None or _kind(own) in self._loaded:
            return
        path = self._path(folder, own)
        if path not in self._ahead:
            pool = ThreadPoolExecutor(1)
            self._ahead[path] = pool.submit(_read, path)
            pool.shutdown(wait=False)

    def _compile(self, arguments: Sequence[Tree], path: Path) -> Program:
        start = time.perf_counter()
        number = 0 if self._takes_cached else secrets.randbits(31)
        function: Any = self._spread(_unique(self._build(), number))
        with _cache_hits() as hits:
            compiled = function.lower(*arguments).compile()
        least_s = jax.config.values["jax_persistent_cache_min_compile_time_secs"]
        if time.perf_counter() - start >= least_s and not hits:
            _keep(compiled, path)
        return _first_of(compiled)

    def _path(self, folder: Path, own: Sequence[Tree]) -> Path:
        """Returns the program's file, named by all that decides the program."""
        leaves, structure = jax.tree.flatten(tuple(own))
        parts = [
            self._identity,
            str(structure),
            *(f"{x.shape} {x.dtype}" for x in leaves),
            *_settings_in_full(),
            *_environment(),
            *_devices(),
            digest_sources(self._sources),
        ]
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        return folder / f"{digest}{SUFFIX}"


def _unique(function: Program, number: int) -> Program:
    """Returns a function that is no other's by a random number, its second result.

    JAX's cache does not know the program. One that JAX has read from there is written
    without some of its code (findings/jax_writes_half_of_cached_programs.sh).
    """

    def unique(*arguments: Tree) -> tuple[Tree, jax.Array]:
        return function(*arguments), jnp.asarray(number, jnp.int32)

    return unique


@contextlib.contextmanager
def _cache_hits() -> Iterator[list[str]]:
    """Yields a list that JAX's cache adds to when it has the program."""
    hits: list[str] = []

    def listen(event: str, **_: str | int) -> None:
        if event == CACHE_HIT:
            hits.append(event)

    jax.monitoring.register_event_listener(listen)
    try:
        yield hits
    finally:
        jax.monitoring.unregister_event_listener(listen)


def _first_of(program: Program) -> Program:
    """Returns a program of `_unique` without the number."""
    return lambda *arguments: program(*arguments)[0]


def _folder() -> Path | None:
    """Returns the folder that programs are kept in. None: they are not kept."""
    config: Any = jax.config
    cache = config.jax_compilation_cache_dir
    is_off = config.jax_disable_jit or not config.jax_enable_compilation_cache
    if not cache or "://" in cache or is_off or not is_alone():
        return None
    return Path(cache) / FOLDER


@functools.cache
def _setting_names() -> tuple[str, ...]:
    """Lists JAX's settings that may differ between two calls."""
    names = sorted(jax.config.values)
    of_call = (name for name in names if hasattr(jax.config, name))
    return tuple(name for name in of_call if not any(x in name for x in IRRELEVANT))


def _kind(own: Sequence[Tree]) -> Hashable:
    """Returns what may differ between two calls in one process."""
    shapes = ((x.shape, x.dtype) for x in jax.tree.leaves(tuple(own)))
    return _settings(), *shapes


def _settings() -> tuple[Any, ...]:
    """Returns these settings, also those of a `with` block of this thread."""
    return tuple(getattr(jax.config, name) for name in _setting_names())


def _settings_in_full() -> Iterable[str]:
    yield repr(_settings())
    for name, value in sorted(jax.config.values.items()):
        if not any(part in name for part in IRRELEVANT):
            yield f"{name}={value}"


def _environment() -> Iterable[str]:
    yield from (f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    for name in OF_GPUS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            yield f"{name} {importlib.metadata.version(name)}"
    yield sys.version
    for name, value in sorted(os.environ.items()):
        if name.startswith("XLA_") or name == "NVIDIA_TF32_OVERRIDE":
            yield f"{name}={value}"


def _devices() -> Iterable[str]:
    devices = jax.local_devices()
    yield devices[0].client.platform_version
    yield from (device.device_kind for device in devices)
    if devices[0].platform == "cpu":
        yield _processor()


def _processor() -> str:
    """Describes the processor, whose instructions XLA compiles for."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("flags", "Features")):
                return line
    return f"{platform.machine()} {platform.processor()}"


def package_sources(more: tuple[str, ...]) -> Sources:
    """Returns the sources of a program: those of every program, and `more`."""
    return tuple(PACKAGE / name for name in (*OF_EACH_PROGRAM, *more))


@functools.cache
def digest_sources(sources: Sources) -> str:
    """Hashes Python files: names and content.

    Args:
      sources: files, and folders with all files below them.
    """
    digest = hashlib.sha256()
    for source in sources:
        files = sorted(source.rglob("*.py")) if source.is_dir() else [source]
        for file in files:
            content = file.read_bytes()
            digest.update(
                f"{file.relative_to(source.parent)} {len(content)}\n".encode()
            )
            digest.update(content)
    return digest.hexdigest()


def _read(path: Path) -> Program | None:
    """Loads a program. None if there is none, or not what was written."""
    try:
        content = path.read_bytes()
    except OSError:
        return None  # it is compiled, and `_keep` reports what cannot be written
    digest, kept = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    if hashlib.sha256(kept).digest() != digest:
        return None  # it is compiled again, and replaced
    start = time.perf_counter()
    try:
        payload, in_tree, out_tree = pickle.loads(kept)
        program = serialize_executable.deserialize_and_load(
            payload, in_tree, out_tree, execution_devices=jax.local_devices()
        )
    except jax.errors.JaxRuntimeError as error:
        warnings.warn(f"{path}: XLA refuses its own program: {error}", stacklevel=2)
        return None
    if time.perf_counter() - start > LONG_S:
        return_memory()
    with contextlib.suppress(OSError):  # the folder may be read-only
        os.utime(path)
    return _first_of(program)


def _keep(compiled: jax.stages.Compiled, path: Path) -> None:
    """Writes a program. If that fails, it is said, and the next start compiles anew."""
    try:
        kept = pickle.dumps(serialize_executable.serialize(compiled))
        atomic.write(path, hashlib.sha256(kept).digest() + kept)
        _delete_least_used(path.parent)
    except (*UNSUPPORTED, OSError, UserError) as error:
        print(f"the compiled program is not cached: {error}", file=sys.stderr)


def _delete_least_used(folder: Path) -> None:
    """Deletes programs beyond `LARGEST_BYTES`, the least recently used first."""
    left = LARGEST_BYTES
    found = [(path, path.stat()) for path in folder.glob(f"*{SUFFIX}")]
    for path, status in sorted(found, key=lambda each: -each[1].st_mtime):
        left -= status.st_size
        if left < 0:
            path.unlink(missing_ok=True)
