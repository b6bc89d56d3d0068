import pytest

from deepdepth_jax.datasets.kitti.eigen import Frame, frames, has_annotation
from deepdepth_jax.datasets.kitti.lists import ListedFrame, read_list
from deepdepth_jax.errors import UserError

FRAME = Frame("2011_09_26", "0001", 2, 5)
RIGHT = Frame("2011_09_26", "0001", 3, 5)
DRIVE = "2011_09_26/2011_09_26_drive_0001_sync"
IMAGE = f"{DRIVE}/image_02/data/0000000005"
DEPTH = "2011_09_26_drive_0001_sync/proj_depth/groundtruth/image_02/0000000005.png"


def write_list(folder, *lines):
    path = folder / "list.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def assert_refused(path, line, *problems):
    with pytest.raises(UserError) as raised:
        read_list(path)
    message = str(raised.value)
    assert message.startswith(f"{path}, line {line}: ")
    assert "\n" not in message
    for problem in problems:
        assert problem in message


def as_images(frame):
    """The line of the format with both cameras' images."""
    other = {2: "image_03", 3: "image_02"}[frame.camera]
    left, right = (
        f"{frame.date}/{frame.drive_folder}/{camera}/data/{frame.stem}.jpg"
        for camera in (frame.camera_folder, other)
    )
    return f"{left} {right}"


def as_index_and_side(frame):
    side = {2: "l", 3: "r"}[frame.camera]
    return f"{frame.date}/{frame.drive_folder} {frame.index} {side}"


def as_image_and_depth(frame):
    camera = f"image_{frame.camera:02d}"
    depth = f"{frame.drive_folder}/proj_depth/groundtruth/{camera}/{frame.stem}.png"
    image = f"{frame.date}/{frame.drive_folder}/{camera}/data/{frame.stem}.png"
    return f"{image} {depth if has_annotation(frame) else 'None'} 721.5377"


@pytest.mark.parametrize("write", [as_images, as_index_and_side, as_image_and_depth])
@pytest.mark.parametrize("split", ["val", "test"])
def test_eigens_frames_come_back_from_every_format(tmp_path, write, split):
    written = frames(split, (3, 2))
    listed = read_list(write_list(tmp_path, *map(write, written)))
    assert [entry.frame for entry in listed] == written
    knows_depth = write is as_image_and_depth
    assert [entry.has_depth for entry in listed] == [
        has_annotation(frame) or not knows_depth for frame in written
    ]


@pytest.mark.parametrize(
    ("line", "frame", "has_depth"),
    [
        (f"{IMAGE}.png", FRAME, True),
        (f"{IMAGE}.jpg", FRAME, True),
        (f"  ./{IMAGE}.png\t", FRAME, True),
        (f"/{IMAGE}.png {DEPTH} 721.5377", FRAME, True),
        (f"{IMAGE}.png /{DEPTH} 721.5377", FRAME, True),
        (f"{IMAGE}.png train/{DEPTH} 7.215377e+02", FRAME, True),
        (f"{IMAGE}.png {DEPTH}", FRAME, True),
        (f"{IMAGE}.png None 721", FRAME, False),
        (f"{IMAGE}.jpg None", FRAME, False),
        (f"{IMAGE}.jpg {DRIVE}/image_03/data/0000000005.jpg", FRAME, True),
        (f"{IMAGE}.jpg and what else they write", FRAME, True),
        (f"{IMAGE}.jpg".replace("_02/", "_03/"), RIGHT, True),
        (f"{DRIVE} 5 l", FRAME, True),
        (f"./{DRIVE} 0000000005 r", RIGHT, True),
        (f"/{DRIVE}   5\tr", RIGHT, True),
    ],
)
def test_a_line_is_recognised(tmp_path, line, frame, has_depth):
    path = write_list(tmp_path, line)
    assert read_list(str(path)) == [ListedFrame(frame, f"{path}, line 1", has_depth)]


