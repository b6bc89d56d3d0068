import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from deepdepth_jax.datasets.depth_png import read_depth_png
from deepdepth_jax.errors import UserError


def read(path, units_per_metre=256, channels=1):
    return read_depth_png(path, units_per_metre, lambda size: None, channels)


def write_png(path, values):
    path.write_bytes(tf.io.encode_png(values).numpy())
    return path


def assert_refused(path, *words, channels=1):
    with pytest.raises(UserError) as raised:
        read(path, channels=channels)
    message = str(raised.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("units_per_metre", [256, 100])
def test_depth_is_exact_over_the_whole_range(tmp_path, units_per_metre):
    values = np.array([[0, 1, 255, 256], [257, 25_600, 0x1234, 65_535]], np.uint16)
    path = write_png(tmp_path / "depth.png", values[..., None])
    depth_m = read(path, units_per_metre)
    assert depth_m.dtype == np.float32
    np.testing.assert_array_equal(
        depth_m, values.astype(np.float32) / np.float32(units_per_metre)
    )


def test_rgb_depth_keeps_the_low_byte_that_pillow_drops(tmp_path):
    values = np.array([[0x0100, 0x01FF, 0xFFFF]], np.uint16)
    path = write_png(tmp_path / "depth.png", np.stack([values] * 3, -1))
    depth_m = read(path, 100, channels=3)
    np.testing.assert_allclose(depth_m, [[2.56, 5.11, 655.35]], rtol=1e-6)
    assert np.asarray(Image.open(path)).dtype == np.uint8  # the mistake, still there


def test_rgb_depth_with_differing_channels_is_refused(tmp_path):
    values = np.full((2, 3, 3), 700, np.uint16)
    values[1, 2, 2] = 701
    path = write_png(tmp_path / "depth.png", values)
    assert_refused(path, "differ", channels=3)


@pytest.mark.parametrize("channels", [1, 3])
def test_8_bit_depth_is_refused(tmp_path, channels):
    path = write_png(tmp_path / "depth.png", np.ones((2, 3, channels), np.uint8))
    assert_refused(path, "8 bits", channels=channels)


@pytest.mark.parametrize(("stored", "asked"), [(1, 3), (3, 1), (4, 3), (2, 1)])
def test_depth_with_other_channels_is_refused(tmp_path, stored, asked):
    path = write_png(tmp_path / "depth.png", np.ones((2, 3, stored), np.uint16))
    kind = {1: "grey", 3: "RGB"}[asked]
    assert_refused(path, f"not a 16-bit {kind} PNG", channels=asked)


def test_broken_depth_is_named(tmp_path):
    path = write_png(tmp_path / "depth.png", np.ones((9, 9, 1), np.uint16))
    path.write_bytes(path.read_bytes()[:-20])
    assert_refused(path, "cut off")
    Image.new("RGB", (9, 9)).save(path, "JPEG")
    assert_refused(path, "not a PNG")


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
    np.testing.assert_array_equal(read(path, 1), [[0x1234]])
