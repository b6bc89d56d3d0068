#!/usr/bin/env bash
# bottleneck.nanmean of 40 million float32 pixels that are all 10 m is 6.71 m: it adds
# them to one float32, which stops growing at 2^28. NumPy adds in pairs. pandas uses
# bottleneck where it is installed: the standard deviation of the same pixels in a
# Series is 2.59 m with it, and 0 without.
#
# One would guess: an optional accelerator gives the same numbers, only faster.
#
# Seen with bottleneck 1.6.0, pandas 3.1.1 and numpy 2.4.6 on Python 3.11, Linux x86-64.
# Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "bottleneck==1.6.0" "pandas==3.1.1" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import bottleneck
import numpy as np
import pandas as pd

depth_m = np.full(40_000_000, 10, np.float32)
mean, exact = bottleneck.nanmean(depth_m), np.nanmean(depth_m)
print("mean", mean, exact)
assert exact == 10
assert mean == np.float32(2**28 / depth_m.size), "it is as exact as NumPy now"
with_it = pd.Series(depth_m).std()
with pd.option_context("compute.use_bottleneck", False):
    without = pd.Series(depth_m).std()
print("standard deviation in pandas", with_it, without)
assert without == 0
assert 2.5 < with_it < 2.7, "pandas is as exact with it now"
PY
echo "as described: the mean of 10 m is 6.71 m"
