#!/usr/bin/env bash
# nnx.metrics.Average and Accuracy take a mask that is broadcast to the values, as
# documented. The sum is over the broadcast mask, the count over the mask itself. So the
# average of ones, with a mask of one number per image and four values in each, is 4, and
# a perfect accuracy is 400%.
#
# One would guess: an average of ones is 1. A mask of another shape is broadcast for both,
# or refused.
#
# Seen with flax 0.12.8, jax 0.10.2 and jaxlib 0.10.2 on Python 3.11, Linux x86-64. Exits
# with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "flax==0.12.8" "jax==0.10.2" "jaxlib==0.10.2" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
export JAX_PLATFORMS=${JAX_PLATFORMS-cpu}
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import jax.numpy as jnp
from flax import nnx

per_image = jnp.array([[True], [False]])
average = nnx.metrics.Average()
average.update(values=jnp.ones((2, 4)), mask=per_image)
print("average of ones:", average.compute())
labels = jnp.tile(jnp.arange(4), (2, 1))
accuracy = nnx.metrics.Accuracy()
accuracy.update(logits=jnp.eye(4)[labels], labels=labels, mask=per_image)
print("accuracy of the truth itself:", accuracy.compute())
whole = nnx.metrics.Average()
whole.update(values=jnp.ones((2, 4)), mask=jnp.broadcast_to(per_image, (2, 4)))
print("with a mask of the values' shape:", whole.compute())
assert whole.compute() == 1
assert average.compute() == accuracy.compute() == 4, "another average now"
PY
echo "as described: the average of ones is 4"
