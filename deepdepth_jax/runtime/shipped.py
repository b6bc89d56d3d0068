"""The network that comes with the package, for use without a run of one's own.

Wherever a network is named, `anywhere` is its name.
"""

from pathlib import Path

from deepdepth_jax.errors import UserError

SHIPPED = Path(__file__).parents[1] / "weights" / "shipped" / "anywhere.safetensors"
"""A file of weights. See `inference.network_file`."""


def by_name(path: Path) -> Path:
    """Returns the shipped network's file for its name, and any other path as it is.

    A file or folder of that name in the current folder comes first.
    """
    is_name = str(path) == SHIPPED.stem and not path.exists()
    return shipped_network() if is_name else path


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
