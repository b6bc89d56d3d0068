"""The network that comes with the package, for use without a run of one's own."""

from pathlib import Path

from deepdepth_jax.errors import UserError

SHIPPED = Path(__file__).parents[1] / "weights" / "shipped" / "anywhere.safetensors"
"""A file of weights. See `inference.network_file`."""


def shipped_network(path: Path = SHIPPED) -> Path:
    """Returns the file of the shipped network.

    Args:
      path: where it must be.

    Returns:
      The same path.

    Raises:
      UserError: this installation has none.
    """
    if not path.is_file():
        raise UserError(
            f"no network comes with this version ({path.name} is missing): name a "
            "trained one with --workdir=RUN or --weights=FILE"
        )
    return path
