#!/usr/bin/env bash
# Flipping and enlarging an image gives the same pixels as enlarging and flipping it,
# but not the same keypoints: a point at (0, 0) of a 4 x 4 image goes to x = 6 or x = 7
# of 8. Resizing counts from the edge of a pixel, flipping from its centre.
#
# One would guess: keypoints follow the image, so both orders agree.
#
# Seen with albumentations 2.0.8, opencv-python-headless 4.13.0.92 and numpy 2.4.6 on
# Python 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "albumentations==2.0.8" "opencv-python-headless==4.13.0.92" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import albumentations as A
import numpy as np

image = np.arange(16, dtype=np.uint8).reshape(4, 4)
parameters = A.KeypointParams(format="xy", remove_invisible=False)
resize = A.Resize(8, 8, interpolation=0)


def transformed(*steps):
    return A.Compose(list(steps), keypoint_params=parameters)(
        image=image, keypoints=[(0, 0)]
    )


flipped_first = transformed(A.HorizontalFlip(p=1), resize)
resized_first = transformed(resize, A.HorizontalFlip(p=1))
points = [np.asarray(x["keypoints"])[0].tolist() for x in (flipped_first, resized_first)]
print(points)
assert (flipped_first["image"] == resized_first["image"]).all()
assert points == [[6, 0], [7, 0]], "they agree now"
PY
echo "as described: the order of two steps moves keypoints, not pixels"
