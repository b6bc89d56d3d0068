#!/usr/bin/env bash
# Whether OpenEXR's DWAA and DWAB keep float32 depth depends on the channel's name: a
# channel Z or depth is kept bit by bit, the same numbers in a channel R or Y are off by
# more than 1%. B44, another lossy method by its documentation, keeps every float32
# channel. PXR24 rounds all of them to 16 bits of mantissa.
#
# One would guess: a compression is lossless or lossy for what it is given: DWA and B44
# lossy, whatever a channel is called.
#
# Seen with OpenEXR 3.5.3 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if it
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
"$python" - <<'PY'
import numpy as np
import OpenEXR

depth_m = np.random.default_rng(0).uniform(1, 80, (64, 64)).astype(np.float32)


def largest_error(compression, channel):
    """Relative, of depth written and read."""
    header = {"compression": compression, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {channel: depth_m}).write("depth.exr")
    read_m = OpenEXR.File("depth.exr").parts[0].channels[channel].pixels
    assert read_m.dtype == np.float32
    return np.abs(read_m / depth_m - 1).max()


for name in ("ZIP", "B44", "B44A", "PXR24", "DWAA", "DWAB"):
    compression = getattr(OpenEXR, f"{name}_COMPRESSION")
    errors = {channel: largest_error(compression, channel) for channel in ("Z", "depth", "R", "Y")}
    print(f"{name}:", ", ".join(f"{channel} {error:.1e}" for channel, error in errors.items()))
    kept = [channel for channel, error in errors.items() if error == 0]
    expected = {"PXR24": [], "DWAA": ["Z", "depth"], "DWAB": ["Z", "depth"]}.get(name, list(errors))
    assert kept == expected, f"{name} keeps {kept} now"
    if name.startswith("DWA"):
        assert min(errors["R"], errors["Y"]) > 0.01
PY
echo "as described: DWA is lossy for channels named R or Y, lossless for Z"
