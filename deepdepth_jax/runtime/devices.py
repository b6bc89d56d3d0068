"""JAX's variables in the environment, checked before a command does anything."""

import os
from collections.abc import Sequence

from deepdepth_jax.errors import UserError

_CHOOSING = ("JAX_PLATFORMS", "JAX_PLATFORM_NAME")


def check_settings() -> None:
    """Imports JAX, which reads its variables then.

    Raises:
      UserError: a variable has a value that JAX refuses.
    """
    try:
        import jax  # noqa: F401
    except ValueError as error:
        raise UserError(
            f"JAX refuses an environment variable ({error}): correct or unset it"
        ) from error


def check_devices() -> None:
    """Starts JAX, on every platform that was asked for.

    JAX 0.10.2 passes over `cuda` in JAX_PLATFORMS=cuda,cpu where there is no NVIDIA
    GPU, and JAX_PLATFORMS=cuda ends in an assertion
    (findings/jax_platforms_falls_back.sh).

    Raises:
      UserError: a platform has no device here, or a variable a wrong value.
    """
    check_settings()
    import jax

    asked = os.environ.get("JAX_PLATFORMS", "").split(",")
    try:
        jax.devices()
        for platform in filter(None, asked):
            jax.devices(platform)
    except (AssertionError, RuntimeError) as error:
        raise UserError(_refusal(asked, str(error))) from error


def _refusal(asked: Sequence[str], reason: str) -> str:
    variables = [
        f"{name}={os.environ[name]}" for name in _CHOOSING if name in os.environ
    ]
    found = f"{' '.join(variables) or 'JAX'}: no such device here"
    if reason:
        found += f" ({' '.join(reason.split())})"
    instead = "name cuda or rocm instead of gpu, or " if "gpu" in asked else ""
    return f"{found}; {instead}set JAX_PLATFORMS=cpu to compute on the CPU"
