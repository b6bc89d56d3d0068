"""Files of a few bytes that declare terabytes, and zips that hold them."""

import io
import struct
import tracemalloc
import zipfile
import zlib

import cv2
import numpy as np
import OpenEXR
import pytest
import tensorflow as tf

from deepdepth_jax.datasets.pairs.depth_files import read_depth
from deepdepth_jax.errors import UserError

SIDE = 2**20
SMALL = np.ones((5, 7), np.uint16)
LIMIT_BYTES = 20 * 2**20


def npy_header(shape, dtype="<f4"):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": dtype, "fortran_order": False, "shape": shape}
    )
    return buffer.getvalue()


def npz(member, name="depth.npy"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, member)
    return buffer.getvalue()


def png(width, height):
    encoded = tf.io.encode_png(SMALL[..., None]).numpy()
    header = b"IHDR" + struct.pack(">II", width, height) + encoded[24:29]
    return encoded[:12] + header + struct.pack(">I", zlib.crc32(header)) + encoded[33:]


def tiff(**tags):
    """Sets tags of a small TIFF in its directory, by their numbers."""
    encoded = bytearray(cv2.imencode(".tiff", SMALL)[1])
    [start] = struct.unpack_from("<I", encoded, 4)
    [count] = struct.unpack_from("<H", encoded, start)
    entries = {}
    for index in range(count):
        entry = bytes(encoded[start + 2 + 12 * index :][:12])
        entries[struct.unpack_from("<H", entry)[0]] = entry
    for name, value in tags.items():
        tag = int(name.removeprefix("tag"))
        entries[tag] = struct.pack("<HHII", tag, 4, 1, value)
    struct.pack_into("<I", encoded, 4, len(encoded))
    listed = b"".join(entry for _, entry in sorted(entries.items()))
    return bytes(encoded) + struct.pack("<H", len(entries)) + listed + bytes(4)


def exr(tmp_path, width, height):
    path = tmp_path / "small.exr"
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {"Z": SMALL.astype(np.float32)}) as file:
        file.write(str(path))
    content = path.read_bytes()
    at = content.index(b"dataWindow\0box2i\0") + len(b"dataWindow\0box2i\0") + 4
    window = struct.pack("<iiii", 0, 0, width - 1, height - 1)
    return content[:at] + window + content[at + 16 :]


HUGE = {
    "d.npy": npy_header((SIDE, SIDE)),
    "d.npz": npz(npy_header((SIDE, SIDE))),
    "d.png": png(SIDE, SIDE),
    "d.tif": tiff(tag256=SIDE, tag257=SIDE, tag278=SIDE),
}


@pytest.mark.parametrize("name", [*HUGE, "d.exr"])
def test_what_a_file_declares_is_checked_before_it_is_allocated(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(HUGE.get(name) or exr(tmp_path, SIDE, SIDE))

    def check_size(size):
        raise UserError(f"{path}: declares {size}")

    tracemalloc.start()
    with pytest.raises(UserError) as raised:
        read_depth(path, 1.0, check_size)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert str(raised.value) == f"{path}: declares {(SIDE, SIDE)}"
    assert peak_bytes < LIMIT_BYTES


def bounded(path):
    def check_size(size):
        if size != (5, 7):
            raise UserError(f"{path}: declares {size}")

    tracemalloc.start()
    try:
        return read_depth(path, 1.0, check_size), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_of_a_zip_that_unpacks_to_more_only_the_array_is_unpacked(tmp_path):
    path = tmp_path / "d.npz"
    path.write_bytes(npz(npy_header((5, 7)) + bytes(100 * 2**20)))
    depth_m, peak_bytes = bounded(path)
    np.testing.assert_array_equal(depth_m, np.zeros((5, 7)))
    assert peak_bytes < LIMIT_BYTES


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (npy_header((5, 7), "<U100000000"), "type"),
        (npy_header((5, 7), "|V2000000000"), "type"),
        (npy_header((5, 7, SIDE, SIDE)), "shape"),
        (npy_header((5, 7)), "broken"),
        (npy_header((-5, 7)), "declares"),
        (npy_header((0, 0)), "declares"),
    ],
)
def test_headers_that_declare_anything_else_are_refused(tmp_path, content, says):
    path = tmp_path / "d.npy"
    path.write_bytes(content)
    with pytest.raises(UserError, match=says):
        bounded(path)


@pytest.mark.parametrize(
    "content",
    [
        tiff(tag277=60_000),  # samples a pixel
        tiff(tag322=2**24, tag323=2**24, tag324=8, tag325=70),  # a tile
    ],
)
def test_tiffs_whose_parts_are_huge_are_refused(tmp_path, content):
    path = tmp_path / "d.tif"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"d\.tif: "):
        bounded(path)


def test_a_strip_may_declare_more_rows_than_the_image_has(tmp_path):
    path = tmp_path / "d.tif"
    path.write_bytes(tiff(tag278=2**32 - 1))
    np.testing.assert_array_equal(bounded(path)[0], SMALL)


def npy():
    return npy_header(SMALL.shape, "<u2") + SMALL.tobytes()


@pytest.mark.parametrize("name", ["d.npy", "d.npz", "d.png", "d.tif", "d.exr"])
def test_bytes_that_change_at_random_end_in_a_map_or_in_one_line(tmp_path, name):
    path = tmp_path / name
    small = {"npy": npy(), "npz": npz(npy()), "png": png(7, 5), "tif": tiff()}
    content = small.get(path.suffix[1:]) or exr(tmp_path, 7, 5)
    rng = np.random.default_rng(0)
    for index in range(300):
        changed = bytearray(content)
        for place in rng.integers(0, len(content), rng.integers(1, 4)):
            changed[place] = rng.choice([0, 1, 255, rng.integers(256)])
        kept = rng.integers(len(content)) if index % 9 == 0 else len(content)
        path.write_bytes(changed[:kept])
        try:
            depth_m, _ = bounded(path)
        except UserError as error:
            assert str(error).startswith(f"{path}: ")
            assert "\n" not in str(error)
        else:
            assert depth_m.shape == (5, 7)
