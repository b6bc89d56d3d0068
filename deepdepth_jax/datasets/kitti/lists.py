"""Reads lists of KITTI's frames, in the three formats that people have them in."""

import dataclasses
import re
from pathlib import Path

from deepdepth_jax.datasets.files import read_bytes
from deepdepth_jax.datasets.kitti.eigen import Frame
from deepdepth_jax.errors import UserError

EXAMPLES = (
    "'2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0000000005.png' or "
    "'2011_09_26/2011_09_26_drive_0001_sync 5 l'"
)
NO_DEPTH = "None"
CAMERA_OF_SIDE = {"l": 2, "r": 3}

_DRIVE = r"(?P<date>\d{4}_\d\d_\d\d)/(?P=date)_drive_(?P<drive>\d{4})_sync"
_IMAGE = re.compile(
    _DRIVE + r"/image_0(?P<camera>[23])/data/(?P<index>\d{10})\.(?:png|jpg)", re.ASCII
)
_INDEX_AND_SIDE = re.compile(_DRIVE + r" (?P<index>\d{1,10}) (?P<side>[lr])", re.ASCII)
_FOCAL_PX = re.compile(r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?", re.ASCII)


@dataclasses.dataclass(frozen=True)
class ListedFrame:
    """A frame, and where it is said that it belongs to a split.

    Attributes:
      frame: which one.
      origin: file and line, for people to read.
      has_depth: False where the list says that improved depth does not exist for it.
    """

    frame: Frame
    origin: str
    has_depth: bool = True


def read_list(path: str | Path) -> list[ListedFrame]:
    """Reads a list of frames, one a line, in the order of the file.

    Each line is of one of three formats. Blank lines, and "./" or "/" at the start of
    a path, are passed over.

    - `2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0000000005.jpg ...`: the
      first column tells the frame, whether it ends in png or in jpg. Others, such as
      the right image, are not read.
    - `2011_09_26/2011_09_26_drive_0001_sync 5 l`: drive, index, and l for the left
      camera (2) or r for the right one (3).
    - an image as above, its improved depth map or `None`, and the focal length, such
      as `721.5377`. Map and focal length are found without the list.

    Args:
      path: a text file.

    Returns:
      The listed frames, in the order of the file.

    Raises:
      UserError: the file cannot be read or lists nothing. Or a line is of none of these
        formats, names the depth of another frame, or lists a frame again.
    """
    listed: dict[Frame, ListedFrame] = {}
    text = read_bytes(Path(path)).decode("utf-8-sig", "replace")
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        entry = _parse_line(line, f"{path}, line {number}")
        earlier = listed.setdefault(entry.frame, entry)
        if earlier is not entry:
            raise UserError(
                f"{entry.origin}: repeats {entry.frame.name} of {earlier.origin}; "
                "delete one of the two lines"
            )
    if not listed:
        raise UserError(
            f"{path}: lists no frame; write one per line, such as {EXAMPLES}"
        )
    return list(listed.values())


def _parse_line(line: str, origin: str) -> ListedFrame:
    path, *further = line.split()
    path = path.removeprefix("./").removeprefix("/")
    if image := _IMAGE.fullmatch(path):
        frame = _make_frame(image, int(image["camera"]))
        return ListedFrame(frame, origin, _read_has_depth(frame, further, origin))
    if side := _INDEX_AND_SIDE.fullmatch(" ".join([path, *further])):
        return ListedFrame(_make_frame(side, CAMERA_OF_SIDE[side["side"]]), origin)
    raise UserError(
        f"{origin}: {line.strip()[:150]!r} is not a frame of KITTI's colour cameras; "
        f"write {EXAMPLES}"
    )


def _make_frame(match: re.Match[str], camera: int) -> Frame:
    return Frame(match["date"], match["drive"], camera, int(match["index"]))


def _read_has_depth(frame: Frame, further: list[str], origin: str) -> bool:
    """Reads the columns that follow the image, as far as they are about depth."""
    if not further:
        return True
    second, *rest = further
    if second == NO_DEPTH:
        return False
    followed_by_focal_px = len(rest) == 1 and _FOCAL_PX.fullmatch(rest[0])
    is_depth = followed_by_focal_px or "proj_depth" in second
    if is_depth and not f"/{second}".endswith(f"/{frame.annotation}"):
        raise UserError(
            f"{origin}: {second} is not the improved depth of {frame.name}; write "
            f"{frame.annotation}, or {NO_DEPTH} where it does not exist"
        )
    return True
