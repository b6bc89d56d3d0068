import hashlib
import http.server
import re
import socket
import sys
import threading
from pathlib import Path

import pytest
from foreign_checkpoints import state_dict
from safetensors.numpy import save

from deepdepth_jax.errors import UserError
from deepdepth_jax.models.pretrained import load_backbone
from deepdepth_jax.runtime import downloads
from deepdepth_jax.runtime.installation import install_command
from deepdepth_jax.runtime.paths import cache_folder
from deepdepth_jax.weights.catalogue import CHECKPOINTS, Checkpoint
from deepdepth_jax.weights.hub import resolve

CONTENT = save(state_dict("resnet18"))
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves one checkpoint; under `/cut/`, only its first half."""

    def do_GET(self):
        self.server.requests.append(self.path)
        if self.path.startswith("/missing/"):
            self.send_error(404)
            return
        self.send_response(200)
        if not self.path.startswith("/unsized/"):
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        half = self.path.startswith(("/cut/", "/unsized/"))
        self.wfile.write(CONTENT[: len(CONTENT) // 2] if half else CONTENT)

    def log_message(self, *args):
        del args


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(downloads, "PAUSE_S", 0)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.requests = []
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def catalogue(server, folder="whole", digest=f"sha256:{SHA256[:8]}"):
    port = server.server_address[1]
    url = f"http://127.0.0.1:{port}/{folder}/resnet18.safetensors"
    return {"test/resnet18": Checkpoint(url, digest)}


def files(folder):
    """Returns the names of the files that are not hidden."""
    return sorted(path.name for path in folder.glob("[!.]*"))


def test_downloads_and_converts_once(server, tmp_path, capsys):
    first = resolve("test/resnet18", tmp_path / "cache", catalogue(server))
    written = first.stat().st_mtime_ns
    again = resolve("test/resnet18", tmp_path / "cache", catalogue(server))

    assert first == again
    assert again.stat().st_mtime_ns == written
    assert server.requests == ["/whole/resnet18.safetensors"]
    metadata = load_backbone(first).metadata
    assert metadata.architecture == "resnet18"
    assert metadata.source_sha256 == SHA256
    assert files(tmp_path / "cache") == [
        "resnet18.deepdepth.safetensors",
        "resnet18.safetensors",
    ]
    assert "resnet18.safetensors: 100%" in capsys.readouterr().err


def test_md5(server, tmp_path):
    digest = "md5:" + hashlib.md5(CONTENT).hexdigest()

    path = resolve("test/resnet18", tmp_path, catalogue(server, digest=digest))

    assert path.is_file()


@pytest.mark.parametrize(
    ("folder", "digest", "message"),
    [
        ("cut", f"sha256:{SHA256}", r"cut off after \d+ of \d+ bytes"),
        ("unsized", f"sha256:{SHA256}", "truncated or modified, its sha256"),
        ("whole", "sha256:00000000", "sha256 begins with .* instead of 00000000"),
        ("missing", f"sha256:{SHA256}", "404"),
    ],
)
def test_bad_downloads_leave_nothing(folder, digest, message, server, tmp_path):
    with pytest.raises(UserError, match=message) as error:
        resolve("test/resnet18", tmp_path, catalogue(server, folder, digest))

    assert files(tmp_path) == []
    assert "\n" not in str(error.value)
    assert f"/{folder}/resnet18.safetensors" in str(error.value)
    assert f"put resnet18.safetensors at {tmp_path / 'resnet18.safetensors'}" in str(
        error.value
    )


def test_without_network_says_where_to_put_the_file(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    known = {"a": Checkpoint(f"http://127.0.0.1:{port}/a.h5", "sha256:00000000")}

    with pytest.raises(UserError, match=f"put a.h5 at {tmp_path / 'a.h5'} and start"):
        resolve("a", tmp_path, known)


def test_a_file_put_there_by_hand_is_checked_and_used(server, tmp_path):
    (tmp_path / "resnet18.safetensors").write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match="truncated or modified"):
        resolve("test/resnet18", tmp_path, catalogue(server))

    (tmp_path / "resnet18.safetensors").write_bytes(CONTENT)
    path = resolve("test/resnet18", tmp_path, catalogue(server))

    assert load_backbone(path).metadata.source_sha256 == SHA256
    assert server.requests == []


def test_a_path_is_a_path(tmp_path, monkeypatch):
    path = tmp_path / "own.safetensors"
    path.touch()
    monkeypatch.setenv("HOME", str(tmp_path))

    assert resolve(str(path)) == path
    assert resolve("~/own.safetensors") == path


def test_an_unknown_name_is_told_the_nearest(tmp_path):
    with pytest.raises(UserError, match="nearest name is torchvision/resnet101"):
        resolve("torchvison/resnet101", tmp_path)


def test_the_cache_is_where_the_desktop_standard_puts_it(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert cache_folder() == Path("/elsewhere/deepdepth_jax")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder() == Path("/home/someone/.cache/deepdepth_jax")


def test_torch_is_asked_for_before_a_download(server, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    port = server.server_address[1]
    known = {"a": Checkpoint(f"http://127.0.0.1:{port}/whole/a.pth", "sha256:00")}

    with pytest.raises(UserError, match=re.escape(install_command("torch"))):
        resolve("a", tmp_path, known)

    assert server.requests == []


def test_the_catalogue_is_sound():
    assert "torchvision/resnet101" in CHECKPOINTS
    assert "timm/resnet101.tv_in1k" in CHECKPOINTS
    assert CHECKPOINTS["torchvision/resnet101"].file_name == "resnet101-63fe2227.pth"
    assert CHECKPOINTS["torchvision/resnet101"].digest == "sha256:63fe2227"
    for name, checkpoint in CHECKPOINTS.items():
        assert checkpoint.url.startswith("https://")
        algorithm, digits = checkpoint.digest.split(":")
        assert (algorithm, len(digits)) in {("sha256", 8), ("md5", 32)}
        # The depth in our name is the one in the file's.
        depth = name.split("/")[1].split(".")[0]
        assert re.match(rf"{depth}[-_]", checkpoint.file_name)
