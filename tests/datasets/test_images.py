import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from deepdepth_jax.datasets.images import read_any_image, read_image
from deepdepth_jax.errors import UserError


def read_any(path):
    return read_any_image(path).image


COLOURS = np.random.default_rng(0).integers(0, 256, (7, 11, 3), np.uint8)


def encode(image, file_format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def assert_refused(path, *words, read=read_image):
    with pytest.raises(UserError) as raised:
        read(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
def test_image_comes_as_it_lies_on_disk(tmp_path, file_format):
    encoded = encode(Image.fromarray(COLOURS), file_format)
    path = tmp_path / "image"
    path.write_bytes(encoded)
    pixels = read_image(path)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (7, 11, 3)
    if file_format == "PNG":
        np.testing.assert_array_equal(pixels, COLOURS)
    else:  # OpenCV's decoder is another copy of the same library
        decoded = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
        np.testing.assert_array_equal(pixels, decoded[..., ::-1])


@pytest.mark.parametrize(
    "image",
    [Image.fromarray(COLOURS).quantize(16), Image.fromarray(COLOURS).convert("RGBA")],
    ids=["palette", "opaque alpha"],
)
def test_palette_and_opaque_alpha_decode_to_the_same_colours(tmp_path, image):
    path = tmp_path / "image.png"
    path.write_bytes(encode(image))
    np.testing.assert_array_equal(read_image(path), image.convert("RGB"))


@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
@pytest.mark.parametrize("kept", [0.95, 0.5])
def test_truncated_image_is_named(tmp_path, file_format, kept):
    encoded = encode(Image.fromarray(COLOURS), file_format)
    path = tmp_path / "image"
    path.write_bytes(encoded[: int(kept * len(encoded))])
    assert_refused(path, "cut off")


def test_image_cut_off_in_its_header_is_named(tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(encode(Image.fromarray(COLOURS))[:20])
    assert_refused(path, "cut off")


def test_damaged_pixels_are_noticed(tmp_path):
    encoded = bytearray(encode(Image.fromarray(COLOURS)))
    encoded[len(encoded) // 2] ^= 0xFF
    path = tmp_path / "image.png"
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
        (tf.io.encode_png(COLOURS.astype(np.uint16)).numpy(), "16 bits per channel"),
    ],
)
def test_what_is_no_colour_image_is_refused(tmp_path, content, words):
    path = tmp_path / "image.png"
    path.write_bytes(content)
    assert_refused(path, words)


def test_transparency_is_refused(tmp_path):
    opaque_but_one = Image.fromarray(COLOURS).convert("RGBA")
    opaque_but_one.putpixel((3, 2), (10, 20, 30, 254))
    path = tmp_path / "image.png"
    path.write_bytes(encode(opaque_but_one))
    assert_refused(path, "transparent")


def test_a_missing_image_is_named(tmp_path):
    assert_refused(tmp_path / "none.png", "No such file")
    assert_refused(tmp_path / "none.png", "No such file", read=read_any)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1", "LA"])
def test_any_mode_becomes_rgb(tmp_path, mode):
    path = tmp_path / f"image.{'jpg' if mode == 'CMYK' else 'png'}"
    Image.fromarray(COLOURS).convert(mode).save(path)
    image = read_any(path)
    assert image.shape == COLOURS.shape
    assert image.dtype == np.uint8


def test_a_palette_with_transparent_colours_becomes_rgb(tmp_path):
    palette = Image.fromarray(COLOURS).quantize(16)
    path = tmp_path / "image.png"
    palette.save(path, transparency=bytes([0, 128]))
    np.testing.assert_array_equal(read_any(path), palette.convert("RGB"))
    assert_refused(path, "transparent")


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(10))
def test_an_image_is_turned_as_its_tag_says(tmp_path, suffix, orientation):
    path = tmp_path / f"image.{suffix}"
    Image.fromarray(COLOURS).save(path, exif=tagged(orientation))
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    if orientation == 6 and suffix in ("png", "tif"):
        np.testing.assert_array_equal(expected, np.rot90(COLOURS, -1))
    np.testing.assert_array_equal(read_any(path), expected)
    if suffix in ("jpg", "png"):
        np.testing.assert_array_equal(read_image(path), expected)


def test_a_tag_behind_the_pixels_of_a_png_counts(tmp_path):
    content = encode(Image.fromarray(COLOURS), exif=tagged(6))
    tag_at, end = content.index(b"eXIf") - 4, content.index(b"IEND") - 4
    size = 12 + struct.unpack_from(">I", content, tag_at)[0]
    chunk = content[tag_at : tag_at + size]
    moved = content[:tag_at] + content[tag_at + size : end] + chunk + content[end:]
    path = tmp_path / "image.png"
    path.write_bytes(moved)
    for read in (read_image, read_any):
        np.testing.assert_array_equal(read(path), np.rot90(COLOURS, -1))


def test_a_damaged_field_beside_the_tag_does_no_harm(tmp_path):
    """A width (0x0100) that is a text."""
    fields = struct.pack(">HHHI4s", 2, 0x0100, 2, 2, b"a")
    fields += struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    exif = b"Exif\0\0MM\0*" + struct.pack(">I", 8) + fields + bytes(4)
    path = tmp_path / "image.png"
    Image.fromarray(COLOURS).save(path, exif=exif)
    for read in (read_image, read_any):
        np.testing.assert_array_equal(read(path), np.rot90(COLOURS, -1))


def tagged(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\nrest"])
def test_a_file_that_is_no_image_is_named(tmp_path, content):
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    assert_refused(path, read=read_any)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_an_image_that_is_cut_off_is_named(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.tile(COLOURS, (20, 20, 1))).save(path)
    path.write_bytes(path.read_bytes()[:-700])
    assert_refused(path, "cut off", read=read_any)


def test_a_checksum_of_a_png_that_fails_is_noticed(tmp_path):
    """The pixels could be decoded all the same, and would be wrong."""
    content = bytearray(encode(Image.fromarray(COLOURS)))
    content[content.index(b"IEND") - 5] ^= 0xFF  # of the pixels' checksum
    path = tmp_path / "a.png"
    path.write_bytes(content)
    for read in (read_image, read_any):
        assert_refused(path, "cut off", read=read)


def test_a_png_that_declares_terabytes_is_refused(tmp_path):
    content = encode(Image.fromarray(COLOURS))
    header = struct.pack(">II", 2**20, 2**20) + content[24:29]
    checksum = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    path = tmp_path / "a.png"
    path.write_bytes(content[:16] + header + checksum + content[33:])
    for read in (read_image, read_any):
        assert_refused(path, "cannot be decoded", read=read)


@pytest.mark.parametrize(
    ("name", "dtype", "bits"),
    [("a.png", np.uint16, 16), ("a.tif", np.float32, 32), ("b.tif", np.int32, 32)],
)
def test_depth_is_no_image(tmp_path, name, dtype, bits):
    path = tmp_path / name
    Image.fromarray(np.full((5, 6), 1000, dtype)).save(path)
    assert_refused(path, f"one channel of {bits} bits, like a depth map", read=read_any)


@pytest.mark.parametrize("name", ["a.avif", "a.jpg", "a.png", "a.webp"])
def test_a_damaged_image_of_any_format_is_named(tmp_path, name):
    path = tmp_path / name
    noise = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=rf"{path}: cannot be decoded"):
        read_any_image(path)
