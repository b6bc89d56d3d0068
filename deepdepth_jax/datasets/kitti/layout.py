"""Where KITTI's files lie below the user's folder, however it was unpacked."""

from collections.abc import Sequence
from pathlib import Path

from deepdepth_jax.datasets.files import list_files
from deepdepth_jax.datasets.kitti.calibration import CAMERA_FILE
from deepdepth_jax.datasets.kitti.eigen import DATES, Frame
from deepdepth_jax.errors import UserError

IMAGE_SUFFIXES = (".png", ".jpg")  # the first one wins where a frame has both


class Layout:
    """Finds the files of a frame's drive below `root`.

    The days (`2011_09_26`, ...) lie in `root` itself or in `root/raw`, images as PNG
    or JPEG. Improved depth lies in `train` and `val`, below `root` or below
    `root/data_depth_annotated`.

    Raises:
      UserError: `root` does not exist or holds no day of KITTI's.
    """

    def __init__(self, root: Path):
        self.root = root
        self._days = [root, root / "raw"]
        self._annotated = [
            parent / part
            for parent in (root, root / "data_depth_annotated")
            for part in ("train", "val")
        ]
        self._require_days()

    def images(self, frame: Frame) -> dict[int, Path]:
        """Lists the images of the frame's drive and camera, by index."""
        folder = f"{frame.date}/{frame.drive_folder}/{frame.camera_folder}/data"
        return _list_files([days / folder for days in self._days], IMAGE_SUFFIXES)

    def sweeps(self, frame: Frame) -> dict[int, Path]:
        """Lists the lidar sweeps of the frame's drive, by index."""
        folder = f"{frame.date}/{frame.drive_folder}/velodyne_points/data"
        return _list_files([days / folder for days in self._days], (".bin",))

    def improved_depths(self, frame: Frame) -> dict[int, Path]:
        """Lists the improved depth maps of the frame's drive and camera, by index."""
        folders = [(part / frame.annotation).parent for part in self._annotated]
        return _list_files(folders, (".png",))

    def calibration_folder(self, frame: Frame) -> Path | None:
        """Finds the folder of the frame's day that holds the day's calibration."""
        folders = [days / frame.date for days in self._days]
        return next((f for f in folders if (f / CAMERA_FILE).is_file()), None)

    def _require_days(self) -> None:
        if any((days / date).is_dir() for days in self._days for date in DATES):
            return
        problem = "holds no day of KITTI" if self.root.is_dir() else "is not a folder"
        raise UserError(
            f"data.root = {self.root}: {problem}; set it to the folder of the unpacked "
            "KITTI raw data, with folders such as "
            f"{DATES[0]}/{DATES[0]}_drive_0001_sync/image_02/data"
        )


def _list_files(folders: Sequence[Path], suffixes: Sequence[str]) -> dict[int, Path]:
    """Maps indices to files. Of two with one index the first folder and suffix win."""
    files: dict[int, Path] = {}
    for folder in folders:
        paths = list_files(folder)
        for suffix in suffixes:
            for path in paths:
                if path.suffix == suffix and path.stem.isdecimal():
                    files.setdefault(int(path.stem), path)
    return files
