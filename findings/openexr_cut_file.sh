#!/usr/bin/env bash
# OpenEXR.File(path) on a truncated file raises nothing: the object has no parts, as an
# empty file would, and the library's message goes to stderr only. With
# header_only=True the header of the same file is read. A reader has to check the number
# of parts itself.
#
# One would guess: reading a truncated file raises.
#
# Seen with OpenEXR 3.5.3 and NumPy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if it
# changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "OpenEXR==3.5.3" \
  "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - "$folder" <<'PY'
import sys
from pathlib import Path

import numpy as np
import OpenEXR

whole = Path(sys.argv[1], "whole.exr")
depth_m = np.linspace(1, 80, 64 * 64, dtype=np.float32).reshape(64, 64)
header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
OpenEXR.File(header, {"Z": depth_m}).write(str(whole))
assert len(OpenEXR.File(str(whole)).parts) == 1

cut = whole.with_name("cut.exr")
cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
file = OpenEXR.File(str(cut))
print("parts of the truncated file:", len(file.parts))
assert len(file.parts) == 0, "a truncated file has parts, or raises, now"
print("as described: no exception, and no parts")
PY
