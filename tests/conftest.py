"""Four CPU devices, shapes checked at every call, and no silent broadcasting."""

import os

# Tests compile much and compute little; the last flag is the commands' own.
os.environ["XLA_FLAGS"] = (
    "--xla_force_host_platform_device_count=4 --xla_backend_optimization_level=0 "
    "--xla_cpu_experimental_ynn_fusion_type="
)
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import tempfile

import jax
import pytest
from jaxtyping import install_import_hook

jax.config.update("jax_numpy_rank_promotion", "raise")
# Tests build the same programs again and again: each is compiled once a session.
COMPILED = tempfile.TemporaryDirectory(prefix="deepdepth-")
jax.config.update("jax_compilation_cache_dir", COMPILED.name)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
install_import_hook("deepdepth_jax", "beartype.beartype")


@pytest.fixture(scope="module", autouse=True)
def forget_programs():
    """Linux lets a process map 65 530 pieces of memory, and each program takes some."""
    yield
    jax.clear_caches()


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with a tiny run in `run/`. Copy it before changing anything."""
    from tiny_runs import arguments

    from deepdepth_jax.main import main

    folder = tmp_path_factory.mktemp("trained")
    main(arguments(folder))
    return folder
