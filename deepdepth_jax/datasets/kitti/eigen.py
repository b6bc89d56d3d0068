"""The Eigen split of KITTI: which frames train, which validate and which test.

Eigen, Puhrsch and Fergus, "Depth map prediction from a single image using a multi-scale
deep network", 2014. Their test set is 697 frames of 28 drives. The 33 other drives of
KITTI's city, residential and road recordings train, with all 23 488 frames. The paper
has no validation set: here whole drives are held out of the training drives for it,
since frames of one drive look alike and those of the test must not choose anything.
"""

import dataclasses
from collections.abc import Collection, Sequence

from deepdepth_jax.errors import UserError

SPLITS = ("train", "val", "test")
CAMERAS = (2, 3)
VALIDATION_DRIVES = (
    "2011_09_26_drive_0005",
    "2011_09_26_drive_0022",
    "2011_09_26_drive_0079",
    "2011_09_28_drive_0001",
)
# Improved depth joins the sweeps of eleven frames, so five at either end have none.
FRAMES_WITHOUT_ANNOTATION = 5

# Date -> "drive:frames", the synchronised frames of each recording.
_TRAIN_DRIVES = {
    "2011_09_26": """
        0001:108 0005:154 0011:233 0014:314 0015:297 0017:114 0018:270 0019:481
        0022:800 0028:430 0032:390 0035:131 0039:395 0051:438 0057:361 0060:78
        0061:703 0070:420 0079:100 0087:729 0091:340 0095:268 0104:312 0113:87""",
    "2011_09_28": "0001:106",
    "2011_09_29": "0004:339 0026:158",
    "2011_09_30": "0020:1104 0028:5177 0033:1594 0034:1224",
    "2011_10_03": "0034:4663 0042:1170",
}

# Date -> lines of "drive:frames", then the tested ones as first-last:stride (last
# included) or as single indices.
_TEST_DRIVES = {
    "2011_09_26": """
        0002:77 0-63:3 69-75:3
        0009:447 0-176:16 196-388:16
        0013:144 0-10:5 20 30-50:5 60-70:5 80-140:5
        0020:86 0-21:3 27 33 36 42-78:3 84
        0023:474 18-216:18 252-468:18
        0027:188 0-98:7 112-147:7 161-182:7
        0029:430 0-196:14 268 296-408:14
        0036:803 0-704:32 768-800:32
        0046:125 0-120:5
        0048:22 0-21:1
        0052:78 0-22:2 26-32:2 36-52:2
        0056:294 11-121:11 143-286:11
        0059:373 0-154:14 182-238:14 274-372:14
        0064:570 0-110:22 154-550:22
        0084:383 49-153:13 179-374:13
        0086:706 7-520:27 574-682:27
        0093:433 0-256:16 305-417:16
        0096:475 0-456:19
        0101:936 80-216:34 284-930:34
        0106:227 15 35-219:8
        0117:660 0-494:26 546-650:26""",
    "2011_09_28": "0002:376 0-12:3 18-24:3 30-39:3 45-63:3 72 78-90:3",
    "2011_09_29": "0071:1059 0-612:36 735-807:36 879-951:36 1054",
    "2011_09_30": """
        0016:279 0-88:11 110-275:11
        0018:2762 0-214:107 428-2247:107 2419-2740:107
        0027:1106 0-656:41 753-958:41 1040-1081:41""",
    "2011_10_03": """
        0027:4544 0-543:181 734-2001:181 2363-4535:181
        0047:837 0-224:32 288-800:32""",
}
DATES = tuple(_TRAIN_DRIVES)

Drive = tuple[str, str]  # date, drive
Indices = dict[Drive, Sequence[int]]


@dataclasses.dataclass(frozen=True, order=True)
class Frame:
    """One image of one camera.

    Attributes:
      date: day of the recording, such as "2011_09_26". Calibration is per day.
      drive: number of the recording that day, such as "0001".
      camera: 2 (left colour camera) or 3 (right colour camera).
      index: position in the drive, from 0.
    """

    date: str
    drive: str
    camera: int
    index: int

    @property
    def drive_name(self) -> str:
        """The drive with its day, such as "2011_09_26_drive_0001"."""
        return f"{self.date}_drive_{self.drive}"

    @property
    def drive_folder(self) -> str:
        """The folder of the synchronised drive."""
        return f"{self.drive_name}_sync"

    @property
    def camera_folder(self) -> str:
        """The folder of the camera in the drive's."""
        return f"image_{self.camera:02d}"

    @property
    def stem(self) -> str:
        """The name of every file of this frame, without its suffix."""
        return f"{self.index:010d}"

    @property
    def annotation(self) -> str:
        """The improved depth map, below the folder `train` or `val` of such maps."""
        folder = f"{self.drive_folder}/proj_depth/groundtruth/{self.camera_folder}"
        return f"{folder}/{self.stem}.png"

    @property
    def name(self) -> str:
        """Drive, camera and index as one relative path.

        Written out, as a split has 46 000 of them.
        """
        drive = f"{self.date}_drive_{self.drive}_sync"
        return f"{drive}/image_{self.camera:02d}/{self.index:010d}"


