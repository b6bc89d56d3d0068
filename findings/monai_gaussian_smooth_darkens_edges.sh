#!/usr/bin/env bash
# `GaussianSmooth`, and `RandGaussianSmooth` with it, pads with zeros: a constant depth
# of 10 m becomes 6.9 m along the edges and 4.8 m in the corners. `MedianSmooth` of the
# same package keeps it.
#
# One would guess: a smoothed constant is that constant, as with SciPy's filter.
#
# Seen with monai 1.6.1, torch 2.13.0, scipy 1.17.1 and numpy 2.4.6 on Python 3.11,
# Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "monai==1.6.1" "torch==2.13.0" "scipy==1.17.1" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import torch
from monai.transforms import GaussianSmooth, MedianSmooth
from scipy.ndimage import gaussian_filter

depth_m = torch.full((1, 16, 16), 10.0)
found = np.asarray(GaussianSmooth(1.0)(depth_m))[0]
print("corner", found[0, 0].round(2), "edge", found[0, 8].round(2), "middle", found[8, 8].round(2))
assert np.allclose([found[0, 8], found[0, 0]], [6.91, 4.78], atol=0.02), "edges stay now"
assert np.isclose(found[8, 8], 10, atol=1e-3)
assert np.allclose(MedianSmooth(1)(depth_m), 10)
assert np.allclose(gaussian_filter(np.asarray(depth_m[0]), 1), 10)
PY
echo "as described: edges become nearer"
