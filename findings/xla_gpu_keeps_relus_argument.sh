#!/usr/bin/env bash
# In a training step, XLA cannot leave a ReLU to the kernel of the convolution before it,
# as it does in inference, because it simplifies max(x, 0) > 0 to x > 0. A gradient that
# goes by the result y = max(x, 0) as "where y > 0" then reads x, so that both x and y are
# written and kept, and the ReLU is a kernel of its own. The same gradient as "where y != 0"
# lets cuDNN add the bias and take the ReLU in the convolution. (The gradient of
# jax.nn.relu reads x to begin with.) Compiled for an H100 on a machine without a GPU.
#
# One would guess: to write the gradient by the result is enough to need the result alone.
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


def relu_by(is_positive):
    @jax.custom_jvp
    def relu(x):
        return jnp.maximum(x, 0)

    @relu.defjvp
    def gradient(primals, tangents):
        y = relu(*primals)
        return y, jnp.where(is_positive(y), *tangents, 0)

    return relu


def relus_in_convolutions(relu):
    """Compiles three convolutions with ReLUs and their gradients, and counts the calls
    of cuDNN that take the ReLU.
    """

    def loss(kernels, bias, x):
        for kernel in kernels:
            x = jax.lax.conv_general_dilated(
                x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            x = relu(x + bias)
        return jnp.sum(x**2)

    devices = topologies.get_topology_desc(
        platform="cuda", topology_name="h100", target_config=H100, topology="1x1x1"
    ).devices
    sharding = NamedSharding(Mesh(np.array(devices), ("device",)), P())

    def described(*shape):
        return jax.ShapeDtypeStruct(shape, jnp.float32, sharding=sharding)

    arguments = [described(3, 3, 64, 64)] * 3, described(64), described(8, 32, 32, 64)
    compiled = jax.jit(jax.grad(loss)).lower(*arguments).compile()
    return compiled.as_text().count('"activation_mode":"kRelu"')


forms = {
    "jax.nn.relu": jax.nn.relu,
    "gradient where y > 0": relu_by(lambda y: y > 0),
    "gradient where y != 0": relu_by(lambda y: y != 0),
}
found = {name: relus_in_convolutions(relu) for name, relu in forms.items()}
for name, count in found.items():
    print(f"{name}: {count} of 3 ReLUs in the kernel of a convolution")
assert list(found.values()) == [0, 0, 3], "XLA does otherwise now"
PY
echo "as described: only a gradient where y != 0 leaves the ReLU to the convolution"
