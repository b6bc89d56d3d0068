#!/usr/bin/env bash
# safetensors.numpy and safetensors.flax write bfloat16 tensors to files and to bytes, and
# read them from files. From bytes, load raises KeyError 'BF16': it has a list of types of
# its own. So a bfloat16 network that is in memory has to go through a file.
#
# One would guess: load(save(tensors)) returns the tensors, as load_file of save_file does.
#
# Seen with safetensors 0.8.0, jax and jaxlib 0.10.2, flax 0.12.8, ml_dtypes 0.5.4 and numpy
# 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "safetensors==0.8.0" \
  "jax==0.10.2" "jaxlib==0.10.2" "flax==0.12.8" "ml_dtypes==0.5.4" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY'
import jax.numpy as jnp
import numpy as np
import safetensors.flax
import safetensors.numpy


def answer(load, source):
    """What a function says to a file or to bytes."""
    try:
        return str(load(source)["kernel"].dtype)
    except KeyError as error:
        return f"KeyError {error}"


for library, array in ((safetensors.numpy, np.asarray), (safetensors.flax, jnp.asarray)):
    for dtype in (jnp.float32, jnp.float16, jnp.bfloat16):
        tensors = {"kernel": array(np.ones(3, dtype))}
        library.save_file(tensors, "network.safetensors")
        from_file = answer(library.load_file, "network.safetensors")
        from_bytes = answer(library.load, library.save(tensors))
        print(f"{library.__name__}: file {from_file}, bytes {from_bytes}")
        assert from_file == np.dtype(dtype).name, from_file
        expected = "KeyError 'BF16'" if dtype == jnp.bfloat16 else from_file
        assert from_bytes == expected, from_bytes
PY
echo "as described: load does not read the bfloat16 that save has written"
