"""Reads a split of KITTI from the user's folder, as far as it is there."""

import dataclasses
import functools
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from deepdepth_jax.datasets.alignment import Alignment, require_stored_upright
from deepdepth_jax.datasets.depth_png import read_depth_png
from deepdepth_jax.datasets.files import read_bytes
from deepdepth_jax.datasets.images import read_image
from deepdepth_jax.datasets.kitti.calibration import (
    CAMERA_FILE,
    LIDAR_FILE,
)
from deepdepth_jax.datasets.kitti.eigen import (
    VALIDATION_DRIVES,
    Frame,
    has_annotation,
)
from deepdepth_jax.datasets.kitti.layout import Layout
from deepdepth_jax.datasets.kitti.lidar import project_lidar, read_sweep
from deepdepth_jax.datasets.kitti.lists import read_list
from deepdepth_jax.datasets.kitti.split import choose_frames
from deepdepth_jax.datasets.kitti.survey import (
    FrameFiles,
    Survey,
    survey,
    survey_images,
)
from deepdepth_jax.datasets.source import ImageFile, Source
from deepdepth_jax.errors import UserError
from deepdepth_jax.types import Example

GROUND_TRUTHS = ("improved", "lidar")
UNITS_PER_METRE = 256  # of the improved depth maps


@dataclasses.dataclass(frozen=True)
class KittiSource(Source):
    """One split of KITTI: the frames whose image and ground truth are on disk.

    Examples carry the focal length of the day's calibration. It is 0, which means
    unknown, where that file is missing. Depth from lidar cannot do without it.

    Attributes:
      root: folder of the unpacked KITTI. `layout.Layout` describes its layout.
      split: "train", "val" or "test". See `split.choose_frames`.
      ground_truth: "improved" (denser depth of Uhrig et al., which some frames have
        not) or "lidar" (the sweep of the frame alone).
      cameras: 2, 3 or both, where no list tells the frames.
      validation_drives: the training drives that are held out as `val`, where there is
        no `val_list`.
      legacy: depth from lidar as most published figures took it. See `project_lidar`.
      train_list: a file with frames to train on, in place of the Eigen split's, as are
        `val_list` and `test_list`. See `lists.read_list`. Empty: there is none.
      learned: whether a network learns from the frames of `train` and `val`. If so,
        none of them may be tested on.
      dataset: "kitti".

    Raises:
      UserError: a field has no such value, `root` holds nothing of KITTI's, or a list
        is not as it must be.
    """

    root: str | Path
    split: str
    ground_truth: str = "improved"
    cameras: tuple[int, ...] = (2,)
    validation_drives: tuple[str, ...] = VALIDATION_DRIVES
    legacy: bool = False
    train_list: str = ""
    val_list: str = ""
    test_list: str = ""
    learned: bool = True
    dataset: str = dataclasses.field(default="kitti", init=False)

    def __post_init__(self) -> None:
        if self.ground_truth not in GROUND_TRUTHS:
            raise UserError(
                f"ground truth {self.ground_truth!r} of KITTI must be one of "
                f"{GROUND_TRUTHS}"
            )
        if self.legacy and self.ground_truth != "lidar":
            raise UserError("legacy projection needs the ground truth 'lidar'")
        len(self)  # so that a wrong split or folder is said now, not at the first read

    def __len__(self) -> int:
        """Counts the frames that are there."""
        return len(self._survey.found)

    def read(self, index: int) -> Example:
        """Reads a frame.

        Args:
          index: index of the frame in the split.

        Returns:
          The frame at its own size.

        Raises:
          UserError: one of its files is broken. Names it.
        """
        files = self._survey.found[index]
        image = read_image(files.image)
        if self.ground_truth == "lidar":
            require_stored_upright(files.image)
            depth_m = self._project_sweep(files, image.shape[:2])
        else:
            alignment = Alignment(files.image, image.shape[:2], files.depth)
            depth_m = read_depth_png(files.depth, UNITS_PER_METRE, alignment.check_size)
        focal_px = files.calibration.focal_px if files.calibration else 0.0
        return Example(files.frame.name, image, depth_m, focal_px)

    def files(self, index: int) -> tuple[Path, Path]:
        """Returns the image of a frame and its depth map or sweep."""
        return self._survey.found[index].image, self._survey.found[index].depth

    def image_files(self) -> list[ImageFile]:
        """Lists the images of the split that are there. See `Source.image_files`."""
        return survey_images(
            Layout(Path(self.root)), [*self._frames[0], *self._frames[1]]
        )

    def identity(self) -> Mapping[str, Any]:
        """Returns the kind of ground truth, and names and sizes of the files used.

        The folder itself is left out, so that it can be moved. Files are not read: one
        that is replaced by another of the same size goes unnoticed, except for the
        calibration.
        """
        return {
            "split": self.split,
            "ground_truth": self.ground_truth,
            "legacy": self.legacy,
            "files": self._file_sizes,
            "calibration": self._calibration_digests,
        }

    @property
    def split_title(self) -> str:
        """Names the split, and the user's list where it is not Eigen's."""
        return f"{self.split} of {self._list}" if self._list else self.split

    @property
    def ground_truth_title(self) -> str:
        """Names the kind of depth, and whether it is projected the legacy way."""
        return "lidar, legacy" if self.legacy else self.ground_truth

    def group(self, name: str) -> str:
        """Returns the drive of a frame, such as "2011_09_26_drive_0001"."""
        return name.partition("_sync/")[0]

    @property
    def place(self) -> str:
        """Where the frames are looked for."""
        return f"under {self.root}"

    @functools.cached_property
    def expected(self) -> Sequence[str]:
        """The names of the frames of the split that have this kind of ground truth."""
        return [frame.name for frame in self._frames[0]]

    @property
    def missing(self) -> Mapping[str, Sequence[str]]:
        """The missing frames, by the first file that they lack."""
        return self._survey.missing

    @functools.cached_property
    def listed(self) -> Sequence[str] | None:
        """The names of the frames in the order of the user's list, None without one.

        The Eigen split has no order: its published lists differ in theirs.
        """
        if not self._list:
            return None
        return [entry.frame.name for entry in read_list(self._list)]

    @property
    def _list(self) -> str:
        lists = {"train": self.train_list, "val": self.val_list, "test": self.test_list}
        return lists[self.split]

    @functools.cached_property
    def without_ground_truth(self) -> Sequence[str]:
        """Frames of the split that improved depth was never published for.

        There are none where the ground truth is lidar, which every frame has.
        """
        return [frame.name for frame in self._frames[1]]

    @functools.cached_property
    def without_focal_length(self) -> Sequence[str]:
        """Frames that are there, without the calibration of their day."""
        return [f.frame.name for f in self._survey.found if f.calibration is None]

    @functools.cached_property
    def _frames(self) -> tuple[list[Frame], list[Frame]]:
        """The frames of the split with ground truth, then those without."""
        chosen = choose_frames(
            self.split,
            self.cameras,
            self.validation_drives,
            train_list=self.train_list,
            val_list=self.val_list,
            test_list=self.test_list,
            learned=self.learned,
        )
        if self.ground_truth == "lidar":
            return [entry.frame for entry in chosen], []
        expected: list[Frame] = []
        without: list[Frame] = []
        for entry in chosen:
            annotated = entry.has_depth and has_annotation(entry.frame)
            (expected if annotated else without).append(entry.frame)
        return expected, without

    @functools.cached_property
    def _survey(self) -> Survey:
        layout, lidar = Layout(Path(self.root)), self.ground_truth == "lidar"
        return survey(layout, self._frames[0], lidar=lidar)

    def _project_sweep(
        self, files: FrameFiles, size: tuple[int, int]
    ) -> Float32[np.ndarray, "h w"]:
        assert files.calibration is not None, "the survey asks for it"
        points, projection = read_sweep(files.depth), files.calibration.projection
        return project_lidar(points, projection, *size, legacy=self.legacy)

    @functools.cached_property
    def _file_sizes(self) -> dict[str, list[int]]:
        """Bytes of image and depth of each frame. Slow on a network drive."""
        return {
            files.frame.name: [p.stat().st_size for p in (files.image, files.depth)]
            for files in self._survey.found
        }

    @functools.cached_property
    def _calibration_digests(self) -> dict[str, str]:
        """SHA-256 of the files used, by day and name."""
        calibrations = (files.calibration for files in self._survey.found)
        used = (CAMERA_FILE, LIDAR_FILE)[: 2 if self.ground_truth == "lidar" else 1]
        return {
            f"{folder.name}/{file}": _sha256(folder / file)
            for folder in sorted({c.folder for c in calibrations if c})
            for file in used
        }


def _sha256(path: Path) -> str:
    return hashlib.sha256(read_bytes(path)).hexdigest()
