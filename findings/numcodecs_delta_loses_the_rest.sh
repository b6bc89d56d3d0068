#!/usr/bin/env bash
# The filter `Delta` is meant to be lossless, but on floats it is a sum of differences.
# After one NaN all values to the end of the chunk are NaN, and after a 1e10 the next
# ones are 0, 0.6 and 0.2 in place of 2.5, 3.1 and 2.7.
#
# One would guess: a filter without a setting for loss gives back what was written, NaN
# and large values included.
#
# Seen with numcodecs 0.16.6 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1
# if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "numcodecs==0.16.6" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
from numcodecs import Delta

delta = Delta("f4")
for values in ([2.5, 3, np.nan, 4, 5], [1e10, 2.5, 3.1, 2.7]):
    written = np.array(values, np.float32)
    read = delta.decode(delta.encode(written))
    print(written, "->", read)
    assert not np.array_equal(read, written, equal_nan=True), "it is lossless now"
    lost = ~np.isclose(read, written, equal_nan=True)
    assert lost[-2:].all()
PY
echo "as described: what follows NaN or a large value is lost"
