#!/usr/bin/env bash
# jax.checkpoint saves no memory on a CPU: XLA's CPU compiler drops the optimisation
# barriers that keep recomputed values apart, merges the second computation with the first,
# and the program for the gradient is the one without jax.checkpoint. In the body of a
# lax.scan it does work.
#
# One would guess: recomputing costs time and saves memory on every platform.
#
# Seen with jax 0.10.2 and jaxlib 0.10.2 on Python 3.11, Linux x86-64, CPU. Exits with 1 if
# it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "jax==0.10.2" \
  "jaxlib==0.10.2" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
export JAX_PLATFORMS=${JAX_PLATFORMS-cpu}
cd "$folder"
"$python" - <<'PY'
import jax
import jax.numpy as jnp

x, weights = jnp.ones((4096, 64)), jnp.ones((8, 64, 64))


def layer(w, x):
    return jnp.sin(jnp.sin(x @ w) * 2)


def unrolled(layer, weights, x):
    for w in weights:
        x = layer(w, x)
    return x.sum()


def scanned(layer, weights, x):
    return jax.lax.scan(lambda x, w: (layer(w, x), None), x, weights)[0].sum()


def temporary_mb(network, layer):
    lowered = jax.jit(jax.grad(lambda w, x: network(layer, w, x))).lower(weights, x)
    return lowered.compile().memory_analysis().temp_size_in_bytes / 1e6


for network in (unrolled, scanned):
    plain, checkpointed = (temporary_mb(network, f) for f in (layer, jax.checkpoint(layer)))
    print(f"{network.__name__}: {plain:.1f} MB, with jax.checkpoint {checkpointed:.1f} MB")
    if network is unrolled:
        assert checkpointed == plain, "jax.checkpoint acts on unrolled layers now"
    else:
        assert checkpointed < 0.6 * plain
PY
echo "as described: no memory is saved outside of lax.scan"
