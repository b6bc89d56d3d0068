import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from deepdepth_jax.datasets.files import (
    name_some,
    read_bytes,
    read_depth_png,
    read_image,
    require_same_size,
)
from deepdepth_jax.errors import UserError

COLOURS = np.random.default_rng(0).integers(0, 256, (7, 11, 3), np.uint8)


def encode(picture, file_format="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


def write_png(path, values):
    path.write_bytes(tf.io.encode_png(values).numpy())
    return path


def assert_refused(path, *words, read=read_image):
    with pytest.raises(UserError) as raised:
        read(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
def test_picture_comes_as_it_lies_on_disk(tmp_path, file_format):
    encoded = encode(Image.fromarray(COLOURS), file_format)
    path = tmp_path / "picture"
    path.write_bytes(encoded)
    pixels = read_image(path)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (7, 11, 3)
    decoded = tf.io.decode_image(encoded)
    np.testing.assert_array_equal(pixels, decoded)
    if file_format == "PNG":
        np.testing.assert_array_equal(pixels, COLOURS)


@pytest.mark.parametrize(
    "picture",
    [Image.fromarray(COLOURS).quantize(16), Image.fromarray(COLOURS).convert("RGBA")],
    ids=["palette", "opaque alpha"],
)
def test_palette_and_opaque_alpha_decode_to_the_same_colours(tmp_path, picture):
    path = tmp_path / "picture.png"
    path.write_bytes(encode(picture))
    np.testing.assert_array_equal(read_image(path), picture.convert("RGB"))


@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
@pytest.mark.parametrize("kept", [0.99, 0.5])
def test_truncated_picture_is_named(tmp_path, file_format, kept):
    encoded = encode(Image.fromarray(COLOURS), file_format)
    path = tmp_path / "picture"
    path.write_bytes(encoded[: int(kept * len(encoded))])
    assert_refused(path, "cut off")


def test_picture_cut_off_in_its_header_is_named(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(encode(Image.fromarray(COLOURS))[:20])
    assert_refused(path, "cut off")


def test_damaged_pixels_are_noticed(tmp_path):
    encoded = bytearray(encode(Image.fromarray(COLOURS)))
    encoded[len(encoded) // 2] ^= 0xFF
    path = tmp_path / "picture.png"
    path.write_bytes(encoded)
    assert_refused(path, "cannot be decoded")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>not found</html>", "neither PNG nor JPEG"),
        (encode(Image.fromarray(COLOURS), "BMP"), "neither PNG nor JPEG"),
        (b"", "is empty"),
        (encode(Image.fromarray(COLOURS).convert("L")), "is grey"),
        (encode(Image.fromarray(COLOURS).convert("LA")), "is grey"),
        (encode(Image.fromarray(COLOURS).convert("L"), "JPEG"), "is grey"),
        (tf.io.encode_png(COLOURS.astype(np.uint16)).numpy(), "16 bits a channel"),
    ],
)
def test_what_is_no_colour_picture_is_refused(tmp_path, content, words):
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    assert_refused(path, words)


def test_transparency_is_refused(tmp_path):
    opaque_but_one = Image.fromarray(COLOURS).convert("RGBA")
    opaque_but_one.putpixel((3, 2), (10, 20, 30, 254))
    path = tmp_path / "picture.png"
    path.write_bytes(encode(opaque_but_one))
    assert_refused(path, "transparent")


def test_missing_file_and_folder_are_named(tmp_path):
    assert_refused(tmp_path / "none.png", "No such file")
    assert_refused(tmp_path, "Is a directory", read=read_bytes)


@pytest.mark.parametrize("units_per_metre", [256, 100])
def test_depth_is_exact_over_the_whole_range(tmp_path, units_per_metre):
    values = np.array([[0, 1, 255, 256], [257, 25_600, 0x1234, 65_535]], np.uint16)
    path = write_png(tmp_path / "depth.png", values[..., None])
    depth_m = read_depth_png(path, units_per_metre)
    assert depth_m.dtype == np.float32
    np.testing.assert_array_equal(
        depth_m, values.astype(np.float32) / np.float32(units_per_metre)
    )


def test_rgb_depth_keeps_the_low_byte_that_pillow_drops(tmp_path):
    values = np.array([[0x0100, 0x01FF, 0xFFFF]], np.uint16)
    path = write_png(tmp_path / "depth.png", np.stack([values] * 3, -1))
    depth_m = read_depth_png(path, 100, channels=3)
    np.testing.assert_allclose(depth_m, [[2.56, 5.11, 655.35]], rtol=1e-6)
    assert np.asarray(Image.open(path)).dtype == np.uint8  # the mistake, still there


def test_rgb_depth_with_differing_channels_is_refused(tmp_path):
    values = np.full((2, 3, 3), 700, np.uint16)
    values[1, 2, 2] = 701
    path = write_png(tmp_path / "depth.png", values)
    assert_refused(path, "differ", read=lambda p: read_depth_png(p, 100, channels=3))


@pytest.mark.parametrize("channels", [1, 3])
def test_8_bit_depth_is_refused(tmp_path, channels):
    path = write_png(tmp_path / "depth.png", np.ones((2, 3, channels), np.uint8))
    assert_refused(
        path, "8 bits", read=lambda p: read_depth_png(p, 256, channels=channels)
    )


@pytest.mark.parametrize(("stored", "asked"), [(1, 3), (3, 1), (4, 3), (2, 1)])
def test_depth_with_other_channels_is_refused(tmp_path, stored, asked):
    path = write_png(tmp_path / "depth.png", np.ones((2, 3, stored), np.uint16))
    kind = {1: "grey", 3: "RGB"}[asked]
    assert_refused(
        path, f"not a 16-bit {kind} PNG", read=lambda p: read_depth_png(p, 256, asked)
    )


def test_broken_depth_is_named(tmp_path):
    path = write_png(tmp_path / "depth.png", np.ones((9, 9, 1), np.uint16))
    path.write_bytes(path.read_bytes()[:-20])
    assert_refused(path, "cut off", read=lambda p: read_depth_png(p, 256))
    path.write_bytes(encode(Image.fromarray(COLOURS), "JPEG"))
    assert_refused(path, "not a PNG", read=lambda p: read_depth_png(p, 256))


def test_header_is_read_of_a_png_made_by_hand(tmp_path):
    """Independent of any encoder: one 16-bit grey pixel, chunk by chunk."""

    def chunk(kind, body):
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    path = tmp_path / "depth.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"\x00\x12\x34"))
        + chunk(b"IEND", b"")
    )
    np.testing.assert_array_equal(read_depth_png(path, 1), [[0x1234]])


def test_sizes_that_differ_are_named_with_both_files(tmp_path):
    image, depth = tmp_path / "image.png", tmp_path / "depth.png"

    def compare(depth_shape):
        pixels = np.zeros((375, 1242, 3), np.uint8)
        require_same_size(image, pixels, depth, np.zeros(depth_shape, np.float32))

    compare((375, 1242))
    with pytest.raises(UserError) as raised:
        compare((352, 1216))
    message = str(raised.value)
    assert f"{image}: is 1242 x 375" in message
    assert f"{depth} is 1216 x 352" in message
    for other in ((1242, 375), (375, 1241), (374, 1242)):
        with pytest.raises(UserError):
            compare(other)


def test_reports_name_few_files_in_full_and_of_many_the_first():
    assert name_some(["a", "b", "c"]) == "a, b, c"
    assert name_some(["a", "b", "c", "d"]) == "a and so on"
