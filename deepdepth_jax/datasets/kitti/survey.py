"""Surveys which frames of KITTI are on disk, and the first missing file of others."""

import dataclasses
import itertools
import operator
from collections.abc import Sequence
from pathlib import Path

from deepdepth_jax.datasets.kitti.calibration import Calibration
from deepdepth_jax.datasets.kitti.eigen import Frame
from deepdepth_jax.datasets.kitti.layout import Layout
from deepdepth_jax.datasets.source import ImageFile

_ONE_CAMERA = operator.attrgetter("date", "drive", "camera")


@dataclasses.dataclass(frozen=True)
class FrameFiles:
    """The files of a frame that is there.

    Attributes:
      frame: which one.
      image: the image.
      depth: the improved depth map, or the lidar sweep.
      calibration: of the day and the camera. None where its file is missing.
    """

    frame: Frame
    image: Path
    depth: Path
    calibration: Calibration | None


@dataclasses.dataclass(frozen=True)
class Survey:
    """The frames of a split on disk.

    Attributes:
      found: files of the complete frames.
      missing: names of the other frames, by the first file that they lack.
    """

    found: list[FrameFiles]
    missing: dict[str, list[str]]


def survey(layout: Layout, frames: Sequence[Frame], *, lidar: bool) -> Survey:
    """Looks for the files of frames, one folder after the other.

    Args:
      layout: tells where files lie.
      frames: ordered, so that those of one camera in one drive follow each other.
      lidar: look for the sweep and its calibration, not for improved depth.
    """
    result = Survey([], {})
    for _, drive in itertools.groupby(frames, _ONE_CAMERA):
        _survey_drive(layout, list(drive), lidar, result)
    return result


def survey_images(layout: Layout, frames: Sequence[Frame]) -> list[ImageFile]:
    """Looks for the images of frames, whether their depth is there or not.

    Args:
      layout: tells where files lie.
      frames: in any order.

    Returns:
      The images that are there, with the focal length of their calibration.
    """
    found = []
    ordered = sorted(frames, key=lambda frame: frame.name)
    for _, group in itertools.groupby(ordered, _ONE_CAMERA):
        drive = list(group)
        images, folder = layout.images(drive[0]), layout.calibration_folder(drive[0])
        focal_px = Calibration(folder, drive[0].camera).focal_px if folder else 0.0
        found += [
            ImageFile(frame.name, images[frame.index], focal_px)
            for frame in drive
            if frame.index in images
        ]
    return found


def _survey_drive(
    layout: Layout, drive: Sequence[Frame], lidar: bool, result: Survey
) -> None:
    """Adds the frames of one camera in one drive to the result."""
    images = layout.images(drive[0])
    list_depths = layout.sweeps if lidar else layout.improved_depths
    depths = list_depths(drive[0])
    folder = layout.calibration_folder(drive[0])
    calibration = Calibration(folder, drive[0].camera) if folder else None
    for frame in drive:
        if frame.index not in images:
            lacks = "image"
        elif frame.index not in depths:
            lacks = "lidar sweep" if lidar else "improved depth"
        elif lidar and calibration is None:
            lacks = "calibration"
        else:
            image, depth = images[frame.index], depths[frame.index]
            result.found.append(FrameFiles(frame, image, depth, calibration))
            continue
        result.missing.setdefault(lacks, []).append(frame.name)
