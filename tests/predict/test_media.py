import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from deepdepth_jax.errors import UserError
from deepdepth_jax.predict.media import find_sources, read_picture


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def targets(inputs, output):
    return {
        str(source.path.name): source.target.relative_to(output).as_posix()
        for source in find_sources(inputs, output)
    }


def picture(seed=0, height=33, width=47):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_pictures_and_videos_anywhere_below_a_folder(tmp_path):
    touch(
        tmp_path / "in", "b.JPG", "a.png", "deeper/yet/c.MP4", "notes.txt", "d.jpg.bak"
    )
    touch(tmp_path / "in", "drive.mp4/notes.txt")  # a folder
    sources = find_sources([tmp_path / "in"], tmp_path / "out")
    assert [source.target for source in sources] == [
        tmp_path / "out" / name for name in ("a", "b", "deeper/yet/c")
    ]
    assert [source.is_video for source in sources] == [False, False, True]


def test_single_files_of_any_suffix(tmp_path):
    touch(tmp_path, "a.ppm", "folder/b.png")
    inputs = [tmp_path / "a.ppm", tmp_path / "folder" / "b.png"]
    assert targets(inputs, tmp_path / "out") == {"a.ppm": "a", "b.png": "b"}


def test_results_that_would_share_a_name_keep_their_suffix(tmp_path):
    touch(tmp_path / "in", "a.png", "a.jpg", "a.mp4", "b.png", "deeper/a.png")
    sources = find_sources([tmp_path / "in"], Path("out"))
    assert [source.target.as_posix() for source in sources] == [
        "out/a.jpg",
        "out/a.mp4",
        "out/a.png",
        "out/b",
        "out/deeper/a",
    ]


def test_results_that_cannot_be_told_apart_are_refused(tmp_path):
    touch(tmp_path, "one/a.png", "two/a.png")
    inputs = [tmp_path / "one" / "a.png", tmp_path / "two" / "a.png"]
    with pytest.raises(UserError, match=r"one/a\.png and .*two/a\.png would have the"):
        find_sources(inputs, tmp_path / "out")


def test_a_name_with_a_suffix_may_be_another_files_whole_name(tmp_path):
    touch(tmp_path / "in", "a.png", "a.jpg", "a.png.jpg")
    with pytest.raises(
        UserError, match=r"a\.png and .*a\.png\.jpg would have the same"
    ):
        find_sources([tmp_path / "in"], tmp_path / "out")


def test_what_is_given_twice_is_predicted_once(tmp_path):
    touch(tmp_path, "a.png")
    path = tmp_path / "a.png"
    assert targets([path, path], tmp_path / "out") == {"a.png": "a"}


def test_results_of_an_earlier_run_are_no_pictures(tmp_path):
    touch(tmp_path, "a.png", "out/a_color.png", "out/deeper/b_depth.png")
    assert targets([tmp_path], tmp_path / "out") == {"a.png": "a"}
    with pytest.raises(UserError, match="is the folder of the pictures"):
        find_sources([tmp_path], tmp_path)


def test_nothing_to_predict_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        find_sources([tmp_path / "nowhere"], tmp_path / "out")
    touch(tmp_path, "empty/notes.txt")
    with pytest.raises(UserError, match="no pictures and no videos there"):
        find_sources([tmp_path / "empty"], tmp_path / "out")


def test_pictures_of_every_kind_become_rgb(tmp_path):
    for mode in ("L", "RGBA", "P", "CMYK", "1", "LA"):
        suffix = "jpg" if mode == "CMYK" else "png"
        path = tmp_path / f"{mode}.{suffix}"
        Image.fromarray(picture()).convert(mode).save(path)
        image = read_picture(path)
        assert image.shape == (33, 47, 3)
        assert image.dtype == np.uint8


def test_a_picture_is_turned_as_its_camera_says(tmp_path):
    for orientation in range(10):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for suffix in ("png", "tif"):
            path = tmp_path / f"{orientation}.{suffix}"
            Image.fromarray(picture()).save(path, exif=exif)
            with Image.open(path) as image:
                expected = np.asarray(ImageOps.exif_transpose(image))
            np.testing.assert_array_equal(read_picture(path), expected)
    np.testing.assert_array_equal(
        read_picture(tmp_path / "6.png"), np.rot90(picture(), -1)
    )


def test_a_picture_with_a_damaged_field_beside_is_turned(tmp_path):
    """A width (0x0100) that is a text."""
    fields = struct.pack(">HHHI4s", 2, 0x0100, 2, 2, b"a")
    fields += struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    exif = b"Exif\0\0MM\0*" + struct.pack(">I", 8) + fields + bytes(4)
    Image.fromarray(picture()).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(
        read_picture(tmp_path / "turned.png"), np.rot90(picture(), -1)
    )


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\nrest"])
def test_a_file_that_is_no_picture_is_named(tmp_path, content):
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.png: not a picture"):
        read_picture(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_a_truncated_picture_is_named(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(picture(height=200, width=200)).save(path)
    path.write_bytes(path.read_bytes()[:-9000])
    with pytest.raises(UserError, match=rf"a\.{suffix}: not a picture"):
        read_picture(path)


@pytest.mark.parametrize(
    ("name", "dtype", "bits"),
    [("a.png", np.uint16, 16), ("a.tif", np.float32, 32), ("b.tif", np.int32, 32)],
)
def test_depth_is_no_picture(tmp_path, name, dtype, bits):
    Image.fromarray(np.full((5, 6), 1000, dtype)).save(tmp_path / name)
    with pytest.raises(UserError, match=f"one band of {bits} bits, as depth maps have"):
        read_picture(tmp_path / name)
