"""The images to adapt to, at the scale that the network sees them at.

A network knows things by their size in pixels, and training takes images as they are.
Images of another focal length are therefore resized once, to files of their own, as
evaluation resizes them. Scoring and every round's training see the same pixels.
"""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from deepdepth_jax.config import Config
from deepdepth_jax.datasets.images import CameraImage, read_any_image, read_image
from deepdepth_jax.datasets.registry import source_to_label
from deepdepth_jax.datasets.source import ImageFile, on_all_cores
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import FocalLength, TrainingCamera
from deepdepth_jax.inference.rescaling import resize_image, seen_size
from deepdepth_jax.predict.folders import IMAGE_SUFFIXES, search
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.json_files import parse_object
from deepdepth_jax.runtime.paths import expand_home

FILE = "target.jsonl"
IMAGES = "images"


@dataclasses.dataclass(frozen=True)
class TargetImage:
    """An image to adapt to.

    Attributes:
      name: of the original image.
      image: the file that is scored and learnt from.
      focal_px: in pixels of that file. 0 = unknown.
    """

    name: str
    image: Path
    focal_px: float


def list_images(config: Config, workdir: Path) -> list[ImageFile]:
    """Lists the images of the target. No depth is opened.

    Args:
      config: completed.
      workdir: of the adaptation. What lies in it is no image of the target.

    Returns:
      The images in the order of their names. Of a folder, their focal lengths are not
      known yet.

    Raises:
      UserError: there are none, or `data.dataset` has no files of images.
    """
    if not config.adapt.images:
        files = source_to_label(config.data).image_files()
        where = f"data.dataset={config.data.dataset}: its training split"
    else:
        folder = Path(expand_home(config.adapt.images))
        where = f"adapt.images={folder}: the folder"
        if not folder.is_dir():
            raise UserError(f"adapt.images={folder}: is not a folder; name one")
        found, _ = search(folder, workdir)
        files = [
            ImageFile(str(path.relative_to(folder)), path, 0.0)
            for path in found
            if path.suffix.lower() in IMAGE_SUFFIXES
        ]
    if not files:
        raise UserError(f"{where} has no images")
    return sorted(files, key=lambda file: file.name)


def prepare_target(
    files: Sequence[ImageFile], config: Config, camera: TrainingCamera, workdir: Path
) -> None:
    """Reads every image once, resizes those that need it, and writes `target.jsonl`.

    An image that cannot be read is left out, and that is said.

    Args:
      files: see `list_images`.
      config: completed.
      camera: of the network that is adapted.
      workdir: of the adaptation.

    Raises:
      UserError: no image is left.
    """
    given = FocalLength(config.adapt.focal_px, config.adapt.focal_mm35)
    in_folder = bool(config.adapt.images)

    def prepare(index: int) -> TargetImage | UserError:
        file = files[index]
        try:
            read = read_any_image(file.path)
            focal_px = file.focal_px
            if in_folder:
                focal_px = given.in_pixels(*read.image.shape[:2]) or read.focal_px
            copy = workdir / IMAGES / f"{index:06d}_{Path(file.name).stem}.png"
            return _prepare(file, read, focal_px, camera, copy)
        except UserError as error:
            return error

    prepared = list(tqdm(on_all_cores(prepare, len(files)), "target", len(files)))
    kept = [each for each in prepared if isinstance(each, TargetImage)]
    left_out = [each for each in prepared if isinstance(each, UserError)]
    for error in left_out:
        print(f"left out: {error}", flush=True)
    if not kept:
        raise UserError(f"none of the {len(files)} images can be used: {left_out[0]}")
    resized = sum(each.image.parent.name == IMAGES for each in kept)
    unknown = sum(not each.focal_px for each in kept)
    print(
        f"target: {len(kept)} of {len(files)} images, {resized} of them copied at the "
        f"network's scale or format, {unknown} of unknown focal length",
        flush=True,
    )
    lines = [_to_line(each, workdir) for each in kept]
    atomic.write(workdir / FILE, "".join(lines))


def _prepare(
    file: ImageFile,
    read: CameraImage,
    focal_px: float,
    camera: TrainingCamera,
    copy: Path,
) -> TargetImage:
    try:
        view = camera.evaluation_view_scale(focal_px, read.image.shape)
    except ValueError as error:
        raise UserError(
            f"{file.path}: {error}, and the network needs it; set adapt.focal_px or "
            "adapt.focal_mm35"
        ) from error
    try:
        size = seen_size(read.image.shape, focal_px, view)
    except UserError as error:
        raise UserError(f"{file.path}: {error}") from error
    if size == read.image.shape[:2] and _can_be_learnt_from(file.path):
        return TargetImage(file.name, file.path.absolute(), focal_px)
    atomic.write(copy, Image.fromarray(resize_image(read.image, size)).save)
    return TargetImage(file.name, copy.absolute(), focal_px * view.scale)


def _can_be_learnt_from(path: Path) -> bool:
    """Returns whether training, which is stricter, reads the file."""
    try:
        read_image(path)
    except UserError:
        return False
    return True


def _to_line(image: TargetImage, workdir: Path) -> str:
    path = image.image
    if path.is_relative_to(workdir.absolute()):  # so that the folder may be moved
        path = path.relative_to(workdir.absolute())
    fields = {"name": image.name, "image": str(path), "focal_px": image.focal_px}
    return json.dumps(fields) + "\n"


def read_target(workdir: Path) -> list[TargetImage]:
    """Reads the images that `prepare_target` has kept, in their order."""
    return list(_read_lines(workdir))


def _read_lines(workdir: Path) -> Iterator[TargetImage]:
    path = workdir / FILE
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            fields = parse_object(line)
            yield TargetImage(
                str(fields["name"]),
                workdir.absolute() / str(fields["image"]),
                float(fields["focal_px"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path}, line {number}: is damaged ({error}); delete {workdir} and "
                "start again"
            ) from error