def frames(
    split: str,
    cameras: Sequence[int] = (2,),
    validation_drives: Sequence[str] = VALIDATION_DRIVES,
) -> list[Frame]:
    """Lists the frames of a split, by drive, camera and index.

    Args:
      split: "train", "val" or "test". Published test figures are of camera 2 alone.
      cameras: 2, 3 or both.
      validation_drives: the training drives whose frames are `val` instead of `train`,
        such as "2011_09_26_drive_0005". Empty to train on all of them.

    Returns:
      The frames in order.

    Raises:
      UserError: the split, a camera or a drive does not exist.
    """
    require_split(split)
    _require_cameras(cameras)
    training_drives = {f"{date}_drive_{drive}" for date, drive in _TRAIN_INDICES}
    require_drives(validation_drives, training_drives, "the Eigen split")
    indices = _TEST_INDICES
    if split != "test":
        indices = {
            (date, drive): drive_indices
            for (date, drive), drive_indices in _TRAIN_INDICES.items()
            if (f"{date}_drive_{drive}" in validation_drives) == (split == "val")
        }
    return [
        Frame(date, drive, camera, index)
        for (date, drive), drive_indices in indices.items()
        for camera in cameras
        for index in drive_indices
    ]


def has_annotation(frame: Frame) -> bool:
    """Returns whether the official improved depth has a map for this frame.

    Of a drive that is not one of the split's 61, whose lengths are known, every frame
    counts as having one.
    """
    length = _LENGTHS.get((frame.date, frame.drive))
    if length is None:
        return True
    last = length - 1 - FRAMES_WITHOUT_ANNOTATION
    return FRAMES_WITHOUT_ANNOTATION <= frame.index <= last


def require_split(split: str) -> None:
    """Checks that a split exists.

    Raises:
      UserError: it does not.
    """
    if split not in SPLITS:
        raise UserError(f"split {split!r} of KITTI must be one of {SPLITS}")


def require_drives(
    validation_drives: Sequence[str], training_drives: Collection[str], origin: str
) -> None:
    """Checks that the drives to hold out are among those there is to train on.

    Args:
      validation_drives: of the config.
      training_drives: names such as "2011_09_26_drive_0005".
      origin: origin of these training drives, for messages.

    Raises:
      UserError: one is not. Names it.
    """
    for drive in validation_drives:
        if drive not in training_drives:
            raise UserError(
                f"data.kitti.validation_drives: {drive!r} is not a training drive of "
                f"{origin}; choose from its own, such as '{min(training_drives)}'"
            )


def _require_cameras(cameras: Sequence[int]) -> None:
    if not cameras or len(set(cameras)) < len(cameras) or set(cameras) - set(CAMERAS):
        raise UserError(
            f"data.kitti.cameras = {tuple(cameras)}: use (2,), (3,) or (2, 3), the "
            "left and right colour cameras"
        )


def _parse_ranges(ranges: Sequence[str]) -> list[int]:
    indices: list[int] = []
    for text in ranges:
        span, _, stride = text.partition(":")
        first, _, last = span.partition("-")
        indices += range(int(first), int(last or first) + 1, int(stride or 1))
    return indices


def _parse_tables() -> tuple[dict[Drive, int], Indices, Indices]:
    """Frames of each drive, then the indices that train and those that test."""
    lengths: dict[Drive, int] = {}
    train: Indices = {}
    test: Indices = {}
    for date, text in _TRAIN_DRIVES.items():
        for drive, count in (entry.split(":") for entry in text.split()):
            lengths[date, drive] = int(count)
            train[date, drive] = range(int(count))
    for date, text in _TEST_DRIVES.items():
        for head, *ranges in (line.split() for line in text.strip().splitlines()):
            drive, count = head.split(":")
            lengths[date, drive] = int(count)
            test[date, drive] = _parse_ranges(ranges)
    return lengths, train, test


_LENGTHS, _TRAIN_INDICES, _TEST_INDICES = _parse_tables()
