import numpy as np
import pytest

from deepdepth_jax.datasets.builder import SourceConfig
from deepdepth_jax.datasets.descriptions import Kitti
from deepdepth_jax.datasets.kitti.eigen import Frame
from deepdepth_jax.datasets.kitti.kitti_source import KittiSource
from deepdepth_jax.errors import UserError

FRAMES = [Frame("2011_09_26", "0005", 2, index) for index in (5, 6, 7)]


def make_builder(kitti, tmp_path, ground_truth):
    for frame in FRAMES:
        kitti.write_image(frame)
        kitti.write_depth(frame)
        kitti.write_sweep(frame)
        kitti.write_calibration(frame)
    source = KittiSource(kitti.root, "val", ground_truth)
    config = SourceConfig.of(source)
    return source, Kitti(
        data_dir=tmp_path / "prepared", config=config, file_format="array_record"
    )


@pytest.mark.parametrize("ground_truth", ["improved", "lidar"])
def test_records_come_back_exactly(kitti, tmp_path, ground_truth):
    source, builder = make_builder(kitti, tmp_path, ground_truth)
    builder.download_and_prepare()
    prepared = builder.as_data_source("val")
    assert len(prepared) == len(FRAMES)
    for index, frame in enumerate(FRAMES):
        example, record = source.read(index), prepared[index]
        assert record["name"].decode() == example.name == frame.name
        np.testing.assert_array_equal(record["depth_m"], example.depth_m)
        np.testing.assert_array_equal(record["image"], example.image)
        assert record["focal_px"] == example.focal_px == 16


def test_a_broken_file_stops_the_preparation_with_its_name(kitti, tmp_path):
    _, builder = make_builder(kitti, tmp_path, "improved")
    path = kitti.depth_path(FRAMES[1])
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match=f"{path}: cannot be decoded"):
        builder.download_and_prepare()
