"""Four CPU devices, shapes checked at every call, and no silent broadcasting."""

import os
from importlib.metadata import version

# Tests compile much and compute little: XLA shall do the least it can. The last one of
# these flags is the commands' own.
os.environ["XLA_FLAGS"] = (
    "--xla_force_host_platform_device_count=4 --xla_backend_optimization_level=0 "
    "--xla_cpu_parallel_codegen_split_count=1 --xla_cpu_experimental_ynn_fusion_type="
)
if version("jaxlib").startswith("0.10."):  # later ones refuse it, and end the process
    os.environ["XLA_FLAGS"] += " --xla_cpu_use_fusion_emitters=false"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
# Also in processes that tests start: stored programs are named by JAX's settings.
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"

import gc
import secrets
import signal
import tempfile
from pathlib import Path

import jax
import pytest
import shape_checks
from filelock import FileLock
from jax._src.lru_cache import LRUCache

assert jax.config.jax_numpy_rank_promotion == "raise", "JAX was imported before"
shape_checks.install()
gc.set_threshold(50_000)  # as in the commands

# The workers of a session and the processes they start share a folder: each program is
# compiled once, and the tiny run is trained once.
if "DEEPDEPTH_TESTS" not in os.environ:
    SESSION = tempfile.TemporaryDirectory(prefix="deepdepth-")
    os.environ["DEEPDEPTH_TESTS"] = SESSION.name
SHARED = Path(os.environ["DEEPDEPTH_TESTS"])
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(SHARED / "compiled")
jax.config.update("jax_compilation_cache_dir", str(SHARED / "compiled"))
# Started processes only read there: JAX writes in place, where others may be reading.
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "inf"
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def put_whole(cache: LRUCache, key: str, program: bytes) -> None:
    """Writes a program to JAX's cache in one step, so that nobody reads half of it."""
    partial = cache.path / f"partial-{secrets.token_hex(8)}"
    partial.write_bytes(program)
    partial.replace(cache.path / f"{key}-cache")


LRUCache.put = put_whole


MOST_MAPPINGS = 5_000
"""With 7 000 a worker takes 3.6 GB of memory."""


@pytest.fixture(scope="module", autouse=True)
def forget_programs():
    """Each program takes memory, and some of the 65 530 pieces that Linux maps.

    Modules that follow each other share what they compile, up to a bound.
    """
    yield
    maps = Path("/proc/self/maps")
    if not maps.exists() or maps.read_bytes().count(b"\n") > MOST_MAPPINGS:
        jax.clear_caches()


def pytest_collection_modifyitems(items):
    """Keeps what uses the trained run together.

    Workers get contiguous parts, so one trains it while others have something to do.
    """
    using = {item.module for item in items if "trained" in item.fixturenames}
    items.sort(key=lambda item: item.module in using)


@pytest.fixture(autouse=True)
def heed_signals():
    """Tests that send signals run where a shell or `nohup` has them ignored, too.

    What tests start inherits that a signal is ignored, but not that it is handled.
    """
    stopping = signal.SIGINT, signal.SIGHUP
    ignored = [x for x in stopping if signal.getsignal(x) == signal.SIG_IGN]
    for signum in ignored:
        signal.signal(signum, lambda *_: None)
    yield
    for signum in ignored:
        signal.signal(signum, signal.SIG_IGN)


@pytest.fixture(scope="session")
def trained():
    """A folder with a tiny run in `run/`. Copy it before changing anything."""
    from tiny_runs import arguments

    from deepdepth_jax.main import main

    folder = SHARED / "trained"
    with FileLock(SHARED / "trained.lock"):
        if not (folder / "run" / "eval.json").exists():
            main(arguments(folder))
    return folder
