import pytest

from deepdepth_jax.datasets.kitti.eigen import Frame
from deepdepth_jax.datasets.kitti.layout import Layout
from deepdepth_jax.errors import UserError

FRAME = Frame("2011_09_26", "0001", 2, 5)


@pytest.mark.parametrize("days", ["", "raw"])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize(
    "annotated",
    ["train", "val", "data_depth_annotated/train", "data_depth_annotated/val"],
)
def test_files_are_found_in_every_layout(kitti, days, suffix, annotated):
    kitti.days, kitti.suffix, kitti.annotated = days, suffix, annotated
    kitti.write_image(FRAME)
    kitti.write_depth(FRAME)
    kitti.write_sweep(FRAME)
    kitti.write_calibration(FRAME)
    layout = Layout(kitti.root)
    assert layout.images(FRAME) == {5: kitti.image_path(FRAME)}
    assert layout.improved_depths(FRAME) == {5: kitti.depth_path(FRAME)}
    assert layout.sweeps(FRAME) == {5: kitti.sweep_path(FRAME)}
    assert layout.calibration_folder(FRAME) == kitti.calib_folder(FRAME)


def test_files_of_other_drives_and_cameras_are_not_taken(kitti):
    kitti.write_image(FRAME)
    kitti.write_depth(FRAME)
    layout = Layout(kitti.root)
    for other in (
        Frame("2011_09_26", "0001", 3, 5),
        Frame("2011_09_26", "0005", 2, 5),
        Frame("2011_09_28", "0001", 2, 5),
    ):
        assert layout.images(other) == {}
        assert layout.improved_depths(other) == {}
    assert layout.sweeps(FRAME) == {}
    assert layout.calibration_folder(FRAME) is None


def test_png_goes_before_jpeg(kitti):
    kitti.suffix = ".jpg"
    kitti.write_image(FRAME)
    kitti.suffix = ".png"
    kitti.write_image(FRAME)
    assert Layout(kitti.root).images(FRAME) == {5: kitti.image_path(FRAME)}


def test_a_drive_may_be_annotated_in_train_and_val(kitti):
    later = Frame("2011_09_26", "0001", 2, 6)
    kitti.write_image(FRAME)
    kitti.annotated = "train"
    kitti.write_depth(FRAME)
    in_train = kitti.depth_path(FRAME)
    kitti.annotated = "val"
    kitti.write_depth(later)
    found = Layout(kitti.root).improved_depths(FRAME)
    assert found == {5: in_train, 6: kitti.depth_path(later)}


def test_other_files_are_passed_over(kitti):
    folder = kitti.write_image(FRAME).parent
    for name in ("0000000006.png.part", "0000000006.txt", "._0000000006.png"):
        (folder / name).touch()
    assert set(Layout(kitti.root).images(FRAME)) == {5}


def test_missing_root_is_named_with_its_field(tmp_path):
    with pytest.raises(UserError) as raised:
        Layout(tmp_path / "none")
    message = str(raised.value)
    assert message.startswith(f"data.root = {tmp_path / 'none'}: is not a folder")
    assert "\n" not in message


def test_root_without_a_day_of_kitti_is_named_with_what_is_expected(tmp_path):
    (tmp_path / "2011_09_26_drive_0001_sync").mkdir()
    with pytest.raises(UserError) as raised:
        Layout(tmp_path)
    message = str(raised.value)
    assert message.startswith(f"data.root = {tmp_path}: holds no day of KITTI")
    assert "2011_09_26/2011_09_26_drive_0001_sync/image_02/data" in message
