"""Cameras: how pixels, metres and focal lengths go together.

A thing twice as far through a lens twice as long looks the same: pixels alone do not
tell depth, only depth over focal length. Where images come from several cameras, the
network therefore learns the depth that each would have had through one common,
canonical lens, and its predictions are scaled back (the label transformation in Yin et
al., "Metric3D: towards zero-shot metric 3D prediction from a single image", 2023).
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

FOCAL_RANGE_PX = (1.0, 1e5)
"""The focal lengths that cameras have, from those of thumbnails to telescopes."""
SAME_CAMERA = 1.01
"""Focal lengths that differ by a smaller factor count as those of one camera."""
SAME_SIZE = 1.05
"""Images whose sides differ by a smaller factor are not worth resizing."""
FILM_DIAGONAL_MM = math.hypot(36, 24)
"""Diagonal of a frame of 35 mm film."""
LONGEST_MM35 = 1200.0
"""35 mm equivalent of the longest lenses for photographs. More is a mistake."""
ASSUMED_MM35 = 26.0
"""35 mm equivalent of the main cameras of most phones, for images without any."""


def is_focal_length(focal_px: float) -> bool:
    """Returns whether a number is finite and within `FOCAL_RANGE_PX`."""
    least_px, most_px = FOCAL_RANGE_PX
    return bool(least_px <= focal_px <= most_px)


@dataclasses.dataclass(frozen=True)
class FocalLength:
    """A focal length in pixels or as its 35 mm equivalent. Both 0: unknown.

    The 35 mm equivalent is the focal length that shows the same diagonal angle of view
    on a frame of film of 36 mm x 24 mm (CIPA DCG-001): f_px = f_mm d_px / 43.27 mm,
    with the diagonal d_px of the image.

    Attributes:
      px: in pixels of the image.
      mm35: 35 mm equivalent.

    Raises:
      ValueError: one is negative or not finite, or both are given.
    """

    px: float | int = 0.0
    mm35: float | int = 0.0

    def __post_init__(self) -> None:
        both = self.px, self.mm35
        if not all(0 <= each < math.inf for each in both) or all(both):
            raise ValueError(
                f"focal_px={self.px:g}, focal_mm35={self.mm35:g}: must be >= 0 and "
                "finite, and only one of the two may be given"
            )

    @classmethod
    def given(cls, px: float | int = 0.0, mm35: float | int = 0.0) -> "FocalLength":
        """Makes a focal length of numbers that somebody typed.

        Raises:
          ValueError: see the class, or the 35 mm equivalent is a number of pixels.
        """
        if LONGEST_MM35 < mm35 < math.inf:
            raise ValueError(
                f"focal_mm35={mm35:g}: must be <= {LONGEST_MM35:g}, the longest of all "
                "lenses; give pixels of the image as focal_px"
            )
        return cls(px, mm35)

    def __bool__(self) -> bool:
        return bool(self.px or self.mm35)

    def in_pixels(self, height: float | int, width: float | int) -> float:
        """Returns the focal length in pixels of an image of this size; 0 = unknown."""
        if self.px:
            return float(self.px)
        return float(self.mm35) * math.hypot(height, width) / FILM_DIAGONAL_MM


def canonical_scale(canonical_focal_px: float, focal_px: float) -> float:
    """Returns the factor from depth in metres to depth through the canonical lens.

    Args:
      canonical_focal_px: focal length of the common camera. 0 = depth is left alone.
      focal_px: focal length of the image at hand, in its own pixels.

    Raises:
      ValueError: there is a common camera, but the image's own is unknown (0).
    """
    if not canonical_focal_px:
        return 1.0
    if not focal_px:
        raise ValueError("the focal length of the image is not known")
    return canonical_focal_px / focal_px


@dataclasses.dataclass(frozen=True)
class ViewScale:
    """How images of a camera are scaled for a network, and its depth for them.

    Attributes:
      scale: the factor that the image is enlarged by before the network sees it.
      depth_factor: the factor from the network's depth to metres in the image.
    """

    scale: float
    depth_factor: float


UNSCALED = ViewScale(1.0, 1.0)
"""Images and depth as they are."""


@dataclasses.dataclass(frozen=True)
class TrainingCamera:
    """The focal lengths and sizes of the images that a network has learnt from.

    Attributes:
      canonical_focal_px: of the common camera whose depth was learnt. 0 = none.
      focal_px: the median over the training images, in their pixels. 0 = unknown.
      range_px: the shortest and the longest. (0, 0) = unknown, which means the median.
      pixels: the median number of pixels of the training images. 0 = unknown.
    """

    canonical_focal_px: float = 0.0
    focal_px: float = 0.0
    range_px: tuple[float, float] = (0.0, 0.0)
    pixels: int = 0

    @property
    def is_known(self) -> bool:
        """Whether images can be brought to it."""
        return self.focal_px > 0

    @property
    def sight(self) -> str:
        """Names the focal length or the size that images are brought to."""
        if self.canonical_focal_px and self.pixels:
            return f"the size of training, about {self.pixels} pixels"
        return f"the focal length of training, {self.focal_px:.1f} px"

    @classmethod
    def of(
        cls,
        canonical_focal_px: float,
        focals_px: Sequence[float],
        pixels: Sequence[int],
    ) -> "TrainingCamera":
        """Summarises the training images.

        Args:
          canonical_focal_px: see the attribute.
          focals_px: focal length of each image, in its pixels; 0 = unknown.
          pixels: number of pixels of each image.
        """
        known = [focal_px for focal_px in focals_px if focal_px > 0]
        return cls(
            canonical_focal_px,
            float(np.median(known)) if known else 0.0,
            (float(min(known)), float(max(known))) if known else (0.0, 0.0),
            int(np.median(pixels)) if pixels else 0,
        )

    def view_scale(
        self,
        focal_px: float | int,
        scale: float | int | None = None,
        *,
        shape: tuple[int, ...] = (),
    ) -> ViewScale:
        """Computes how images of a focal length are scaled.

        Through a lens twice as long, and in an image enlarged twice, things look twice
        as near. The network's depth holds for the focal length of its training. It sees
        the image's focal length times the scale.

        The scale that makes the two equal is the default, and it is 1 if either is
        unknown. A network that learned the depth of a canonical camera knows images of
        many focal lengths, but few sizes. It sees an image with as many pixels as those
        of its training, unless the focal length would then leave their range.

        Args:
          focal_px: of the image, in its pixels. 0: as in training.
          scale: in place of the default.
          shape: of the image, beginning with height and width. Empty: unknown, as the
            sizes of training are for older runs. Then a focal length within the range
            of training stays as it is, and others are brought to their median.

        Raises:
          ValueError: the focal length is 0, and the network learned the depth of a
            canonical camera.
        """
        known_px = self.focal_px if focal_px else 0.0
        reference_px = self.canonical_focal_px or known_px
        ratio = canonical_scale(reference_px, float(focal_px))
        if scale is None:
            is_many = self.canonical_focal_px
            scale = self._familiar_scale(focal_px, shape) if is_many else ratio
        return ViewScale(float(scale), float(scale / ratio))

    def assumed_px(self, height: int, width: int) -> float:
        """Computes the focal length to assume for an image whose own is unknown.

        A canonical camera needs one: then `ASSUMED_MM35`.

        Args:
          height: of the image, in pixels.
          width: of the image, in pixels.

        Returns:
          Pixels of the image. 0: as in training.
        """
        if not self.canonical_focal_px:
            return 0.0
        return FocalLength(mm35=ASSUMED_MM35).in_pixels(height, width)

    def _familiar_scale(self, focal_px: float, shape: tuple[int, ...]) -> float:
        """Returns the scale that shows an image as those of training."""
        if not self.pixels or not shape:
            is_familiar = not self.focal_px or self.has_seen(focal_px)
            return 1.0 if is_familiar else self.focal_px / focal_px
        scale = math.sqrt(self.pixels / math.prod(shape[:2]))
        if any(self.range_px):
            shortest_px, longest_px = self.range_px
            scale = min(max(scale, shortest_px / focal_px), longest_px / focal_px)
        return 1.0 if 1 / SAME_SIZE < scale < SAME_SIZE else scale

    def has_seen(self, focal_px: float) -> bool:
        """Returns whether the training images had about this focal length."""
        is_known = any(self.range_px)
        shortest_px, longest_px = self.range_px if is_known else 2 * (self.focal_px,)
        return shortest_px / SAME_CAMERA <= focal_px <= longest_px * SAME_CAMERA

    def evaluation_view_scale(
        self, focal_px: float, shape: tuple[int, ...] = ()
    ) -> ViewScale:
        """Computes how images are scaled where their true depth is known.

        As `view_scale`, except that images of a training camera stay as they are.
        KITTI's cameras differ by 2% from day to day, and the usual protocols scale
        none.
        """
        if not self.canonical_focal_px and self.has_seen(focal_px):
            return UNSCALED
        return self.view_scale(focal_px, shape=shape)


UNKNOWN_CAMERA = TrainingCamera()
"""The camera of images whose focal lengths and sizes are not known."""
