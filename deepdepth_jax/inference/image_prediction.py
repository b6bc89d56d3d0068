"""The prediction for an image, whose maps are computed when they are asked for."""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import jax
import numpy as np
from jaxtyping import Float32, UInt8

from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import UNSCALED, Pinhole, ViewScale
from deepdepth_jax.inference.depth_files import WRITERS
from deepdepth_jax.inference.rescaling import resize_map
from deepdepth_jax.runtime.paths import expand_home
from deepdepth_jax.types import IN_METRES, OUTPUTS, AnyArray, Prediction

if TYPE_CHECKING:
    from deepdepth_jax.drawing.colors import ColourScale
    from deepdepth_jax.inference.point_cloud import PointCloud

STATIC = {"static": True}
"""Marks fields that are no arrays of the tree."""
SUFFIXES = (*WRITERS, ".ply")
"""Of the files that `ImagePrediction.save` writes."""
READ = "_read"
"""The attribute of a prediction that computes maps."""

Maps = Mapping[str, Float32[np.ndarray, "b h w"] | None]
"""Maps of a batch by their names in `types.Prediction`. None: the network has none."""
ImageMaps = Mapping[str, Float32[np.ndarray, "h w"] | None]
"""The same of one image."""


class DeferredMaps:
    """The maps of a batch of images, each computed when it is first asked for.

    Args:
      known: the maps that are computed.
      compute: from the names of others to these. It keeps what they are computed from.
    """

    def __init__(
        self, known: Maps, compute: Callable[[Sequence[str]], Maps] | None = None
    ) -> None:
        self._known = dict(known)
        self._compute = compute

    def read(self, names: Sequence[str]) -> Maps:
        """Returns some maps. Those that are not known are computed together."""
        compute = self._compute  # read first: another thread may be done meanwhile
        missing = tuple(name for name in names if name not in self._known)
        if missing:
            assert compute is not None, missing
            self._known |= compute(missing)
        if len(self._known) == len(OUTPUTS):
            self._compute = None
        return {name: self._known[name] for name in names}

    def read_image(
        self,
        names: Sequence[str],
        *,
        index: int,
        size: tuple[int, int],
        view: ViewScale,
    ) -> ImageMaps:
        """Returns some maps of one image, at its own size and in its own metres.

        Args:
          names: of the maps.
          index: of the image in the batch.
          size: its height and width.
          view: how it was scaled for the network.
        """

        def own(name: str, values: np.ndarray) -> np.ndarray:
            if view == UNSCALED:
                return values
            factor = view.depth_factor if name in IN_METRES else 1
            return resize_map(values, size) * factor

        return {
            name: None if batch is None else own(name, batch[index])
            for name, batch in self.read(names).items()
        }


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, kw_only=True)
class ImagePrediction(Prediction):
    """The prediction for one image. All maps are float32 (h, w), on the host.

    Those of `DepthPredictor` compute a map when it is first accessed. See `deferred`.

    Attributes:
      image: the image, RGB, turned upright.
      focal_px: its focal length in pixels, as given or from EXIF tags. 0 = unknown.
      camera: of the image. An unknown focal length is the assumed one, or that of
        training, or 0 if that is unknown too.
      depth_range_m: the nearest and the farthest depth that the network can predict.
      num_bins: number of the network's depth bins.
    """

    image: UInt8[np.ndarray, "h w 3"]
    focal_px: float = dataclasses.field(metadata=STATIC)
    camera: Pinhole = dataclasses.field(metadata=STATIC)
    depth_range_m: tuple[float, float] = dataclasses.field(metadata=STATIC)
    num_bins: int = dataclasses.field(metadata=STATIC)

    @classmethod
    def deferred(
        cls,
        read: Callable[[Sequence[str]], Mapping[str, np.ndarray | None]],
        **fields: Any,
    ) -> "ImagePrediction":
        """Makes a prediction whose maps are computed when they are first accessed.

        Args:
          read: from names of maps to these. None where the network has none.
          **fields: all that are no maps.
        """
        found = object.__new__(cls)
        vars(found).update(fields, **{READ: read})
        return found

    if not TYPE_CHECKING:  # or every attribute would pass for one

        def __getattr__(self, name: str) -> Any:
            """Computes a map. Python asks for what is no attribute yet."""
            if name not in OUTPUTS or READ not in vars(self):
                raise AttributeError(f"{type(self).__name__!r} has no {name!r}")
            return self._read_all([name])[name]

    def maps(self) -> dict[str, AnyArray]:
        """Computes all maps that the network has, together, by their names."""
        found = self._read_all(OUTPUTS)
        return {name: values for name, values in found.items() if values is not None}

    def replace(self, **changes: Any) -> "ImagePrediction":
        """Returns the prediction with other fields. Computes no map."""
        other = object.__new__(type(self))
        vars(other).update(vars(self) | changes)
        return other

    def __getstate__(self) -> dict[str, Any]:
        """Computes all maps, to be written or sent elsewhere."""
        self._read_all(OUTPUTS)
        return {name: value for name, value in vars(self).items() if name != READ}

    def _read_all(self, names: Sequence[str]) -> dict[str, Any]:
        own = vars(self)
        missing = [name for name in names if name not in own]
        if missing:
            own.update(own[READ](missing))
        return {name: own[name] for name in names}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a file in the format that its suffix names.

        Args:
          path: the file, of which missing folders are created. `.png` for depth of 16
            bits (metres x 256, as KITTI has it), `.npy`, `.pfm` or `.exr` for depth in
            float32 metres, `.npz` for all maps, `.ply` for the point cloud.

        Raises:
          UserError: the suffix is another one, the file cannot be written, or the point
            cloud needs a focal length.
        """
        target = Path(expand_home(os.fspath(path)))
        suffix = target.suffix.lower()
        if suffix == ".ply":
            self.point_cloud().save(target)
        elif suffix in WRITERS:
            WRITERS[suffix](target, self)
        else:
            raise UserError(
                f"{path}: the suffix must be one of {', '.join(SUFFIXES)} (a colour "
                "image is saved by PIL.Image.fromarray(prediction.colorize()))"
            )

    def colorize(
        self,
        values: Literal["depth", "confidence"] = "depth",
        *,
        with_scale: bool = False,
    ) -> UInt8[np.ndarray, "y x 3"]:
        """Draws a map in colours, on a logarithmic scale.

        Args:
          values: `depth` (near is red, far is blue) or `confidence`.
          with_scale: whether the scale is drawn below the map.

        Returns:
          RGB of the image's size, with the scale higher, and at least 320 wide.

        Raises:
          UserError: there is no such map, or the network predicts no confidence.
        """
        if values == "depth":
            scale, shown = self.depth_scale, self.depth_m
        elif values != "confidence":
            raise UserError(f"values={values!r}: must be one of depth, confidence")
        elif self.confidence is None:
            raise UserError("this network predicts no distribution, so no confidence")
        else:
            scale, shown = self.confidence_scale, self.confidence
        painted = scale.paint(shown)
        return scale.under(painted) if with_scale else painted

    @property
    def depth_scale(self) -> "ColourScale":
        """The colour scale of depth, in metres."""
        from deepdepth_jax.drawing.colors import depth_scale

        return depth_scale(*self.depth_range_m)

    @property
    def confidence_scale(self) -> "ColourScale":
        """The colour scale of confidence."""
        from deepdepth_jax.drawing.colors import confidence_scale

        return confidence_scale(self.num_bins)

    def point_cloud(self) -> "PointCloud":
        """Unprojects the image. See `PointCloud.of`.

        Raises:
          UserError: the focal lengths of the image and of training are unknown.
        """
        from deepdepth_jax.inference.point_cloud import PointCloud

        if not self.camera.focal_px:
            raise UserError(
                "a point cloud needs the focal length of the image, and that of "
                "training is unknown too: predict with focal_px or focal_mm35"
            )
        return PointCloud.of(self.image, self.depth_m, self.camera)
