#!/usr/bin/env bash
# Grain's shuffle is a block cipher over the indices, so every record comes once in an
# epoch. With 65 537 records or 262 145, one more than a power of 4, it is no permutation:
# the last record never comes, and another one twice. tf.random.experimental.index_shuffle
# does the same. 16 385 records all come once.
#
# One would guess: a shuffle is a permutation for any number of records.
#
# Seen with grain 0.2.18, tensorflow-cpu 2.21.0 and numpy 2.4.6 on Python 3.11, Linux
# x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "grain==0.2.18" "tensorflow-cpu==2.21.0" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
export TF_CPP_MIN_LOG_LEVEL=3
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import grain.python as grain
import numpy as np
import tensorflow as tf


def by_grain(count):
    data = grain.MapDataset.range(count).shuffle(seed=7)
    return np.array([data[index] for index in range(count)])


def by_tensorflow(count):
    seed = tf.constant((7, 0), tf.int32)
    indices = tf.range(count, dtype=tf.int64)
    return tf.random.experimental.index_shuffle(indices, seed, count - 1).numpy()


for count in (16_385, 65_536, 65_537, 65_538, 262_145):
    for shuffle in (by_grain, by_tensorflow):
        times = np.bincount(shuffle(count), minlength=count)
        print(
            f"{count} records, {shuffle.__name__}: {(times == 0).sum()} never, "
            f"{(times == 2).sum()} twice"
        )
        if count in (65_537, 262_145):
            assert times[-1] == 0 and (times == 0).sum() == (times == 2).sum() == 1
        else:
            assert (times == 1).all()
PY
echo "as described: of 65 537 records the last one never comes"
