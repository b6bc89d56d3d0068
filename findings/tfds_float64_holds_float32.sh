#!/usr/bin/env bash
# A feature that TensorFlow Datasets declares as float64 comes back as float64 with the
# precision of float32, the only type that records have for floats. Times in seconds since
# 1970 are rounded to 128 s, so that images of KITTI, which are .1 s apart, have the same
# time. An int64 is kept.
#
# One would guess: the declared type is stored, or refused.
#
# Seen with tensorflow-datasets 4.9.10, tensorflow-cpu 2.21.0 and numpy 2.4.6 on Python
# 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "tensorflow-datasets==4.9.10" "tensorflow-cpu==2.21.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
export TF_CPP_MIN_LOG_LEVEL=3
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import numpy as np
import tensorflow_datasets as tfds


def stored(value, dtype):
    features = tfds.features.FeaturesDict({"value": dtype})
    record = features.serialize_example({"value": dtype(value)})
    return features.deserialize_example(record)["value"].numpy()


times_s = 1317020413.4, 1317020413.5, 1317020473.4
found = [stored(time_s, np.float64) for time_s in times_s]
for time_s, stored_s in zip(times_s, found, strict=True):
    print(f"{time_s} comes back as {stored_s.dtype} {stored_s:.1f}")
    assert stored_s.dtype == np.float64
    assert stored_s == float(np.float32(time_s)) != time_s, "float64 is kept now"
assert found[0] == found[1]
assert abs(found[2] - times_s[2]) > 50
nanoseconds = 1317020413400000000
assert stored(nanoseconds, np.int64) == nanoseconds
PY
echo "as described: float64 features have the precision of float32"
