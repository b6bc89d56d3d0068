#!/usr/bin/env bash
# tf.random.experimental.index_shuffle takes a seed of two integers. Each of them
# acts modulo 256: seeds that differ by multiples of 256 give the same permutation.
# A shuffle seeded by (seed, epoch) therefore repeats the order of epoch 0 in epoch 256.
#
# One would guess: different seeds of 32 bits give different permutations.
#
# Seen with tensorflow-cpu 2.21.0 on Python 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "tensorflow-cpu==2.21.0" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 "$python" - <<'PY'
import tensorflow as tf

COUNT = 1000


def order(*seed):
    positions = tf.range(COUNT, dtype=tf.int64)
    shuffled = tf.random.experimental.index_shuffle(
        positions, tf.constant(seed, tf.int32), COUNT - 1
    )
    assert sorted(shuffled.numpy().tolist()) == list(range(COUNT))
    return shuffled.numpy().tolist()


first = order(0, 0)
print("seed (0, 0):", first[:8])
for seed in ((256, 0), (0, 256), (512, 1024)):
    print(f"seed {seed}:", order(*seed)[:8])
    assert order(*seed) == first, f"{seed} gives another order now"
assert order(1, 0) != first and order(255, 0) != first
print("as described: seeds act modulo 256")
PY
