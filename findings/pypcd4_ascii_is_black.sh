#!/usr/bin/env bash
# Point clouds of PCL keep a colour as the bits of a float, which is then at most
# 2.4e-38. pypcd4 writes ASCII files with ten digits after the point, so every colour
# becomes 0.0000000000, which is black. The binary encodings of the same cloud keep it.
#
# One would guess: the encodings hold the same cloud; ASCII rounds at worst.
#
# Seen with pypcd4 1.5.1 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if
# it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "pypcd4==1.5.1" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
from pypcd4 import Encoding, PointCloud

rgb = np.array([[255, 128, 0], [0, 255, 0], [255, 255, 255]], np.uint8)
colours = PointCloud.encode_rgb(rgb)[:, None]
cloud = PointCloud.from_xyzrgb_points(np.hstack([np.eye(3, dtype=np.float32), colours]))
for encoding in (Encoding.BINARY, Encoding.BINARY_COMPRESSED, Encoding.ASCII):
    cloud.save("cloud.pcd", encoding)
    packed = PointCloud.from_path("cloud.pcd").pc_data["rgb"]
    read = PointCloud.decode_rgb(np.ascontiguousarray(packed))
    print(encoding.value, read.tolist())
    if encoding is Encoding.ASCII:
        assert not read.any(), "colours are kept now"
    else:
        assert np.array_equal(read, rgb)
PY
echo "as described: colours in ASCII files are black"
