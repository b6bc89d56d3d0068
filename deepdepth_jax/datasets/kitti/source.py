"""Reads a split of KITTI from the user's folder, as far as it is there."""

import dataclasses
import functools
import hashlib
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from deepdepth_jax.datasets.builder import Record, Source
from deepdepth_jax.datasets.files import (
    name_some,
    read_bytes,
    read_depth_png,
    read_image,
    require_same_size,
)
from deepdepth_jax.datasets.kitti.calibration import (
    CAMERA_FILE,
    LIDAR_FILE,
    read_focal_px,
    read_projection,
)
from deepdepth_jax.datasets.kitti.eigen import (
    VALIDATION_DRIVES,
    Frame,
    frames,
    has_annotation,
)
from deepdepth_jax.datasets.kitti.layout import Layout
from deepdepth_jax.datasets.kitti.lidar import project_lidar, read_sweep
from deepdepth_jax.errors import UserError

GROUND_TRUTHS = ("improved", "lidar")
UNITS_PER_METRE = 256  # of the improved depth maps


@dataclasses.dataclass(frozen=True)
class FrameFiles:
    """The files of a frame that is there.

    Attributes:
      frame: which one.
      image: the picture.
      depth: the improved depth map, or the lidar sweep.
      calib_folder: the folder of the day's calibration; None where that is missing.
    """

    frame: Frame
    image: Path
    depth: Path
    calib_folder: Path | None


@dataclasses.dataclass(frozen=True)
class Survey:
    """What of a split is on disk.

    Attributes:
      found: the files of the frames that are there.
      missing: the frames that are not, by what they lack first.
    """

    found: list[FrameFiles]
    missing: dict[str, list[Frame]]


