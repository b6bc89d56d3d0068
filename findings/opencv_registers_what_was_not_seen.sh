#!/usr/bin/env bash
# cv2.registerDepth carries a depth image over to another camera. Where the other image is
# larger, it takes the missing pixels for points at the first camera's place. If that lies
# in front of the other camera, the result has a depth that no sensor saw, near and in the
# middle of the image, and it replaces what was measured behind it.
#
# One would guess: where nothing was measured nothing comes out, whatever the sizes.
#
# Seen with opencv-python-headless 5.0.0.93 and numpy 2.4.6 on Python 3.11, Linux x86-64.
# Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "opencv-python-headless==5.0.0.93" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import cv2
import numpy as np

camera = np.array([[8.0, 0, 4], [0, 8, 4], [0, 0, 1]])
ahead = np.eye(4)
ahead[2, 3] = 0.1  # the first camera is 10 cm in front of the second
nothing_m = np.full((5, 5), np.nan, np.float32)
middle_m = nothing_m.copy()
middle_m[4, 4] = 9.9
for name, seen_m in (("nothing", nothing_m), ("9.9 m in the middle", middle_m)):
    for size in ((5, 5), (8, 8)):
        depth_m = cv2.registerDepth(camera, camera, np.zeros(5), ahead, seen_m, size)
        places = np.argwhere(np.isfinite(depth_m)).tolist()
        found_m = [round(float(x), 3) for x in depth_m[np.isfinite(depth_m)]]
        print(f"{name}, registered to {size}: {found_m} m at {places}")
        expected_m = [0.1] if size == (8, 8) else [10.0][: len(found_m)]
        assert np.allclose(found_m, expected_m), "other depth now"
        assert places in ([], [[4, 4]])
        assert (places == []) == (size == (5, 5) and seen_m is nothing_m)
PY
echo "as described: an empty depth image has a pixel after registration"
