#!/usr/bin/env bash
# `rmse` and `psnr` give the first of two gray images a third axis and not the second
# one, so that NumPy compares each pixel with a whole row of other pixels. The RMSE of a
# square image of noise with itself is .41 in place of 0, and its PSNR 7.7 dB. As three
# equal channels the same image has an RMSE of 0. The guard against other shapes lets it
# pass.
#
# One would guess: the RMSE of an image with itself is 0.
#
# Seen with image-similarity-measures 0.3.6, numpy 1.26.4, scipy 1.15.3, opencv-python-
# headless 4.11.0.86, scikit-image 0.20.0, phasepack 1.5, lazy-loader 0.5, networkx
# 3.6.1 and packaging 26.0 on Python 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
  "image-similarity-measures==0.3.6" "numpy==1.26.4" "scipy==1.15.3" \
  "opencv-python-headless==4.11.0.86" "scikit-image==0.20.0" "phasepack==1.5" \
  "lazy-loader==0.5" "networkx==3.6.1" "packaging==26.0" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
from image_similarity_measures.quality_metrics import psnr, rmse

image = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
gray, ratio = rmse(image, image, 255), psnr(image, image, 255)
colour = np.stack([image] * 3, -1)
coloured = rmse(colour, colour, 255)
print(f"with itself: gray {gray:.3f}, {ratio:.1f} dB; three channels {coloured:.3f}")
assert coloured == 0
assert abs(gray - 0.41) < 0.01 and abs(ratio - 7.7) < 0.1, "it is 0 now"
PY
echo "as described: a gray image differs from itself"
