"""Downloads public checkpoints by name, verifies, converts and caches them."""

import difflib
import functools
from collections.abc import Mapping
from pathlib import Path

from deepdepth_jax.errors import UserError
from deepdepth_jax.inference import hugging_face
from deepdepth_jax.inference.saved_network import local_path, maybe_on_hub
from deepdepth_jax.models.pretrained import save_backbone
from deepdepth_jax.runtime import downloads
from deepdepth_jax.runtime.downloads import append_from, check_digest
from deepdepth_jax.runtime.paths import cache_folder, expand_home, hub_name
from deepdepth_jax.runtime.shipped import by_name
from deepdepth_jax.runtime.workdir import has_checkpoint, is_checkpoint
from deepdepth_jax.weights.catalogue import CHECKPOINTS, Checkpoint
from deepdepth_jax.weights.conversion import convert_file
from deepdepth_jax.weights.readers import require_reader


def resolve(
    name_or_path: str,
    cache_dir: Path | None = None,
    checkpoints: Mapping[str, Checkpoint] = CHECKPOINTS,
) -> Path:
    """Returns the converted file for a value of `model.pretrained`.

    Args:
      name_or_path: a converted backbone, a file of depth weights, the folder of a run
        or of one of its checkpoints, `hub:user/name`, `anywhere` for the network
        that comes with the package, or the name of a public checkpoint, which is
        downloaded and converted the first time.
      cache_dir: folder of downloads, `cache_folder()` if None.
      checkpoints: the public checkpoints by name.

    Returns:
      The path of the file or the folder.

    Raises:
      UserError: no such file or name exists, the download fails, or the downloaded file
        does not match the catalogue's digest.
    """
    if name_or_path in checkpoints:
        folder = cache_dir or cache_folder()
        return _from_cache(checkpoints[name_or_path], folder)
    path = local_path(Path(expand_home(name_or_path)))
    if path.exists():
        return path
    nearest = difflib.get_close_matches(name_or_path, checkpoints, n=1, cutoff=0)
    raise UserError(
        f"model.pretrained: {name_or_path} is neither a file or a run nor a "
        f"public checkpoint; the nearest name is {nearest[0]}"
        f"{maybe_on_hub(path)}"
    )


def find(
    name_or_path: str,
    cache_dir: Path | None = None,
    checkpoints: Mapping[str, Checkpoint] = CHECKPOINTS,
) -> Path | None:
    """Finds the path of `resolve` if it is on disk, without any download.

    A run without a checkpoint does not count.
    """
    name = hub_name(name_or_path)
    if name is not None:
        return hugging_face.find(name)
    path = by_name(Path(name_or_path).expanduser())
    if name_or_path in checkpoints:
        folder = cache_dir or cache_folder()
        path = _converted(checkpoints[name_or_path], folder)
    is_there = path.is_file() or is_checkpoint(path) or has_checkpoint(path)
    return path if is_there else None


def download(checkpoint: Checkpoint, path: Path) -> None:
    """Downloads a file and verifies its digest.

    Args:
      checkpoint: the file to download.
      path: where to store it.

    Raises:
      UserError: the network or the file is unavailable, the download was cut off, or
        the digest differs. The message says where to put the file by hand.
    """
    url = checkpoint.url
    remedy = f"try again, or put {checkpoint.file_name} at {path} and start again"
    append = functools.partial(append_from, url, remedy=remedy)
    remote = downloads.Remote(url, checkpoint.digest, append, remedy, "XDG_CACHE_HOME")
    downloads.download(remote, path)


def _from_cache(checkpoint: Checkpoint, folder: Path) -> Path:
    original = folder / checkpoint.file_name
    converted = _converted(checkpoint, folder)
    if not converted.is_file():
        require_reader(original)
        if not original.is_file():
            download(checkpoint, original)
        # The user may have put the file there, so its name proves nothing.
        remedy = "delete it and start again"
        check_digest(original, checkpoint.digest, str(original), remedy)
        save_backbone(converted, convert_file(original).backbone)
    return converted


def _converted(checkpoint: Checkpoint, folder: Path) -> Path:
    return folder / f"{Path(checkpoint.file_name).stem}.deepdepth.safetensors"
