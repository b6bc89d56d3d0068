#!/usr/bin/env bash
# hf_hub_download continues a download that is cut off only within the same call. If the
# call fails, it deletes what it has, 20 MiB here, and the next call downloads everything
# anew.
#
# One would guess: what was downloaded stays in the cache as an .incomplete file, and the
# next call asks for the rest by a Range request, as the client has done for years.
#
# Seen with huggingface_hub 2.4.0 on Python 3.11, Linux x86-64. Exits with 1 if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "huggingface_hub==2.4.0" \
  || exit 2
"$python" --version
"$python" -m pip --disable-pip-version-check list --format=freeze
cd "$folder"
HF_HOME=$folder/home "$python" - <<'PY'
import hashlib
import http.server
import os
import threading
from pathlib import Path

CONTENT = bytes(25 * 2**20)
CUT_AT = 22 * 2**20
log = []
healthy = False


class Handler(http.server.BaseHTTPRequestHandler):
    """One file of one repository. While it is not healthy, it cuts off, then refuses."""

    def do_HEAD(self):
        self.answer(200, 0)

    def do_GET(self):
        if not self.path.endswith("weights.bin"):
            self.send_error(404)
            return
        log.append(self.headers["Range"])
        if not healthy and len(log) > 1:
            self.send_error(403)
            return
        range_ = self.headers["Range"]
        start = int(range_.removeprefix("bytes=").split("-")[0]) if range_ else 0
        self.answer(206 if start else 200, start)
        self.wfile.write(CONTENT[start:] if healthy else CONTENT[start:CUT_AT])

    def answer(self, status, start):
        self.send_response(status)
        self.send_header("X-Repo-Commit", "0123456789" * 4)
        self.send_header("ETag", f'"{hashlib.sha256(CONTENT).hexdigest()}"')
        self.send_header("Accept-Ranges", "bytes")
        if start:
            end = len(CONTENT)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ |= {
    "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_XET": "1",
}

from huggingface_hub import hf_hub_download


def download():
    return Path(hf_hub_download("someone/network", "weights.bin"))


try:
    download()
except Exception as error:
    print("first call:", type(error).__name__)
first = list(log)
left = [path.name for path in Path(os.environ["HF_HOME"]).rglob("*.incomplete")]
healthy = True
log.clear()
assert download().read_bytes() == CONTENT
print("Range headers of the first call ", first)
print("files left between the calls    ", left)
print("Range headers of the second call", log)
assert first == [None, f"bytes={20 * 2**20}-"]
assert left == []
assert log == [None]
PY
echo "as described: a failed call forgets what it has downloaded"
