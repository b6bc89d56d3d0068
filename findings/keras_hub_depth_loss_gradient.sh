#!/usr/bin/env bash
# The loss of Keras Hub's Depth Anything sets pixels without ground truth to zero, takes
# the logarithm, and leaves them out afterwards. The loss is finite, but its gradient is
# NaN at such pixels, and so NaN for a weight that all pixels share. Depth maps of real
# sensors always have such pixels. Run with the backend of JAX; the loss is the default
# one of the public DepthAnythingDepthEstimator.
#
# One would guess: pixels without ground truth have a gradient of 0: to leave them out is
# what the mask is for.
#
# Seen with keras-hub 0.32.0, keras 3.15.1, jax 0.10.2 and jaxlib 0.10.2 on Python 3.11,
# Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "keras-hub==0.32.0" "keras==3.15.1" "jax==0.10.2" "jaxlib==0.10.2" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
export JAX_PLATFORMS=${JAX_PLATFORMS-cpu}
export KERAS_BACKEND=jax
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import jax
import jax.numpy as jnp
from keras_hub.src.models.depth_anything.depth_anything_loss import DepthAnythingLoss

loss = DepthAnythingLoss(min_depth=0.001, max_depth=80.0)
prediction_m = jnp.array([3, 2.5, 9, 7.0]).reshape(1, 1, 4, 1)
for last_m in (6.0, 0.0):
    truth_m = jnp.array([4, 2, 8, last_m]).reshape(1, 1, 4, 1)
    value, gradient = jax.value_and_grad(lambda x: loss(truth_m, x))(prediction_m)
    of_factor = jax.grad(lambda factor: loss(truth_m, factor * prediction_m))(1.1)
    print(
        f"truth of the last pixel {last_m}: loss {value:.3f}, gradient "
        f"{gradient.ravel().round(3).tolist()}, of a common factor {of_factor:.3f}"
    )
    assert jnp.isfinite(value) and jnp.isfinite(gradient.ravel()[:3]).all()
    for last in (gradient.ravel()[3], of_factor):
        assert bool(jnp.isnan(last)) == (last_m == 0), "finite gradients now"
PY
echo "as described: a pixel without depth makes the gradient NaN"
