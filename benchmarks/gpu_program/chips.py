"""GPUs to compile for, as XLA describes them, from NVIDIA's public specifications."""

import dataclasses
from types import MappingProxyType


@dataclasses.dataclass(frozen=True)
class Chip:
    """What XLA's compiler asks of a GPU.

    Attributes:
      title: its name.
      capability: CUDA's compute capability, major and minor.
      cores: number of streaming multiprocessors.
      fpus: float32 units of each.
      clock_ghz: at boost.
      memory_gb: of the device.
      bandwidth_gb_s: of that memory.
      cache_mb: the L2 cache.
      shared_kb: shared memory of each multiprocessor. A block may use 1 kB less.
      threads: that can be resident on each multiprocessor.
    """

    title: str
    capability: tuple[int, int]
    cores: int
    fpus: int
    clock_ghz: float
    memory_gb: int
    bandwidth_gb_s: int
    cache_mb: int
    shared_kb: int
    threads: int

    def target_config(self) -> str:
        """Returns the description in the text form of XLA's `GpuTargetConfigProto`."""
        major, minor = self.capability
        return f"""
platform_name: "CUDA"
device_description_str: "{self.title}"
dnn_version_info {{ major: 9 minor: 10 patch: 0 }}
gpu_device_info {{
  name: "{self.title}"
  device_vendor: "NVIDIA Corporation"
  platform_version: "Compute Capability {major}.{minor}"
  cuda_compute_capability {{ major: {major} minor: {minor} }}
  driver_version: "13.0.0"
  runtime_version: "12.8.0"
  compile_time_toolkit_version: "12.8.0"
  dnn_version: "9.10.0"
  device_address_bits: 64
  pcie_bandwidth: 32000000000
  core_count: {self.cores}
  fpus_per_core: {self.fpus}
  clock_rate_ghz: {self.clock_ghz}
  device_memory_size: {self.memory_gb * 2**30}
  memory_bandwidth: {self.bandwidth_gb_s * 10**9}
  l2_cache_size: {self.cache_mb * 2**20}
  shared_memory_per_core: {self.shared_kb * 2**10}
  shared_memory_per_block: {48 * 2**10}
  shared_memory_per_block_optin: {(self.shared_kb - 1) * 2**10}
  threads_per_core_limit: {self.threads}
  threads_per_block_limit: 1024
  threads_per_warp: 32
  registers_per_core_limit: 65536
  registers_per_block_limit: 65536
  thread_dim_limit_x: 1024
  thread_dim_limit_y: 1024
  thread_dim_limit_z: 64
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
}}
"""


CHIPS = MappingProxyType(
    {
        "h100": Chip("H100 SXM", (9, 0), 132, 128, 1.98, 80, 3350, 50, 228, 2048),
        "a100": Chip("A100 SXM", (8, 0), 108, 64, 1.41, 80, 2039, 40, 164, 2048),
        "rtx3060": Chip("RTX 3060", (8, 6), 28, 128, 1.78, 12, 360, 3, 100, 1536),
    }
)
