"""What XLA's compiler is told before JAX starts. Imports nothing heavy."""

import os

YNNPACK = "--xla_cpu_experimental_ynn_fusion_type"
"""Names what XLA leaves to the library YNNPACK on CPUs."""


def leave_nothing_to_ynnpack() -> None:
    """Has XLA compute matrix products and sums on CPUs by its own means.

    YNNPACK makes a plan of each product when it first runs, which for ResNet-101's
    training step takes seconds at every start; afterwards it is not faster. JAX 0.10.2
    also has it crash on sums over arrays of many axes (jax-ml/jax issue 39257).

    Whoever has named the flag in XLA_FLAGS has decided otherwise. It has to be called
    before JAX looks for its devices.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if YNNPACK not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {YNNPACK}=".strip()
