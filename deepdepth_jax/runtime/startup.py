"""Settings made before a command's heavy imports, for a fast start and a clean end."""

import gc
import os
import warnings
from types import MappingProxyType

from deepdepth_jax.runtime.streams import outlive_readers

YNNPACK = "--xla_cpu_experimental_ynn_fusion_type"
"""The operations that XLA hands to the library YNNPACK on CPUs."""
ONLY_SENSIBLE = MappingProxyType(
    {
        # Figures are files. Notebooks name a backend that draws into the notebook, also
        # to the commands that they start, and it need not be installed here.
        "MPLBACKEND": "agg",
        # Every number has a type that was chosen; in these modes others come about.
        "JAX_ENABLE_X64": "0",
        "JAX_NUMPY_DTYPE_PROMOTION": "standard",
    }
)
"""Variables with which the user means other programs."""
GARBAGE_AFTER = 50_000
"""How many objects come to be before Python looks for garbage. 700 as it comes."""


def set_up_process() -> None:
    """Sets up XLA, JAX, TensorFlow, Matplotlib, Python and tqdm, before their imports.

    Environment variables of the user stay, except those in `ONLY_SENSIBLE`.
    """
    outlive_readers()
    os.environ.update(ONLY_SENSIBLE)
    _leave_nothing_to_ynnpack()
    # TensorFlow imports Keras, with Matplotlib, for whoever does not say otherwise. We
    # have no use for it, and there is no older one to import instead.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    # Imports and traces make millions of objects that stay: they are not to be looked
    # through again and again.
    gc.set_threshold(GARBAGE_AFTER)
    _leave_bars_unwatched()
    # Pillow's warnings name no file. They are about damaged EXIF tags, which are left
    # out, and about images beyond 89 megapixels. Twice as many are an error.
    warnings.filterwarnings("ignore", module=r"PIL\.(Image|TiffImagePlugin)")


def _leave_nothing_to_ynnpack() -> None:
    """Has XLA compute matrix products and sums on CPUs by its own means.

    YNNPACK makes a plan of each product when it first runs, which for ResNet-101's
    training step takes seconds at every start. Afterwards it is not faster. JAX 0.10.2
    also has it crash on sums over arrays of many axes (jax-ml/jax issue 39257).
    """
    flags = os.environ.get("XLA_FLAGS", "").strip()
    names_a_file = flags != "" and not flags.startswith("--")
    if YNNPACK not in flags and not names_a_file:
        os.environ["XLA_FLAGS"] = f"{flags} {YNNPACK}=".strip()


def _leave_bars_unwatched() -> None:
    """Has progress bars do without the thread that redraws those which have slowed.

    It is woken as the interpreter ends, and not waited for. Up to Python 3.12 a thread
    that asks for the interpreter's lock just then can crash the process, whose work is
    done and whose exit code is lost (python/cpython issue 110052).
    """
    from tqdm import tqdm

    tqdm.monitor_interval = 0
