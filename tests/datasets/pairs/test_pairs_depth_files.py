import io
import pickle
import sys
import zipfile

import cv2
import numpy as np
import OpenEXR
import pytest
import tensorflow as tf
from PIL import Image

from deepdepth_jax.datasets.pairs.depth_files import DEPTH_SUFFIXES, read_depth
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime.installation import install_command

HEIGHT, WIDTH = 5, 7
DEPTH_M = np.random.default_rng(0).uniform(0.5, 80, (HEIGHT, WIDTH)).astype(np.float32)
DEPTH_MM = np.linspace(1, 65_535, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
DEPTH_MM = DEPTH_MM.astype(np.uint16)


def read(path, unit_m):
    return read_depth(path, unit_m, lambda size: None)


def encode_png(values):
    return tf.io.encode_png(values).numpy()


def encode_npy(values):
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def encode_npz(save=np.savez, **arrays):
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


def encode_tiff(values, compression=None, **options):
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "TIFF", compression=compression, **options)
    return buffer.getvalue()


def encode_tiff_by_opencv(values):
    return cv2.imencode(".tiff", values)[1].tobytes()


def encode_exr(tmp_path, channels, parts=1):
    header = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
    }
    listed = [
        OpenEXR.Part(header | {"name": str(index)}, channels) for index in range(parts)
    ]
    path = tmp_path / "written.exr"
    with OpenEXR.File(listed) as file:
        file.write(str(path))
    return path.read_bytes()


def write(path, content):
    path.write_bytes(content)
    return path


def assert_refused(path, *words):
    with pytest.raises(UserError) as raised:
        read(path, 1.0)
    message = str(raised.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.npy", encode_npy(DEPTH_M)),
        ("d.npy", encode_npy(DEPTH_M.astype(">f4"))),
        ("d.npy", encode_npy(np.asfortranarray(DEPTH_M))),
        ("d.npy", encode_npy(DEPTH_M.astype(np.float64))),
        ("d.NPY", encode_npy(DEPTH_M[..., None])),
        ("d.npz", encode_npz(values=DEPTH_M)),
        ("d.npz", encode_npz(np.savez_compressed, depth=DEPTH_M, mask=DEPTH_M > 1)),
        ("d.tif", encode_tiff(DEPTH_M)),
        ("d.tiff", encode_tiff(DEPTH_M, "tiff_lzw")),
        ("d.TIFF", encode_tiff(DEPTH_M, "tiff_adobe_deflate")),
        ("d.tif", encode_tiff_by_opencv(DEPTH_M.astype(np.float64))),
        (
            "d.tif",
            encode_tiff(DEPTH_M, save_all=True, append_images=[Image.new("F", (7, 5))]),
        ),
    ],
)
def test_floats_come_back_exactly(tmp_path, name, content):
    depth_m = read(write(tmp_path / name, content), 1.0)
    assert depth_m.dtype == np.float32
    np.testing.assert_array_equal(depth_m, DEPTH_M)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint32])
@pytest.mark.parametrize("name", ["Z", "Y", "R", "ViewLayer.Depth.Z"])
def test_openexr_comes_back_exactly(tmp_path, name, dtype):
    values = DEPTH_M.astype(dtype)
    path = write(tmp_path / "d.exr", encode_exr(tmp_path, {name: values}))
    np.testing.assert_array_equal(read(path, 1.0), values.astype(np.float32))


def test_openexr_with_colours_has_depth_in_z(tmp_path):
    channels = {"RGB": np.dstack([DEPTH_M + 1] * 3), "Z": DEPTH_M}
    path = write(tmp_path / "d.exr", encode_exr(tmp_path, channels))
    np.testing.assert_array_equal(read(path, 1.0), DEPTH_M)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.png", encode_png(DEPTH_MM[..., None])),
        ("d.tif", encode_tiff(DEPTH_MM)),
        ("d.tif", encode_tiff(DEPTH_MM, "tiff_lzw")),
        ("d.npy", encode_npy(DEPTH_MM)),
        ("d.npy", encode_npy(DEPTH_MM.astype(np.int64))),
        ("d.npz", encode_npz(depth=DEPTH_MM)),
    ],
)
@pytest.mark.parametrize("divisor", [1000, 256, 100])
def test_units_are_rounded_once(tmp_path, name, content, divisor):
    depth_m = read(write(tmp_path / name, content), 1 / divisor)
    nearest = [[np.float32(int(v) / divisor) for v in row] for row in DEPTH_MM]
    np.testing.assert_array_equal(depth_m, np.asarray(nearest))


