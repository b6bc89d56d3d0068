#!/usr/bin/env bash
# In an MP4 file of H.264 with B-frames and a varying frame rate, frame.duration after
# decoding is wrong: MP4 stores durations in the order of decoding, and they are handed out
# with frames of another. Time stamps are right. A frame shown for 1/30 s has the duration
# 20/30 s of its neighbour. Without B-frames durations are the steps between time stamps.
#
# One would guess: the duration of a frame is the time until the next one, with or without
# B-frames.
#
# Seen with av 18.1.0 and numpy 2.4.6 on Python 3.11, Linux x86-64. Exits with 1 if it
# changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "av==18.1.0" \
  "numpy==2.4.6" || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
"$python" - <<'PY' 2> log || { cat log; exit 1; }
from fractions import Fraction

import av
import numpy as np

TICK_S = Fraction(1, 30)
STARTS = [0, 1, 5, 6, 10, 30, 31, 33]


def written_and_read(b_frames):
    with av.open("video.mp4", "w") as file:
        stream = file.add_stream("libx264", rate=30, options={"bf": str(b_frames)})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = TICK_S
        for index, start in enumerate(STARTS):
            level = np.full((64, 64, 3), index * 37 % 255, np.uint8)
            frame = av.VideoFrame.from_ndarray(level, format="rgb24")
            frame.time_base, frame.pts = TICK_S, start
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with av.open("video.mp4") as file:
        frames = list(file.decode(video=0))
    starts = [frame.pts * frame.time_base / TICK_S for frame in frames]
    return starts, [int(frame.duration * frame.time_base / TICK_S) for frame in frames]


steps = np.diff(STARTS).tolist()
print("steps between frames:     ", steps)
for b_frames in (0, 3):
    starts, durations = written_and_read(b_frames)
    print(f"durations with bf={b_frames}:      ", durations[:-1])
    assert starts == STARTS
    assert (durations[:-1] == steps) == (b_frames == 0), "durations changed"
assert durations[5] == 20
PY
echo "as described: durations of B-frames are those of other frames"
