#!/usr/bin/env bash
# rosbags.image.message_to_cvimage gives the depth of a compressed topic as uint8. Depth
# of ROS is a PNG of 16 bits in millimetres, and its message says so in its format,
# `16UC1; png compressed`. The PNG is decoded without OpenCV's flag for more than 8
# bits, so every value is divided by 256: 1500 mm become 5. Nothing warns of it.
#
# One would guess: a lossless PNG comes back as what was written, as its message names
# the type.
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
import warnings

import cv2
import numpy as np
from rosbags.image import message_to_cvimage
from rosbags.typesys.stores.latest import builtin_interfaces__msg__Time as Time
from rosbags.typesys.stores.latest import sensor_msgs__msg__CompressedImage as Compressed
from rosbags.typesys.stores.latest import std_msgs__msg__Header as Header

warnings.simplefilter("error")
depth_mm = np.array([[0, 255, 256, 1500, 65535]], np.uint16)
message = Compressed(
    header=Header(stamp=Time(sec=0, nanosec=0), frame_id="camera"),
    format="16UC1; png compressed ",
    data=cv2.imencode(".png", depth_mm)[1].ravel(),
)
whole = cv2.imdecode(message.data, cv2.IMREAD_UNCHANGED)
read = message_to_cvimage(message)
print("written:", depth_mm.dtype, depth_mm.tolist())
print("OpenCV, unchanged:", whole.dtype, whole.tolist())
print("rosbags-image:", read.dtype, read.tolist())
assert np.array_equal(whole, depth_mm)
assert read.dtype == np.uint8, "the type is kept now"
assert read.tolist() == [[0, 0, 1, 5, 255]]
PY
echo "as described: millimetres come back divided by 256"