def test_all_16_bit_values_come_as_division_gives_them(tmp_path):
    values = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
    path = write(tmp_path / "d.png", encode_png(values[..., None]))
    np.testing.assert_array_equal(
        read(path, 0.001), values.astype(np.float32) / np.float32(1000)
    )


def test_what_is_no_depth_becomes_0(tmp_path):
    values = np.array([[0, -1, np.nan, np.inf, -np.inf, -9999, 2.5, 1e308, -1e308]])
    for encoded in (encode_npy(values), encode_npy(values.astype(">f8"))):
        depth_m = read(write(tmp_path / "d.npy", encoded), 1000.0)
        np.testing.assert_array_equal(depth_m, [[0, 0, 0, 0, 0, 0, 2500, 0, 0]])
    integers = np.array([[-(2**15), -1, 0, 1]], np.int16)
    depth_m = read(write(tmp_path / "d.npy", encode_npy(integers)), 0.5)
    np.testing.assert_array_equal(depth_m, [[0, 0, 0, 0.5]])


def test_tags_of_a_geotiff_are_no_news(tmp_path, capfd):
    content = encode_tiff(DEPTH_M, tiffinfo={33550: (1.0, 1.0, 0.0)})
    np.testing.assert_array_equal(
        read(write(tmp_path / "d.tif", content), 1.0), DEPTH_M
    )
    assert_refused(write(tmp_path / "cut.tif", content[:-50]), "cannot be decoded")
    assert capfd.readouterr().err == ""


def edge_of(values):
    return values[: HEIGHT // 2].ravel()


BYTES = DEPTH_M.astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("d.png", encode_png(BYTES[..., None]), ["8 bits"]),
        ("d.npy", encode_npy(BYTES), ["8 bits", "original"]),
        ("d.npy", encode_npy(BYTES.astype(np.int8)), ["8 bits"]),
        ("d.npz", encode_npz(depth=BYTES), ["8 bits"]),
        ("d.tif", encode_tiff(BYTES), ["8 bits"]),
        ("d.npy", encode_npy(DEPTH_M > 1), ["type bool", "float32"]),
        ("d.npy", encode_npy(DEPTH_M.astype(np.complex64)), ["type complex64"]),
        ("d.npy", encode_npy(DEPTH_M.astype("U5")), ["type <U5"]),
        ("d.npy", encode_npy(edge_of(DEPTH_M)), ["shape (14,)"]),
        ("d.npy", encode_npy(np.float32(3)), ["shape ()"]),
        ("d.npy", encode_npy(np.dstack([DEPTH_M] * 3)), ["shape (5, 7, 3)"]),
        ("d.npy", encode_npy(DEPTH_M[None]), ["shape (1, 5, 7)"]),
        ("d.npy", encode_npy(DEPTH_M[..., None, None]), ["shape (5, 7, 1, 1)"]),
        (
            "d.tif",
            encode_tiff_by_opencv(np.dstack([DEPTH_MM] * 3)),
            ["shape (5, 7, 3)"],
        ),
        ("d.png", encode_png(np.dstack([DEPTH_MM] * 3)), ["16-bit grey PNG"]),
        ("d.npz", encode_npz(a=DEPTH_M, b=DEPTH_M), ["'a', 'b'", "'depth'"]),
        ("d.npz", encode_npz(), ["nothing", "'depth'"]),
    ],
)
def test_what_is_no_depth_map_is_refused(tmp_path, name, content, words):
    assert_refused(write(tmp_path / name, content), *words)