@dataclasses.dataclass(frozen=True)
class KittiSource(Source):
    """One split of KITTI: the frames whose picture and ground truth are on disk.

    Records carry the focal length of the day's calibration. It is 0, which means
    unknown, where that file is missing; depth from lidar cannot do without it.

    Attributes:
      root: where KITTI was unpacked; see `layout.Layout` for what may lie there.
      split: "train", "val" or "test" of the Eigen split.
      ground_truth: "improved" (denser depth of Uhrig et al., which some frames have
        not) or "lidar" (the sweep of the frame alone).
      cameras: 2, 3 or both.
      validation_drives: the training drives that are held out as `val`.
      legacy: depth from lidar as most published figures took it; see `project_lidar`.

    Raises:
      UserError: a field has no such value, or `root` holds nothing of KITTI's.
    """

    root: str | Path
    split: str
    ground_truth: str = "improved"
    cameras: tuple[int, ...] = (2,)
    validation_drives: tuple[str, ...] = VALIDATION_DRIVES
    legacy: bool = False

    def __post_init__(self) -> None:
        if self.ground_truth not in GROUND_TRUTHS:
            raise UserError(
                f"ground truth {self.ground_truth!r} of KITTI does not exist; use one "
                f"of {GROUND_TRUTHS}"
            )
        if self.legacy and self.ground_truth != "lidar":
            raise UserError(
                "legacy is a way to project lidar; ask for the ground truth 'lidar' "
                "with it"
            )
        len(self)  # so that a wrong split or folder is said now, not at the first read

    def __len__(self) -> int:
        """Counts the frames that are there."""
        return len(self._survey.found)

    def read(self, index: int) -> Record:
        """Reads a frame.

        Raises:
          UserError: one of its files is broken; names it.
        """
        files = self._survey.found[index]
        image, size = read_image(files.image)
        if self.ground_truth == "lidar":
            depth_m = self._project_sweep(files, size)
        else:
            depth_m = read_depth_png(files.depth, UNITS_PER_METRE)
            require_same_size(files.image, size, files.depth, depth_m.shape)
        return Record(files.frame.name, image, depth_m, _read_focal_px(files))

    def identity(self) -> Mapping[str, Any]:
        """Tells the kind of ground truth, and names and sizes of the files used.

        The folder itself is left out, so that it can be moved. Files are not read: one
        that is replaced by another of the same size goes unnoticed, except for the
        calibration.
        """
        return {
            "split": self.split,
            "ground_truth": self.ground_truth,
            "cameras": list(self.cameras),
            "legacy": self.legacy,
            "files": self._digest_files(),
        }

    def report(self) -> str:
        """Says in one line how many frames are there, and what the others lack."""
        kind = self.ground_truth + (", legacy" if self.legacy else "")
        parts = [
            f"kitti {self.split} ({kind}): {len(self)} of {len(self._expected)} frames "
            f"under {self.root}"
        ]
        parts += [
            f"{len(missing)} without {lacks}: {name_some([f.name for f in missing])}"
            for lacks, missing in self._survey.missing.items()
        ]
        if without := self.images_without_ground_truth:
            parts.append(f"{without} further frames of the split never had such depth")
        return "; ".join(parts)

    @property
    def images_without_ground_truth(self) -> int:
        """How many frames of the split improved depth was never published for.

        Zero where the ground truth is lidar, which every frame has.
        """
        return len(self._split_frames) - len(self._expected)

    @functools.cached_property
    def _split_frames(self) -> list[Frame]:
        return frames(self.split, self.cameras, self.validation_drives)

    @functools.cached_property
    def _expected(self) -> list[Frame]:
        if self.ground_truth == "lidar":
            return self._split_frames
        return [f for f in self._split_frames if has_annotation(f)]

    @functools.cached_property
    def _survey(self) -> Survey:
        layout = Layout(Path(self.root))
        survey = Survey([], {})
        for _, drive in itertools.groupby(
            self._expected, lambda frame: (frame.date, frame.drive, frame.camera)
        ):
            self._survey_drive(layout, list(drive), survey)
        return survey

    def _survey_drive(
        self, layout: Layout, drive: Sequence[Frame], survey: Survey
    ) -> None:
        """Adds the frames of one camera in one drive to the survey."""
        lidar = self.ground_truth == "lidar"
        images = layout.images(drive[0])
        list_depths = layout.sweeps if lidar else layout.improved_depths
        depths = list_depths(drive[0])
        calib_folder = layout.calibration_folder(drive[0])
        for frame in drive:
            if frame.index not in images:
                lacks = "picture"
            elif frame.index not in depths:
                lacks = "lidar sweep" if lidar else "improved depth"
            elif lidar and calib_folder is None:
                lacks = "calibration"
            else:
                image, depth = images[frame.index], depths[frame.index]
                survey.found.append(FrameFiles(frame, image, depth, calib_folder))
                continue
            survey.missing.setdefault(lacks, []).append(frame)

    def _project_sweep(
        self, files: FrameFiles, size: tuple[int, int]
    ) -> Float32[np.ndarray, "h w"]:
        assert files.calib_folder is not None, "the survey asks for it"
        projection = read_projection(files.calib_folder, files.frame.camera)
        points = read_sweep(files.depth)
        return project_lidar(points, projection, *size, legacy=self.legacy)

    def _digest_files(self) -> str:
        digest = hashlib.sha256()
        for files in self._survey.found:
            for path in (files.image, files.depth):
                name = path.relative_to(self.root).as_posix()
                digest.update(f"{name} {path.stat().st_size}\n".encode())
        used = (CAMERA_FILE, LIDAR_FILE)[: 2 if self.ground_truth == "lidar" else 1]
        folders = {files.calib_folder for files in self._survey.found}
        for folder in sorted(filter(None, folders)):
            for file in used:
                digest.update(read_bytes(folder / file))
        return digest.hexdigest()


def _read_focal_px(files: FrameFiles) -> float:
    if files.calib_folder is None:
        return 0.0
    return read_focal_px(files.calib_folder, files.frame.camera)
