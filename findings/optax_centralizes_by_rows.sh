#!/usr/bin/env bash
# optax.centralize, the centralisation of gradients, removes the mean over all axes but
# the first one, which are the outputs in PyTorch's layout. A Dense kernel of JAX has
# its outputs last: a gradient whose outputs each have the mean 0 becomes 0, and one
# whose outputs have means of 1 and -1 stays as it is. optax.adaptive_grad_clip takes
# the last axis for the outputs.
#
# One would guess: each output's mean is removed, as in the paper, in the layout of JAX.
#
# Seen with optax 0.2.8, jax 0.10.2 and jaxlib 0.10.2 on Python 3.11, Linux x86-64.
# Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "optax==0.2.8" "jax==0.10.2" "jaxlib==0.10.2" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import jax.numpy as jnp
import optax


def centralized(gradient):
    update, _ = optax.centralize().update(jnp.array(gradient), optax.EmptyState())
    return update.tolist()


means_of_0 = [[1.0, 1.0], [-1.0, -1.0]]  # inputs x outputs
means_of_1 = [[1.0, -1.0], [1.0, -1.0]]
print(means_of_0, centralized(means_of_0))
print(means_of_1, centralized(means_of_1))
assert centralized(means_of_0) == [[0, 0], [0, 0]], "outputs are the last axis now"
assert centralized(means_of_1) == means_of_1
clip = optax.adaptive_grad_clip(0.1)
weights = jnp.array([[1.0, 100.0], [0.0, 0.0]])
gradient = jnp.array([[1.0, 1.0], [0.0, 0.0]])
clipped, _ = clip.update(gradient, clip.init(weights), weights)
print("clipped by outputs", clipped.tolist())
assert jnp.allclose(clipped, jnp.array([[0.1, 1.0], [0.0, 0.0]]))
PY
echo "as described: the means of inputs are removed, not those of outputs"
