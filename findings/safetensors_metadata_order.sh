#!/usr/bin/env bash
# safetensors sorts the tensors of a file, and writes its metadata in an order that is drawn
# anew by each call. So equal tensors with equal metadata give files of different bytes, and
# a published SHA-256 cannot be reproduced. One key of metadata, such as a JSON text of all
# values, has only one order.
#
# One would guess: equal tensors and equal metadata give equal bytes, as the tensors are sorted.
#
# Seen with safetensors 0.8.0 and NumPy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if
# it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "safetensors==0.8.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY'
import numpy as np
from safetensors.numpy import save

TENSORS = {name: np.zeros(2, np.float32) for name in "zyxwv"}


def distinct_files(metadata):
    return len({save(TENSORS, metadata) for _ in range(100)})


several = {name: "value" for name in "abcde"}
print("different files of 100 with five keys:", distinct_files(several))
print("different files of 100 with one key:", distinct_files({"all": str(several)}))
assert distinct_files(several) > 1, "metadata has an order now"
assert distinct_files({"all": str(several)}) == 1
PY
echo "as described: tensors are sorted, metadata is not"
