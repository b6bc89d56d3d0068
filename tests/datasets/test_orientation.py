import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from deepdepth_jax.datasets.alignment import describe_turns, require_same_size
from deepdepth_jax.datasets.depth_png import read_depth_png
from deepdepth_jax.datasets.images import read_any_image
from deepdepth_jax.datasets.orientation import orientation_of, read_tiff_tags
from deepdepth_jax.datasets.pairs.depth_files import read_depth
from deepdepth_jax.errors import UserError

VALUES = np.arange(1, 36, dtype=np.uint16).reshape(5, 7) * 300
ORIENTATIONS = range(10)


def turned(values, orientation):
    """Turns values as Pillow turns an image."""
    image = Image.fromarray(values.astype(np.int32))
    image.getexif()[0x0112] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def with_chunk(png, kind, body):
    """Inserts a chunk behind a PNG's header."""
    chunk = struct.pack(">I", len(body)) + kind + body
    chunk += struct.pack(">I", zlib.crc32(kind + body))
    return png[:33] + chunk + png[33:]


def with_tiff_tag(tiff, tag, value):
    """Gives a TIFF another directory, in which a tag has another value."""
    [start] = struct.unpack_from("<I", tiff, 4)
    [count] = struct.unpack_from("<H", tiff, start)
    entries = [tiff[start + 2 + 12 * i :][:12] for i in range(count)]
    entries = [e for e in entries if struct.unpack_from("<H", e)[0] != tag]
    entries.append(struct.pack("<HHII", tag, 4, 1, value))
    entries.sort(key=lambda entry: struct.unpack_from("<H", entry)[0])
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return tiff[:4] + struct.pack("<I", len(tiff)) + tiff[8:] + directory


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_grey_depth_png_is_turned_as_its_tag_says(tmp_path, orientation):
    path = tmp_path / "d.png"
    Image.fromarray(VALUES).save(path, exif=exif(orientation))
    sizes = []
    depth_m = read_depth_png(path, 1, sizes.append)
    np.testing.assert_array_equal(depth_m, turned(VALUES, orientation))
    assert sizes == [depth_m.shape]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_an_rgb_depth_png_is_turned_as_its_tag_says(tmp_path, orientation):
    png = tf.io.encode_png(np.stack([VALUES] * 3, -1)).numpy()
    path = tmp_path / "d.png"
    path.write_bytes(with_chunk(png, b"eXIf", exif(orientation).tobytes()[6:]))
    depth_m = read_depth_png(path, 1, lambda size: None, channels=3)
    np.testing.assert_array_equal(depth_m, turned(VALUES, orientation))


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_depth_tiff_is_turned_as_its_tag_says(tmp_path, dtype, orientation):
    tiff = cv2.imencode(".tiff", VALUES.astype(dtype))[1].tobytes()
    path = tmp_path / "d.tiff"
    path.write_bytes(with_tiff_tag(tiff, 0x0112, orientation))
    assert orientation_of(path) == orientation
    sizes = []
    depth_m = read_depth(path, 1.0, sizes.append)
    np.testing.assert_array_equal(depth_m, turned(VALUES, orientation))
    assert sizes == [depth_m.shape]


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
@pytest.mark.parametrize("orientation", [0, 1, 6, 8, 9])
def test_the_tag_is_read_of_every_format(tmp_path, name, orientation):
    Image.new("RGB", (7, 5)).save(tmp_path / name, exif=exif(orientation))
    expected = orientation if orientation in (6, 8) else 1
    assert orientation_of(tmp_path / name) == expected


ORIENTATION_3 = struct.pack("<HHIHH", 0x0112, 3, 1, 3, 0)
MAKER_BEYOND_THE_END = struct.pack("<HHII", 0x010F, 2, 100, 90_000)
DAMAGED_EXIF = {
    "a tag before it points nowhere": (2, MAKER_BEYOND_THE_END + ORIENTATION_3, 3),
    "cut off behind it": (9, ORIENTATION_3, 3),
    "given twice": (1, struct.pack("<HHIHH", 0x0112, 3, 2, 3, 3), 3),
    "no number": (1, struct.pack("<HHI4s", 0x0112, 2, 4, b"abc"), 1),
    "no directory": (0, b"", 1),
}


