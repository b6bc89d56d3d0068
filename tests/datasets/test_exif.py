"""Focal lengths from EXIF tags, against cameras whose pixels are known."""

import io
import math
import random

import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from deepdepth_jax.datasets.exif import read_focal_length
from deepdepth_jax.datasets.images import read_any_image

WIDTH, HEIGHT = 403, 302
FILM = "FocalLengthIn35mmFilm"
PLANE = "FocalPlaneXResolution"


def tagged(orientation=None, **tags):
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Maker"
    if orientation is not None:
        exif[ExifTags.Base.Orientation] = orientation
    directory = exif.get_ifd(ExifTags.IFD.Exif)
    directory |= {ExifTags.Base[name]: value for name, value in tags.items()}
    return exif


def encode(exif, size=(WIDTH, HEIGHT), file_format="JPEG"):
    stream = io.BytesIO()
    # As bytes: of an `Exif`, Pillow leaves its directory out of a TIFF.
    Image.new("RGB", size).save(stream, file_format, exif=exif.tobytes())
    return stream.getvalue()


def focal_length(size=(WIDTH, HEIGHT), **tags):
    """Returns the focal length in pixels and the remarks, read back from a file."""
    with Image.open(io.BytesIO(encode(tagged(**tags), size))) as image:
        found = read_focal_length(image)
    return found.focal.in_pixels(*image.size), found.remarks


def resized(width, height, **tags):
    """Returns the tags of an image of this size, after it was resized to ours."""
    return tags | {"ExifImageWidth": width, "ExifImageHeight": height}


# Width, height, focal length in mm and pixels per mm from the makers' data sheets.
# The equivalents are rounded to whole millimetres.
CAMERAS = {
    "iPhone 11, pixels of 1.4 um": (4032, 3024, 4.25, 1 / 0.0014, {FILM: 26}),
    "Nikon D3500, 23.5 mm wide": (6000, 4000, 35.0, 6000 / 23.5, {FILM: 52}),
    "Olympus E-M1, 17.3 mm wide": (4608, 3456, 25.0, 4608 / 17.3, {FILM: 50}),
    "Canon 60D, pixels of 4.3 um": (
        5184,
        3456,
        50.0,
        1 / 0.0043,
        {
            "FocalLength": 50.0,
            PLANE: IFDRational(5184000, 905),
            "FocalPlaneResolutionUnit": 2,
        },
    ),
}


@pytest.mark.parametrize("camera", CAMERAS)
def test_known_cameras(camera):
    width, height, focal_mm, pixels_per_mm, tags = CAMERAS[camera]
    size = (width // 12, height // 12)
    expected_px = focal_mm * pixels_per_mm * size[0] / width
    found_px, remarks = focal_length(size, **resized(width, height, **tags))
    assert found_px == pytest.approx(expected_px, rel=0.05)
    assert not remarks


def test_the_equivalent_is_by_the_diagonal():
    """By the width, 26 mm would be 291 pixels. The camera has 304."""
    found_px, _ = focal_length(**{FILM: 26})
    assert found_px == pytest.approx(26 * math.hypot(WIDTH, HEIGHT) / 43.2666, rel=1e-5)
    assert found_px == pytest.approx(4.25 / 0.0014 * WIDTH / 4032, rel=0.005)


@pytest.mark.parametrize(
    ("unit", "pixels_per_unit"),
    [(None, 2540), (2, 2540), (3, 1000), (4, 100), (5, 0.1)],
)
def test_units_of_the_focal_plane(unit, pixels_per_unit):
    tags = {"FocalLength": 4.0, PLANE: IFDRational(round(pixels_per_unit * 10), 10)}
    if unit is not None:
        tags["FocalPlaneResolutionUnit"] = unit
    assert focal_length(**tags) == (pytest.approx(400), ())


def test_tags_of_the_first_size():
    tags = {"FocalLength": 10.0, PLANE: 2540.0, "FocalPlaneResolutionUnit": 2}
    assert focal_length(**tags)[0] == pytest.approx(1000)
    assert focal_length(**resized(806, 604, **tags))[0] == pytest.approx(500)
    # Turned by a program that left the tags.
    assert focal_length(**resized(604, 806, **tags))[0] == pytest.approx(500)
    own = focal_length(**{FILM: 26})
    assert focal_length(**resized(806, 604, **{FILM: 26})) == own
    assert focal_length(**resized(0, 604, **{FILM: 26})) == own


def test_a_part_of_an_image_has_no_known_focal_length():
    for tags in ({FILM: 26}, {"FocalLength": 10.0, PLANE: 2540.0}):
        found_px, (remark,) = focal_length(**resized(806, 453, **tags))
        assert found_px == 0
        assert "is of a larger image that this one is cut from" in remark


@pytest.mark.parametrize(
    "tags",
    [
        {FILM: 0},
        {FILM: 1},
        {FILM: 65535},
        {FILM: "26"},
        {"FocalLength": 0.0, PLANE: 2540.0},
        {PLANE: 2540.0},
        {"FocalLength": 10.0, PLANE: 0.0},
        {"FocalLength": 10.0, PLANE: IFDRational(1, 0)},
        {"FocalLength": 10.0, PLANE: 2540.0, "FocalPlaneResolutionUnit": 1},
        {"FocalLength": 10.0, PLANE: 1e6},
    ],
)
def test_absurd_tags_are_ignored_with_a_remark(tags):
    found_px, (remark,) = focal_length(**tags)
    assert found_px == 0
    assert remark.startswith((FILM, PLANE))
    assert "leads to no focal length that lenses have" in remark


def test_the_focal_plane_helps_where_the_equivalent_is_unknown():
    tags = {FILM: 0, "FocalLength": 10.0, PLANE: 2540.0}
    found_px, (remark,) = focal_length(**tags)
    assert found_px == pytest.approx(1000)
    assert remark.startswith(FILM)


def test_files_without_tags_have_none():
    assert focal_length() == (0.0, ())
    assert focal_length(FocalLength=10.0) == (0.0, ())


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_turned_images_of_all_formats(tmp_path, file_format, orientation):
    exif = tagged(orientation, FocalLength=10.0, FocalPlaneXResolution=2540.0)
    path = tmp_path / "image"
    path.write_bytes(encode(exif, file_format=file_format))
    found = read_any_image(path)
    is_turned = orientation in (6, 8)
    assert found.image.shape[:2] == ((WIDTH, HEIGHT) if is_turned else (HEIGHT, WIDTH))
    assert found.focal_px == pytest.approx(1000)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, on damaged tags
def test_damaged_tags_do_no_harm():
    data = encode(tagged(**{FILM: 26, "FocalLength": 10.0, PLANE: 2540.0}), (40, 30))
    first, size = data.index(b"Exif\0\0") + 6, 150
    chance = random.Random(0)
    found = 0
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            damaged[first + chance.randrange(size)] = chance.randrange(256)
        try:
            image = Image.open(io.BytesIO(damaged))
            image.getexif()
        except OSError:
            continue  # refused by whoever reads the pixels
        focal_px = read_focal_length(image).focal.in_pixels(*image.size)
        assert np.isfinite(focal_px)
        found += focal_px > 0
    assert found > 50
