#!/usr/bin/env bash
# `image_to_cvimage` takes the first height x width values of a message and ignores its
# `step`, the number of bytes from one row to the next. If the rows of a 16UC1 depth
# image are padded, as the message allows, the padding becomes depth and each row is
# shifted further than the one above; the last rows are lost.
#
# One would guess: rows start where `step` says.
#
# Seen with rosbags-image 0.10.4, rosbags 0.11.9, opencv-python-headless 5.0.0.93 and
# numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "rosbags-image==0.10.4" "rosbags==0.11.9" "opencv-python-headless==5.0.0.93" \
  "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
from rosbags.image import image_to_cvimage
from rosbags.typesys import Stores, get_typestore

kinds = get_typestore(Stores.ROS2_HUMBLE).types
stamp = kinds["builtin_interfaces/msg/Time"](sec=0, nanosec=0)
header = kinds["std_msgs/msg/Header"](stamp=stamp, frame_id="camera")


def read(depth_mm, columns):
    height, width = depth_mm.shape
    rows = np.zeros((height, columns), np.uint16)
    rows[:, :width] = depth_mm
    message = kinds["sensor_msgs/msg/Image"](
        header=header,
        height=height,
        width=width,
        encoding="16UC1",
        is_bigendian=0,
        step=rows.strides[0],
        data=rows.view(np.uint8).ravel(),
    )
    starts = np.frombuffer(message.data, np.uint16).reshape(height, message.step // 2)
    assert np.array_equal(starts[:, :width], depth_mm)
    return image_to_cvimage(message)


depth_mm = np.arange(1000, 13000, 1000, dtype=np.uint16).reshape(3, 4)
assert np.array_equal(read(depth_mm, 4), depth_mm)
found = read(depth_mm, 6)
print(depth_mm, "with 2 columns of padding becomes", found, sep="\n")
assert np.array_equal(found[1], [0, 0, 5000, 6000]), "step is used now"
assert np.array_equal(found[2], [7000, 8000, 0, 0])
PY
echo "as described: padded rows are sheared"
