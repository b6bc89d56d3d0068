"""Street scenes in the layout of KITTI, of SYNTHIA, and of one's own pairs."""

import dataclasses
import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import jax
import numpy as np
from jaxtyping import Float, Float32, PRNGKeyArray, UInt16

from deepdepth_jax.datasets.kitti.eigen import Frame, has_annotation
from deepdepth_jax.datasets.streets.render import render, render_view
from deepdepth_jax.datasets.streets.rig import (
    camera_calibration,
    camera_pose,
    lidar_calibration,
    lidar_pose,
)
from deepdepth_jax.datasets.streets.scanner import RANGE_M, scan
from deepdepth_jax.datasets.streets.scene import Scene, random_scene
from deepdepth_jax.datasets.streets.streets_source import StreetsSource, encode_image
from deepdepth_jax.runtime import atomic

KITTI_UNITS_PER_METRE = 256
SYNTHIA_UNITS_PER_METRE = 100
SYNTHIA_SKY = 65535
IMAGE_FORMATS = {"png": "PNG", "jpg": "JPEG"}  # Pillow's names


@dataclasses.dataclass(frozen=True)
class KittiWriter:
    """Writes frames of KITTI, each of which shows a scene of its own.

    Images, lidar sweeps and calibration lie where the raw data has them, improved
    depth below `data_depth_annotated/train` for the frames that officially have it.
    The lidar and both cameras see the same scene from where the calibration puts them.
    Improved depth is the rendered one, as far as the lidar reaches.

    Attributes:
      root: folder to write to.
      height: rows of the images.
      width: columns of the images.
      seed: another seed, other streets.
      image_format: "png", or "jpg" as many have converted the images to.
      depth_share: of the pixels that keep their improved depth.
      azimuth_step_deg: of the lidar.
    """

    root: Path
    height: int
    width: int
    seed: int = 0
    image_format: str = "png"
    depth_share: float = 1.0
    azimuth_step_deg: float = 0.17

    def write(self, all_frames: Iterable[Frame]) -> None:
        """Writes frames. Those of one moment share their scene and sweep.

        Raises:
          KeyError: a drive is not one of the Eigen split's.
        """

        def moment(frame: Frame) -> tuple[str, str, int]:
            return frame.date, frame.drive, frame.index

        ordered = sorted(all_frames, key=moment)
        for date in sorted({frame.date for frame in ordered}):
            self._write_calibration(self.root / date)
        for _, group in itertools.groupby(ordered, moment):
            self._write_moment(list(group))

    def _write_calibration(self, folder: Path) -> None:
        camera_text = camera_calibration(self.height, self.width)
        atomic.write(folder / "calib_cam_to_cam.txt", camera_text.encode())
        atomic.write(folder / "calib_velo_to_cam.txt", lidar_calibration().encode())

    def _write_moment(self, group: list[Frame]) -> None:
        key = frame_key(group[0], self.seed)
        scene = random_scene(key)
        sweep = scan(
            scene, *lidar_pose(scene.camera), azimuth_step_deg=self.azimuth_step_deg
        )
        drive = self.root / group[0].date / group[0].drive_folder
        path = drive / "velodyne_points/data" / f"{group[0].stem}.bin"
        atomic.write(path, sweep.astype("<f4").tobytes())
        for frame in group:
            self._write_image(frame, scene, jax.random.fold_in(key, frame.camera))

    def _write_image(self, frame: Frame, scene: Scene, key: PRNGKeyArray) -> None:
        camera = camera_pose(scene.camera, frame.camera)
        seen = dataclasses.replace(scene, camera=camera)
        image, depth_m = render_view(seen, key, height=self.height, width=self.width)
        encoded = encode_image(np.asarray(image), IMAGE_FORMATS[self.image_format])
        folder = f"{frame.date}/{frame.drive_folder}/{frame.camera_folder}/data"
        atomic.write(self.root / folder / f"{frame.stem}.{self.image_format}", encoded)
        if has_annotation(frame):
            values = self._improved_depth(np.asarray(depth_m), frame)
            drive = self.root / "data_depth_annotated/train" / frame.drive_folder
            folder = f"proj_depth/groundtruth/{frame.camera_folder}"
            atomic.write(
                drive / folder / f"{frame.stem}.png", _encode_png(values[..., None])
            )

    def _improved_depth(
        self, depth_m: Float32[np.ndarray, "h w"], frame: Frame
    ) -> UInt16[np.ndarray, "h w"]:
        rng = np.random.default_rng([self.seed, frame.index, frame.camera])
        is_kept = rng.random(depth_m.shape) < self.depth_share
        is_near = depth_m <= RANGE_M
        return _to_units(depth_m * (is_kept & is_near), KITTI_UNITS_PER_METRE)