def test_formats_mix_and_blank_lines_count_as_lines(tmp_path):
    path = tmp_path / "list.txt"
    lines = ["", f"{DRIVE} 7 l", "  ", f"{IMAGE}.png", f"{DRIVE} 7 r", ""]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    listed = read_list(path)
    assert [(entry.frame.index, entry.frame.camera) for entry in listed] == [
        (7, 2),
        (5, 2),
        (7, 3),
    ]
    assert [entry.origin for entry in listed] == [
        f"{path}, line {number}" for number in (2, 4, 5)
    ]


@pytest.mark.parametrize(
    "line",
    [
        "rgb/0000000005.png",
        "# " + IMAGE,
        IMAGE,  # no suffix
        f"{IMAGE}.webp",
        f"{IMAGE}.png.part",
        f"{IMAGE},{DEPTH}",
        f"../{IMAGE}.png",
        f"{DRIVE}/image_02/data/5.png",
        f"{DRIVE}/image_00/data/0000000005.png",
        f"{DRIVE}/image_02/0000000005.png",
        "2011_09_28/2011_09_26_drive_0001_sync/image_02/data/0000000005.png",
        "2011_09_26_drive_0001_sync/image_02/data/0000000005.png",
        "2011_09_26/2011_09_26_drive_0001_extract/image_02/data/0000000005.png",
        DRIVE,
        f"{DRIVE} 5",
        f"{DRIVE} 5 m",
        f"{DRIVE} -5 l",
        f"{DRIVE} 5 l 721.5377",
        f"{DRIVE} l 5",
        "2011_09_28/2011_09_26_drive_0001_sync 5 l",
        "03 5 l",
    ],
)
def test_a_line_of_no_format_is_named_with_what_is_expected(tmp_path, line):
    path = write_list(tmp_path, f"{DRIVE} 4 l", line)
    assert_refused(path, 2, line, "0000000005.png' or ", "_sync 5 l'")


@pytest.mark.parametrize(
    ("depth", "focal_px"),
    [
        (DEPTH.replace("image_02", "image_03"), "721.5377"),
        (DEPTH.replace("0000000005", "0000000006"), "721.5377"),
        (DEPTH.replace("drive_0001", "drive_0002"), ""),
        (DEPTH.replace("png", "jpg"), "721.5377"),
        ("my_depth/0000000005.png", "721.5377"),
        ("my_" + DEPTH, "721.5377"),
        ("none", "7.2e2"),
    ],
)
def test_the_depth_of_another_frame_is_refused(tmp_path, depth, focal_px):
    path = write_list(tmp_path, f"{DRIVE} 4 l", f"{IMAGE}.png {depth} {focal_px}")
    assert_refused(path, 2, f"{depth} is not", f"write {DEPTH}, or None")


@pytest.mark.parametrize(
    "again", [f"{DRIVE} 5 l", f"{IMAGE}.jpg", f"/{IMAGE}.png None 721.5377"]
)
def test_a_frame_is_listed_once(tmp_path, again):
    path = write_list(tmp_path, f"{IMAGE}.png", f"{DRIVE} 6 l", again)
    assert_refused(path, 3, FRAME.name, f"{path}, line 1", "delete one")


@pytest.mark.parametrize("text", [" \n\n", "\t"])
def test_a_list_of_nothing_is_named(tmp_path, text):
    path = tmp_path / "list.txt"
    path.write_text(text)
    with pytest.raises(UserError, match=f"{path}: lists no frame; write"):
        read_list(path)


def test_what_is_no_list_is_named(tmp_path):
    path = tmp_path / "list.txt"
    for problem in ("cannot be read", "is empty"):
        with pytest.raises(UserError, match=f"{path}: {problem}"):
            read_list(path)
        path.touch()
    with pytest.raises(UserError, match=f"{tmp_path}: cannot be read"):
        read_list(tmp_path)
    path.write_bytes(b"\x89PNG" + bytes(range(256)))
    assert_refused(path, 1, "is not a frame")
