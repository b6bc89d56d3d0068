#!/usr/bin/env bash
# A label that is no class, as 255 for "ignore" in many data sets or -1 in others, is no
# error in optax, and its two forms of cross-entropy disagree. With integer labels 255 is
# NaN, and -1 silently means the last class. With one-hot labels both are a loss of 0.
#
# One would guess: JAX clamps indices when it reads, so 255 means the last class, and both
# forms agree on every integer.
#
# Seen with optax 0.2.8, jax 0.10.2 and jaxlib 0.10.2 on Python 3.11, Linux x86-64. Exits
# with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "optax==0.2.8" \
  "jax==0.10.2" "jaxlib==0.10.2" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
export JAX_PLATFORMS=${JAX_PLATFORMS-cpu}
cd "$folder"
"$python" - <<'PY'
import jax
import jax.numpy as jnp
import numpy as np
import optax

CLASSES = 71
logits = jnp.zeros((1, CLASSES)).at[0, -1].set(3.0)


def losses(label):
    labels = jnp.array([label])
    one_hot = jax.nn.one_hot(labels, CLASSES)
    integer = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    return integer.item(), optax.softmax_cross_entropy(logits, one_hot).item()


for label in (0, CLASSES - 1, CLASSES, 255, -1):
    print(f"label {label}: %.4f with integers, %.4f with one-hot" % losses(label))
assert np.allclose(*losses(0)) and np.allclose(*losses(CLASSES - 1))
for label in (CLASSES, 255):
    integer, one_hot = losses(label)
    assert np.isnan(integer) and one_hot == 0, f"label {label} means something else now"
integer, one_hot = losses(-1)
assert integer == losses(CLASSES - 1)[0] and one_hot == 0, "-1 means something else now"
PY
echo "as described: NaN, the last class, or nothing, by the form of the labels"