def frame_key(frame: Frame, seed: int) -> PRNGKeyArray:
    """Returns the key of the scene that all cameras see in a frame."""
    key = jax.random.key(seed)
    for number in (frame.date.replace("_", ""), frame.drive, frame.index):
        key = jax.random.fold_in(key, int(number))
    return key


def write_kitti(
    root: str | Path,
    all_frames: Iterable[Frame],
    *,
    height: int,
    width: int,
    **options: Any,
) -> None:
    """Writes a KITTI folder of street scenes.

    Args:
      root: folder to write to.
      all_frames: of the Eigen split's drives.
      height: rows of the images.
      width: columns of the images.
      **options: further attributes of `KittiWriter`.
    """
    KittiWriter(Path(root), height, width, **options).write(all_frames)


def write_synthia(
    root: str | Path,
    count: int,
    *,
    height: int,
    width: int,
    seed: int = 0,
    nested_depth: bool = False,
) -> None:
    """Writes a SYNTHIA-RAND-CITYSCAPES folder of street scenes.

    Args:
      root: folder to write to.
      count: frames, numbered from 0.
      height: rows of the images.
      width: columns of the images.
      seed: another seed, other streets.
      nested_depth: writes to `Depth/Depth`, as some archives unpack.
    """
    root = Path(root)
    depth_folder = root / ("Depth/Depth" if nested_depth else "Depth")
    for index in range(count):
        key = jax.random.fold_in(jax.random.key(seed), index)
        image, depth_m = (np.asarray(array) for array in render(key, height, width))
        values = _to_units(depth_m, SYNTHIA_UNITS_PER_METRE)
        values[depth_m == 0] = SYNTHIA_SKY
        name = f"{index:07d}.png"
        atomic.write(root / "RGB" / name, encode_image(image))
        atomic.write(
            depth_folder / name, _encode_png(np.repeat(values[..., None], 3, -1))
        )


def write_pairs(
    root: str | Path,
    count: int,
    *,
    height: int,
    width: int,
    seed: int = 0,
    world: str = "streets",
) -> None:
    """Writes a folder of images and depth maps, with `pairs.jsonl` that lists them.

    The lines name no split: `manifest.read_manifest` has every tenth image test, and
    every tenth validate.

    Args:
      root: folder to write to.
      count: images, numbered from 0.
      height: rows of the images.
      width: columns of the images.
      seed: another seed, other streets.
      world: one of `worlds.WORLDS`.
    """
    root, lines = Path(root), []
    source = StreetsSource("train", count, height, width, seed, world)
    for index in range(count):
        example = source.read(index)
        values = _to_units(example.depth_m, KITTI_UNITS_PER_METRE)
        files = {kind: f"{kind}/{index:06d}.png" for kind in ("image", "depth")}
        atomic.write(root / files["image"], encode_image(example.image))
        atomic.write(root / files["depth"], _encode_png(values[..., None]))
        lines.append(json.dumps(files | {"focal_px": example.focal_px}) + "\n")
    atomic.write(root / "pairs.jsonl", "".join(lines))


def _to_units(
    depth_m: Float[np.ndarray, "h w"], units_per_metre: int
) -> UInt16[np.ndarray, "h w"]:
    return np.minimum(np.round(depth_m * units_per_metre), 65535).astype(np.uint16)


def _encode_png(values: UInt16[np.ndarray, "h w c"]) -> bytes:
    """Encodes 16 bits per channel, which Pillow cannot do for three of them."""
    _, encoded = cv2.imencode(".png", values[..., ::-1])  # OpenCV takes BGR
    return encoded.tobytes()
