#!/usr/bin/env bash
# A data-parallel training step can need 16 times as much temporary memory for each GPU as
# soon as there are two. XLA's all-reduces are asynchronous, and its scheduler puts the
# products for the gradients of weights off until their all-reduce: what they read, here
# nine shifted copies of each layer's input that jax.checkpoint recomputes, is alive for
# all layers at once. One device makes and drops these copies one after the other.
# xla_gpu_disable_async_collectives=ALLREDUCE brings the memory back to that of one device.
# Compiled for an H100 on a machine without a GPU, which needs no CUDA library either.
#
# One would guess: each device needs the memory of one device, plus a buffer of 30 MB for
# the all-reduce.
#
# Seen with jax 0.10.2, jaxlib 0.10.2, jax-cuda12-plugin 0.10.2 and jax-cuda12-pjrt 0.10.2
# on Python 3.11, Linux x86-64. Not tried on GPUs. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "jax==0.10.2" \
  "jaxlib==0.10.2" "jax-cuda12-plugin==0.10.2" "jax-cuda12-pjrt==0.10.2" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
export JAX_PLATFORMS=${JAX_PLATFORMS-cpu}
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import topologies
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

H100 = """
platform_name: "CUDA"
device_description_str: "NVIDIA H100 80GB HBM3"
dnn_version_info { major: 9 minor: 10 patch: 0 }
gpu_device_info {
  name: "NVIDIA H100 80GB HBM3" device_vendor: "NVIDIA Corporation"
  cuda_compute_capability { major: 9 } platform_version: "Compute Capability 9.0"
  driver_version: "13.0.0" runtime_version: "12.8.0" compile_time_toolkit_version: "12.8.0"
  dnn_version: "9.10.0" device_address_bits: 64 ecc_enabled: true
  core_count: 132 fpus_per_core: 128 clock_rate_ghz: 1.98 threads_per_warp: 32
  threads_per_block_limit: 1024 threads_per_core_limit: 2048
  shared_memory_per_block: 49152 shared_memory_per_core: 233472
  shared_memory_per_block_optin: 232448
  registers_per_core_limit: 65536 registers_per_block_limit: 65536
  thread_dim_limit_x: 1024 thread_dim_limit_y: 1024 thread_dim_limit_z: 64
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535
  device_memory_size: 84942979072 memory_bandwidth: 3352320000000
  l2_cache_size: 52428800 pcie_bandwidth: 34359738368
}
"""
LAYERS, ROWS, CHANNELS, SHIFTS = 32, 2048, 256, 9


@jax.checkpoint
def layer(weights, x):
    shifted = jnp.concatenate([jnp.roll(x, shift, 0) for shift in range(SHIFTS)], 1)
    return x + jax.nn.relu(shifted @ weights)


def step(weights, x):
    def loss(weights):
        y = x
        for layers_own in weights:
            y = layer(layers_own, y)
        return jnp.mean(y**2)

    gradients = jax.lax.psum(jax.grad(loss)(weights), "device")
    return [w - 0.1 * gradient for w, gradient in zip(weights, gradients, strict=True)]


def temporary_mb(count, **options):
    """MB for each of `count` devices, each with ROWS rows."""
    devices = topologies.get_topology_desc(
        platform="cuda", topology_name="h100", target_config=H100, topology=f"1x1x{count}"
    ).devices
    mesh = Mesh(np.array(devices), ("device",))

    def described(shape, spec):
        return jax.ShapeDtypeStruct(shape, jnp.float32, sharding=NamedSharding(mesh, spec))

    specs = P(), P("device")
    weights = [described((SHIFTS * CHANNELS, CHANNELS), specs[0])] * LAYERS
    x = described((count * ROWS, CHANNELS), specs[1])
    parallel = jax.shard_map(step, mesh=mesh, in_specs=specs, out_specs=P(), check_vma=False)
    compiled = jax.jit(parallel).lower(weights, x).compile(compiler_options=options)
    return compiled.memory_analysis().temp_size_in_bytes / 1e6


one, two = temporary_mb(1), temporary_mb(2)
waiting = temporary_mb(2, xla_gpu_disable_async_collectives="ALLREDUCE")
print(f"temporary memory of each device, of one: {one:.0f} MB, of two: {two:.0f} MB")
print(f"of two without asynchronous all-reduces: {waiting:.0f} MB")
assert two > 10 * one, "two devices need less now"
assert waiting < 1.5 * one, "synchronous all-reduces need more now"
PY
echo "as described: two devices need many times the memory of one"
