#!/usr/bin/env bash
# jaxtyping's import hook checks the fields of a dataclass as the parameters of __init__:
# before __post_init__, and never after. A field that __post_init__ converts to an array is
# refused as it comes in, and one that __post_init__ breaks passes.
#
# One would guess: fields are checked on the finished object, after __post_init__.
#
# Seen with jaxtyping 0.3.11, beartype 0.23.1 and numpy 2.4.6 on Python 3.11, Linux x86-64.
# Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "jaxtyping==0.3.11" \
  "beartype==0.23.1" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
cat > shapes.py <<'PY'
import dataclasses

import numpy as np
from jaxtyping import Float


@dataclasses.dataclass
class Converts:
    values: Float[np.ndarray, " n"]

    def __post_init__(self):
        self.values = np.asarray(self.values, np.float32)


@dataclasses.dataclass
class Breaks:
    first: Float[np.ndarray, " n"]
    second: Float[np.ndarray, " n"]

    def __post_init__(self):
        self.second = np.zeros((7, 7), int)
PY
"$python" - <<'PY'
import numpy as np
from jaxtyping import TypeCheckError, install_import_hook

with install_import_hook("shapes", "beartype.beartype"):
    import shapes

try:
    shapes.Converts([1.0, 2.0])
    raise SystemExit("a list that __post_init__ converts is taken now")
except TypeCheckError:
    print("a list that __post_init__ makes an array: TypeCheckError")
broken = shapes.Breaks(np.zeros(3), np.zeros(3))
print("an array that __post_init__ makes", broken.second.shape, broken.second.dtype, "passes")
PY
echo "as described: the check comes before __post_init__"