@pytest.mark.parametrize(
    ("channels", "parts", "words"),
    [
        ({"RGB": np.dstack([DEPTH_M] * 3)}, 1, ["'R'", "'Z'"]),
        ({"near": DEPTH_M, "far": DEPTH_M}, 1, ["'far'", "'near'", "'Z'"]),
        ({"Z": DEPTH_M}, 2, ["2 readable parts"]),
    ],
)
def test_openexr_that_leaves_a_choice_is_refused(tmp_path, channels, parts, words):
    content = encode_exr(tmp_path, channels, parts)
    assert_refused(write(tmp_path / "d.exr", content), *words)


class Planted:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_pickles_are_refused_and_do_not_run(tmp_path, suffix):
    trace = tmp_path / "trace"
    objects = np.array([[Planted(str(trace))]], object)
    pickled = [pickle.dumps(Planted(str(trace))), encode_npy(objects)]
    for content in [*pickled, encode_npz(depth=objects)]:
        path = write(tmp_path / f"d{suffix}", content)
        assert_refused(path, "pickled objects", "numpy.save")
    assert not trace.exists()


@pytest.mark.parametrize("kept", [0, 0.02, 0.5, 0.95])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.png", encode_png(DEPTH_MM[..., None])),
        ("d.npy", encode_npy(DEPTH_M)),
        ("d.npz", encode_npz(depth=DEPTH_M)),
        ("d.tif", encode_tiff(DEPTH_M)),
        ("d.tif", encode_tiff(DEPTH_MM, "tiff_lzw")),
    ],
)
def test_files_that_are_cut_off_are_refused(tmp_path, name, content, kept):
    path = write(tmp_path / name, content[: int(kept * len(content))])
    assert_refused(path)


@pytest.mark.parametrize("kept", [0, 0.02, 0.5, 0.95])
def test_openexr_that_is_cut_off_is_refused(tmp_path, kept):
    content = encode_exr(tmp_path, {"Z": DEPTH_M})
    path = write(tmp_path / "d.exr", content[: int(kept * len(content))])
    assert_refused(path, "copy")


def test_openexr_with_a_broken_header_is_refused(tmp_path):
    content = encode_exr(tmp_path, {"Z": DEPTH_M})
    content = content.replace(b"screenWindowWidth", b"\xff" * 17)
    assert_refused(write(tmp_path / "d.exr", content), "cannot be read as OpenEXR")


def zip_members(**texts):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
    return buffer.getvalue()


NPY = encode_npy(DEPTH_M)
NPZ = encode_npz(np.savez_compressed, depth=DEPTH_M)
CENTRAL_HEADER = NPZ.index(b"PK\1\2")  # of the zip's directory, in which flags are at 8


def change(content, position, value):
    return content[:position] + bytes([value]) + content[position + 1 :]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (NPY.replace(b"(5, 7)", b"((5, 7"), "broken"),
        (NPY.replace(b"<f4", b"<x4"), "broken"),
        (NPY.replace(b"<f4", b",f4"), "broken"),
        (NPY.replace(b" 'shape'", b"b'shape'"), "broken"),
        (NPY.replace(b"(5, 7)", b"(5,70)"), "broken"),
        (change(NPZ, len(NPZ) // 2, NPZ[len(NPZ) // 2] ^ 0xFF), "broken"),
        (change(NPZ, 29, 255), "broken"),  # says that values begin beyond the end
        # Says that the member is encrypted; that it needs a later version of zip.
        (change(NPZ, CENTRAL_HEADER + 8, 1), "broken"),
        (change(NPZ, CENTRAL_HEADER + 6, 255), "broken"),
        (zip_members(depth="2.5 m"), "broken"),
    ],
)
def test_damaged_numpy_files_are_refused(tmp_path, content, words):
    assert_refused(write(tmp_path / "d.npz", content), words)


@pytest.mark.parametrize("suffix", DEPTH_SUFFIXES)
def test_missing_and_foreign_files_are_named(tmp_path, suffix):
    assert_refused(tmp_path / f"none{suffix}")
    assert_refused(write(tmp_path / f"d{suffix}", b"<html>not found</html>"))


def test_without_openexr_the_extra_is_named(tmp_path, monkeypatch):
    path = write(tmp_path / "d.exr", encode_exr(tmp_path, {"Z": DEPTH_M}))
    monkeypatch.setitem(sys.modules, "OpenEXR", None)  # as if not installed
    assert_refused(path, install_command("exr"))