def damaged_exif(count, entries):
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, count) + entries


@pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
@pytest.mark.parametrize("damage", DAMAGED_EXIF)
def test_the_tag_is_read_though_other_tags_are_damaged(tmp_path, name, damage):
    count, entries, expected = DAMAGED_EXIF[damage]
    path = tmp_path / name
    Image.new("RGB", (7, 5)).save(path, exif=damaged_exif(count, entries))
    assert orientation_of(path) == expected
    assert read_any_image(path).image.shape == (5, 7, 3)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
@pytest.mark.parametrize("content", [b"", b"II", b"something else"])
def test_what_is_no_exif_is_no_orientation(tmp_path, name, content):
    path = tmp_path / name
    Image.new("RGB", (7, 5)).save(path, exif=b"Exif\0\0" + content)
    assert orientation_of(path) == 1
    assert read_any_image(path).image.shape == (5, 7, 3)


def test_files_that_cannot_have_a_tag_are_as_stored(tmp_path):
    np.save(tmp_path / "d.npy", VALUES)
    assert orientation_of(tmp_path / "d.npy") == 1


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_tags_of_a_big_tiff_are_read(order):
    magic = b"II+\0" if order == "<" else b"MM\0+"
    tiff = magic + struct.pack(order + "HHQQ", 8, 0, 16, 2)
    tiff += struct.pack(order + "HHQQ", 256, 16, 1, 2**40)
    tiff += struct.pack(order + "HHQHHI", 0x0112, 3, 1, 6, 0, 0)
    assert read_tiff_tags(tiff) == {256: 2**40, 0x0112: 6}


@pytest.mark.parametrize("kept", range(0, 60, 3))
def test_a_tiff_that_is_cut_off_is_named(tmp_path, kept):
    buffer = io.BytesIO()
    Image.fromarray(VALUES).save(buffer, "TIFF")
    path = tmp_path / "d.tif"
    path.write_bytes(buffer.getvalue()[:kept])
    with pytest.raises(UserError, match=r"d\.tif: "):
        read_depth(path, 1.0, lambda size: None)


def test_turns_that_differ_are_described(tmp_path):
    image, depth = tmp_path / "a.jpg", tmp_path / "a.png"
    Image.new("RGB", (7, 5)).save(image, exif=exif(6))
    Image.fromarray(VALUES).save(depth)
    assert describe_turns(image, depth) == (
        "the image is turned 90 degrees clockwise (orientation 6), its depth is as "
        "stored (no orientation)"
    )
    with pytest.raises(UserError) as raised:
        require_same_size(image, (7, 5), depth, (5, 7))
    message = str(raised.value)
    assert f"{image}: is 5 x 7 pixels, its depth {depth} is 7 x 5" in message
    assert "turned 90 degrees clockwise (orientation 6)" in message
    assert "save both upright" in message
    Image.fromarray(VALUES).save(depth, exif=exif(6))
    assert describe_turns(image, depth) == ""


def test_sizes_that_differ_are_named_with_both_files(tmp_path):
    image, depth = tmp_path / "image.png", tmp_path / "depth.png"
    for path in (image, depth):
        Image.new("RGB", (1, 1)).save(path)

    def compare(depth_size):
        require_same_size(image, (375, 1242), depth, depth_size)

    compare((375, 1242))
    with pytest.raises(UserError) as raised:
        compare((352, 1216))
    message = str(raised.value)
    assert f"{image}: is 1242 x 375" in message
    assert f"{depth} is 1216 x 352" in message
    assert "resized or cropped" in message
    for other in ((1242, 375), (375, 1241), (374, 1242)):
        with pytest.raises(UserError):
            compare(other)
