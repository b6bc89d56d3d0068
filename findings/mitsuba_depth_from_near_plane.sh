#!/usr/bin/env bash
# A wall at a distance of 5 m in front of the camera has a depth of 4 m in the AOV
# integrator's depth channel and in the depth integrator if the near clipping plane is
# at 1 m, of 4.99 m with the plane at the default of .01 m. The depth is the distance
# along the ray, but from the near plane on.
#
# One would guess: depth is measured from the camera, and near_clip only leaves out what
# is nearer.
#
# Seen with mitsuba 3.9.1 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if
# it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "mitsuba==3.9.1" "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
import mitsuba as mi
import numpy as np

mi.set_variant("scalar_rgb")
DEPTH = {
    "aov": {"type": "aov", "aovs": "distance:depth"},
    "depth": {"type": "depth"},
}


def depth_of_centre(integrator, near_clip):
    film = {
        "type": "hdrfilm",
        "width": 65,
        "height": 65,
        "rfilter": {"type": "box"},
    }
    camera = {
        "type": "perspective",
        "fov": 60,
        "near_clip": near_clip,
        "film": film,
        "sampler": {"type": "independent", "sample_count": 16},
    }
    wall = mi.ScalarTransform4f().translate([0, 0, 5]).scale(20)
    scene = {
        "type": "scene",
        "integrator": DEPTH[integrator],
        "sensor": camera,
        "wall": {"type": "rectangle", "to_world": wall},
    }
    return float(np.array(mi.render(mi.load_dict(scene)))[32, 32, -1])


for integrator in DEPTH:
    for near_clip, expected in ((1.0, 4.0), (0.01, 4.99)):
        depth_m = depth_of_centre(integrator, near_clip)
        print(integrator, near_clip, round(depth_m, 2))
        assert abs(depth_m - expected) < 0.005, "it is measured from the camera now"
PY
echo "as described: depth is counted from the near plane"
