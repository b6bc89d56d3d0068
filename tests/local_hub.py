"""A server that speaks the Hugging Face Hub's protocol as far as networks need it.

Files of a repository live in memory. A test may have it cut downloads off.
"""

import base64
import dataclasses
import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_test"


@dataclasses.dataclass
class Hub:
    """The state of the server.

    Attributes:
      files: content by `user/name` and path.
      requests: method, path and Range header of each request.
      private: names of repositories that are private.
      branches: names of branches, of any repository.
      sends_parts: whether Range headers are heeded.
      commit: the newest one.
      served: content that downloads have in place of a file's own. None: its own.
      cdn: whether files are served from another host, to which requests are redirected.
      tokens: path and Authorization header of each request.
      cuts: number of bytes after which the next downloads are cut off.
      stall: number of bytes after which downloads wait for `resume`.
    """

    files: dict[str, dict[str, bytes]] = dataclasses.field(default_factory=dict)
    requests: list[tuple[str, str, str | None]] = dataclasses.field(
        default_factory=list
    )
    private: set[str] = dataclasses.field(default_factory=set)
    branches: set[str] = dataclasses.field(default_factory=lambda: {"main"})
    sends_parts: bool = True
    commit: str = COMMIT
    served: bytes | None = None
    cdn: bool = False
    tokens: list[tuple[str, str | None]] = dataclasses.field(default_factory=list)
    cuts: list[int] = dataclasses.field(default_factory=list)
    stall: int | None = None
    resume: threading.Event = dataclasses.field(default_factory=threading.Event)
    uploads: dict[str, bytes] = dataclasses.field(default_factory=dict)
    url: str = ""


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers for one hub, the server's attribute of that name."""

    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> Hub:
        return self.server.hub

    def do_HEAD(self):
        self._resolve(with_body=False)

    def do_GET(self):
        info = re.fullmatch(r"/api/models/([^/]+/[^/]+)", self.path)
        if info and info[1] in self.hub.files:
            self._note()
            is_private = info[1] in self.hub.private
            self._json({"id": info[1], "private": is_private, "sha": self.hub.commit})
        elif self.path.startswith("/cdn/"):
            self._note()
            _, _, user, name, path = self.path.split("/")
            content = self.hub.served or self.hub.files[f"{user}/{name}"][path]
            self._serve(content, with_body=True)
        else:
            self._resolve(with_body=True)

    def do_PUT(self):
        self._note()
        self.hub.uploads[self.path.rsplit("/", 1)[-1]] = self._body()
        self._answer(200, b"")

    def do_POST(self):
        self._note()
        body = self._body()
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._refuse(401, "", "Invalid username or password.")
            return
        for pattern, answer in (
            (r"/api/repos/create", self._create),
            (r"/api/validate-yaml", self._validate),
            (r"/api/models/(.+)/branch/(.+)", self._branch),
            (r"/api/models/(.+)/preupload/(.+)", self._preupload),
            (r"/(.+)\.git/info/lfs/objects/batch", self._batch),
            (r"/api/models/(.+)/commit/(.+)", self._commit),
        ):
            found = re.fullmatch(pattern, self.path)
            if found:
                answer(body, *found.groups())
                return
        self._refuse(404, "", self.path)

    def _create(self, body):
        fields = json.loads(body)
        name = f"{fields['organization']}/{fields['name']}"
        if name in self.hub.files:
            self._json({"url": f"{self.hub.url}/{name}"}, 409)
            return
        self.hub.files[name] = {}
        if fields["visibility"] == "private":
            self.hub.private.add(name)
        self._json({"url": f"{self.hub.url}/{name}"})

    def _branch(self, body, name, branch):
        del body, name
        code = 409 if branch in self.hub.branches else 200
        self.hub.branches.add(branch)
        self._json({}, code)

    def _validate(self, body):
        assert json.loads(body)["content"].startswith("---\n")
        self._json({"errors": [], "warnings": []})

    def _preupload(self, body, name, branch):
        del name
        if branch not in self.hub.branches:
            self._refuse(404, "RevisionNotFound", "Revision not found")
            return
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith("s") else "regular",
                "shouldIgnore": False,
                "oid": None,
            }
            for file in json.loads(body)["files"]
        ]
        self._json({"files": files})

    def _batch(self, body, name):
        del name
        objects = [
            {
                "oid": each["oid"],
                "size": each["size"],
                "actions": {"upload": {"href": f"{self.hub.url}/upload/{each['oid']}"}},
            }
            for each in json.loads(body)["objects"]
        ]
        self._json({"transfer": "basic", "objects": objects})

    def _commit(self, body, name, branch):
        del branch
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                content = base64.b64decode(value["content"])
                self.hub.files[name][value["path"]] = content
            if entry["key"] == "lfsFile":
                self.hub.files[name][value["path"]] = self.hub.uploads[value["oid"]]
        self._json(
            {
                "commitUrl": f"{self.hub.url}/{name}/commit/{self.hub.commit}",
                "commitOid": self.hub.commit,
                "success": True,
            }
        )

    def _resolve(self, with_body):
        self._note()
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path)
        if not found or found[1] not in self.hub.files:
            self._refuse(401, "RepoNotFound", "Repository not found")
        elif found[2] not in {self.hub.commit, *self.hub.branches}:
            self._refuse(404, "RevisionNotFound", "Revision not found")
        elif found[3] not in self.hub.files[found[1]]:
            self._refuse(404, "EntryNotFound", "Entry not found")
        elif self.hub.cdn:
            self._redirect(self.hub.files[found[1]][found[3]], found[1], found[3])
        else:
            self._serve(self.hub.files[found[1]][found[3]], with_body)

    def _redirect(self, content, name, path):
        port = self.server.server_address[1]
        location = f"http://localhost:{port}/cdn/{name}/{path}"
        fields = {
            "Location": location,
            "X-Linked-Size": str(len(content)),
            "X-Linked-ETag": f'"{hashlib.sha256(content).hexdigest()}"',
            "X-Repo-Commit": self.hub.commit,
        }
        self._answer(302, b"", fields)

    def _serve(self, content, with_body):
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if not self.hub.sends_parts:
            asked = None
        if asked:
            start = int(asked[1])
        if start >= len(content) > 0:
            self._answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            return
        part = content[start:]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(part)))
        if asked:
            end = len(content) - 1
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", self.hub.commit)
        self.end_headers()
        if with_body:
            if self.hub.cuts:
                part = part[: self.hub.cuts.pop(0)]
                self.close_connection = True
            if self.hub.stall is not None:
                self.wfile.write(part[: self.hub.stall])
                self.hub.resume.wait()
                part = part[self.hub.stall :]
            self.wfile.write(part)

    def _note(self):
        self.hub.requests.append((self.command, self.path, self.headers.get("Range")))
        self.hub.tokens.append((self.path, self.headers.get("Authorization")))

    def _body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _json(self, value, code=200):
        self._answer(code, json.dumps(value).encode())

    def _refuse(self, code, error, message):
        self._answer(code, b"", {"X-Error-Code": error, "X-Error-Message": message})

    def _answer(self, code, body, headers=()):
        self.send_response(code)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        del args


def serve() -> Iterator[Hub]:
    """Serves a hub until the generator is closed."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.hub = Hub(url=f"http://127.0.0.1:{running.server_address[1]}")
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running.hub
        running.shutdown()
        thread.join()
