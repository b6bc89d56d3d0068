"""Which requests the page answers, and how many bytes it keeps."""

import os
import socket

import pytest

from deepdepth_jax.demo.guard import LARGEST_BODY_BYTES, Guard, Names
from deepdepth_jax.demo.storage import Storage
from deepdepth_jax.errors import UserError


def request(guard, method="GET", **headers):
    """Sends a request, and returns the status of the answer."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": "/",
        "headers": [
            (name.replace("_", "-").encode(), value.encode())
            for name, value in headers.items()
        ],
    }
    # No event loop: Playwright's may run in this thread already.
    with pytest.raises(StopIteration):  # the guard waits for nothing
        guard(scope, receive, send).send(None)
    return sent[0]["status"]


async def answer(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here"})


def guarded(folder, address="127.0.0.1", app=answer, most_bytes=1000):
    return Guard(app, Names(address, address), Storage(folder, most_bytes))


@pytest.mark.parametrize(
    ("served_at", "host", "status"),
    [
        ("127.0.0.1", "127.0.0.1:7860", 200),
        ("127.0.0.1", "localhost:8080", 200),  # by way of ssh -L
        ("127.0.0.1", "LOCALHOST", 200),
        ("127.0.0.1", "[::1]:7860", 200),
        ("127.0.0.1", "evil.example:7860", 403),
        ("127.0.0.1", "127.0.0.1.evil.example:7860", 403),
        ("127.0.0.1", "10.1.2.3:7860", 403),
        ("127.0.0.1", "", 403),
        ("127.0.0.1", "[::1", 403),
        ("127.0.0.1", ".", 403),
        ("127.0.0.2", "127.0.0.2:7860", 200),
        ("::1", "localhost:7860", 200),
        ("::", "10.1.2.3:7860", 200),
        ("0.0.0.0", "10.1.2.3:7860", 200),
        ("0.0.0.0", "[fd00::1]:7860", 200),
        ("0.0.0.0", f"{socket.gethostname()}:7860", 200),
        ("0.0.0.0", "evil.example:7860", 403),
    ],
)
def test_only_the_names_of_the_page_are_answered(tmp_path, served_at, host, status):
    assert request(guarded(tmp_path, served_at), host=host) == status


@pytest.mark.parametrize(
    ("given", "sent", "status"),
    [
        ("Bücher.example.", "xn--bcher-kva.example", 200),
        ("box.lan", "10.1.2.3:7860", 200),
        ("box.lan", "localhost", 403),
        ("", "10.1.2.3", 200),
        ("", "", 403),
    ],
)
def test_a_page_has_the_name_it_was_given_and_its_address(
    tmp_path, given, sent, status
):
    guard = Guard(answer, Names(given, "10.1.2.3"), Storage(tmp_path))
    assert request(guard, host=sent) == status


def test_a_request_without_a_name_is_refused(tmp_path):
    assert request(guarded(tmp_path)) == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:7860", 200),
        ("https://localhost:7860", 200),  # behind a proxy that encrypts
        ("http://localhost:7861", 403),
        ("http://127.0.0.1:7860", 403),
        ("http://evil.example", 403),
        ("http://localhost:7860.evil.example", 403),
        ("null", 403),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_other_pages_may_not_use_it(tmp_path, method, origin, status):
    guard = guarded(tmp_path)
    assert request(guard, method, host="localhost:7860", origin=origin) == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_length": "1000"}, 200),
        ({"content_length": "1001"}, 503),
        ({"content_length": str(LARGEST_BODY_BYTES + 1)}, 413),
        ({"content_length": "-1"}, 411),
        ({"transfer_encoding": "chunked"}, 411),
    ],
    ids=str,
)
def test_the_length_of_a_request_is_bounded(tmp_path, headers, status):
    guard = guarded(tmp_path)
    assert request(guard, "POST", host="localhost", **headers) == status


def write(path, num_bytes, age_s):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(num_bytes))
    os.utime(path, (1e9 - age_s, 1e9 - age_s))


def test_the_oldest_files_make_room(tmp_path):
    write(tmp_path / "example" / "e.png", 500, age_s=9)
    storage = Storage(tmp_path, most_bytes=1000)
    for age_s, name in ((3, "a"), (1, "b"), (2, "c")):
        write(tmp_path / name / "file", 300, age_s)
    storage.make_room(100)
    assert len(list(tmp_path.rglob("file"))) == 3
    storage.make_room(101)
    assert not (tmp_path / "a" / "file").exists()
    with storage.receiving(500), pytest.raises(UserError, match="try again"):
        storage.receiving(501).__enter__()
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert left == {"example/e.png"}
    assert [path.parent.name for path in tmp_path.rglob("file")] == ["b"]


def test_files_of_a_broken_upload_are_removed(tmp_path):
    async def breaks_off(scope, receive, send):
        (tmp_path / "tmpempty").touch()
        (tmp_path / "tmppart").write_bytes(b"the beginning")
        write(tmp_path / "whole" / "mine.png", 10, age_s=0)
        await answer(scope, receive, send)

    guard = guarded(tmp_path, app=breaks_off)
    assert request(guard, "POST", host="localhost", content_length="20") == 200
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["mine.png"]
