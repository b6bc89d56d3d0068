"""Downloads from a server that cuts them off, from processes that are killed."""

import hashlib
import resource
import subprocess
import sys
import time
from functools import partial

import pytest
from local_hub import serve

from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime import atomic, downloads
from deepdepth_jax.runtime.downloads import Remote, append_from, download

CONTENT = bytes(range(256)) * 4096
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()[:8]}"
THIRD = len(CONTENT) // 3


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(downloads, "PAUSE_S", 0)
    monkeypatch.setattr(downloads, "CHUNK_BYTES", 1024)
    for hub in serve():
        hub.files["a/b"] = {"x.bin": CONTENT}
        yield hub


def remote(server, digest=DIGEST):
    url = f"{server.url}/a/b/resolve/main/x.bin"
    return Remote(
        url, digest, partial(append_from, url, remedy="again"), "again", "CACHE"
    )


def first_bytes(server):
    """Returns the first byte of each request."""
    return [int(x[2][len("bytes=") : -1]) if x[2] else 0 for x in server.requests]


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_downloaded_once(server, tmp_path, capsys):
    path = tmp_path / "new" / "x.bin"
    download(remote(server), path)
    download(remote(server), path)
    assert path.read_bytes() == CONTENT
    assert first_bytes(server) == [0]
    assert files(path.parent) == ["x.bin"]
    assert "x.bin: 100%" in capsys.readouterr().err


def test_a_cut_off_transfer_is_continued(server, tmp_path):
    server.cuts += [THIRD, THIRD]
    download(remote(server), tmp_path / "x.bin")
    assert (tmp_path / "x.bin").read_bytes() == CONTENT
    assert first_bytes(server) == [0, THIRD, 2 * THIRD]


def test_a_transfer_that_is_cut_off_for_good_is_continued_by_the_next(server, tmp_path):
    server.cuts += [THIRD, *downloads.RECONNECTIONS * [0]]
    with pytest.raises(UserError, match=f"cut off after {THIRD} of"):
        download(remote(server), tmp_path / "x.bin")
    assert not (tmp_path / "x.bin").exists()
    assert not server.cuts
    server.requests.clear()
    download(remote(server), tmp_path / "x.bin")
    assert (tmp_path / "x.bin").read_bytes() == CONTENT
    assert first_bytes(server) == [THIRD]
    assert files(tmp_path) == ["x.bin"]


def test_a_server_that_sends_no_parts_sends_it_all_again(server, tmp_path):
    server.sends_parts = False
    server.cuts += [THIRD]
    download(remote(server), tmp_path / "x.bin")
    assert (tmp_path / "x.bin").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("left", "requests"),
    [
        (CONTENT, [len(CONTENT)]),  # killed before it had its name
        (CONTENT + b"more", [len(CONTENT) + 4, 0]),  # of another file
        (b"", [0]),
    ],
)
def test_what_a_kill_has_left_is_completed(server, tmp_path, left, requests):
    (tmp_path / f"{atomic.PREFIX}x.bin").write_bytes(left)
    download(remote(server), tmp_path / "x.bin")
    assert (tmp_path / "x.bin").read_bytes() == CONTENT
    assert first_bytes(server) == requests


def test_other_content_is_refused_and_nothing_is_continued_from_it(server, tmp_path):
    (tmp_path / f"{atomic.PREFIX}x.bin").write_bytes(b"other")
    for _ in range(2):
        with pytest.raises(UserError, match=r"its sha256 begins .* of 00000000; again"):
            download(remote(server, "sha256:00000000"), tmp_path / "x.bin")
        assert not [x for x in tmp_path.iterdir() if not x.name.endswith(".lock")]
    assert first_bytes(server) == [5, 0]


def test_a_server_that_refuses_leaves_nothing_to_continue(server, tmp_path):
    server.files.clear()
    with pytest.raises(UserError, match="401"):
        download(remote(server), tmp_path / "x.bin")
    assert len(server.requests) == 1
    assert not list(tmp_path.glob("*x.bin"))


def test_a_folder_that_cannot_be_written_is_one_line(server, tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "x.bin"
    with pytest.raises(UserError, match=rf"^{path}: cannot be written \(.*; set CACHE"):
        download(remote(server), path)
    assert server.requests == []


def test_a_full_disk_is_no_fault_of_the_connection(server, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (THIRD, before[1]))
    try:
        with pytest.raises(UserError, match=r"written \(File too large\); set CACHE"):
            download(remote(server), tmp_path / "x.bin")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(server.requests) == 1
    download(remote(server), tmp_path / "x.bin")
    assert first_bytes(server) == [0, THIRD]


PROGRAM = """
import sys
from functools import partial
from pathlib import Path
from deepdepth_jax.runtime.downloads import Remote, append_from, download
url, digest, path = sys.argv[1:]
append = partial(append_from, url, remedy="again")
remote = Remote(url, digest, append, "again", "CACHE")
download(remote, Path(path))
"""


def start(server, path):
    url = f"{server.url}/a/b/resolve/main/x.bin"
    command = [sys.executable, "-c", PROGRAM, url, DIGEST, str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def wait_for(condition):
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("never")


def size(path):
    return path.stat().st_size if path.exists() else 0


def test_a_killed_download_is_continued_while_another_process_waits(server, tmp_path):
    path, server.stall = tmp_path / "x.bin", THIRD
    killed = start(server, path)
    wait_for(lambda: size(tmp_path / f"{atomic.PREFIX}x.bin") == THIRD)
    killed.kill()
    killed.communicate()
    continuing = start(server, path)
    wait_for(lambda: len(server.requests) == 2)
    waiting = start(server, path)
    assert "waiting for another process" in waiting.stdout.readline()
    server.resume.set()
    for process in (continuing, waiting):
        process.communicate()
        assert process.returncode == 0
    assert path.read_bytes() == CONTENT
    assert first_bytes(server) == [0, THIRD]
    assert files(tmp_path) == ["x.bin"]
