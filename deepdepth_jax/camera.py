"""Cameras of different focal lengths, brought to a common one.

A thing twice as far through a lens twice as long looks the same: pixels alone do not
tell depth, only depth over focal length. Where pictures come from several cameras, the
network therefore learns the depth that each would have had through one common,
canonical lens, and its answers are scaled back (the transformation of labels in Yin et
al., "Metric3D: towards zero-shot metric 3D prediction from a single image", 2023).
"""


def canonical_scale(canonical_focal_px: float, focal_px: float) -> float:
    """Gives the factor from depth in metres to depth through the canonical lens.

    Args:
      canonical_focal_px: focal length of the common camera; 0 = depth is left alone.
      focal_px: focal length of the picture at hand, in its own pixels.

    Raises:
      ValueError: there is a common camera, but the picture's own is unknown (0).
    """
    if not canonical_focal_px:
        return 1.0
    if not focal_px:
        raise ValueError("the focal length of the picture is not known")
    return canonical_focal_px / focal_px
