"""Refuses requests from other sites, for other host names, and of too many bytes."""

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from deepdepth_jax.demo.input_images import LARGEST_FILE_BYTES
from deepdepth_jax.demo.storage import Storage
from deepdepth_jax.errors import UserError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
"""Anything that speaks ASGI."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
LARGEST_BODY_BYTES = LARGEST_FILE_BYTES + 2**16
"""A file within a multipart form."""


class RequestError(Exception):
    """A request is refused.

    Args:
      status: of HTTP.
      reason: shown to the visitor.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Names:
    """The names and addresses under which a page is served.

    Another site can make its own name resolve to this machine (DNS rebinding). Its
    requests are told apart by that name. The port is not compared, because `ssh -L`
    forwards the page to another one.

    Args:
      host: `--host`, a name or an address.
      address: the IP address that accepts connections.
    """

    def __init__(self, host: str, address: str) -> None:
        bound = ipaddress.ip_address(address)
        # Browsers send a name in ASCII, and an address in its shortest form.
        self._names = {host.encode("idna").decode().lower().rstrip("."), str(bound)}
        self._has_any_address = bound.is_unspecified
        if bound.is_loopback or bound.is_unspecified:
            self._names |= LOOPBACK
        if bound.is_unspecified:
            own = socket.gethostname().lower()
            self._names |= {own, f"{own}.local"}
        self._names.discard("")

    def check(self, headers: Mapping[str, str]) -> None:
        """Checks the name that a request is for, and the page that sends it.

        Args:
          headers: of the request, with names in lower case.

        Raises:
          RequestError: the page has another name, or another page sends the request.
        """
        host = headers.get("host", "").lower()
        name = _hostname(host)
        if not (name in self._names or (self._has_any_address and _is_address(name))):
            raise RequestError(
                403,
                f"This page is not served under the name {name!r}: start it with "
                "--host=NAME.",
            )
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in _origins(host):
            raise RequestError(403, "Requests from other sites are refused.")


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _origins(host: str) -> tuple[str, str]:
    return f"http://{host}", f"https://{host}"


class Guard:
    """Passes requests on to an application, or refuses them. An application itself.

    Args:
      app: the application.
      names: of the page.
      storage: bounds the sum of the uploads.
    """

    def __init__(self, app: Application, names: Names, storage: Storage) -> None:
        self._app, self._names, self._storage = app, names, storage

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers a request, by the protocol ASGI."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            try:
                await self._answer(scope, receive, send)
            except RequestError as refusal:
                await _refuse(send, refusal)
        else:
            await send({"type": "websocket.close", "code": 1008})  # the page opens none

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        self._names.check(headers)
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        num_bytes = _body_bytes(headers)
        try:
            with self._storage.receiving(num_bytes):
                await self._app(scope, receive, send)
        except UserError as error:
            raise RequestError(503, str(error)) from error


def _body_bytes(headers: Mapping[str, str]) -> int:
    """Returns the length of a request's body.

    Raises:
      RequestError: the length is missing, or larger than any upload may be.
    """
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdecimal():
        raise RequestError(411, "The request needs a Content-Length.")
    if int(length) > LARGEST_BODY_BYTES:
        megabytes = LARGEST_FILE_BYTES // 2**20
        raise RequestError(413, f"An image may have {megabytes} MB at most.")
    return int(length)


async def _refuse(send: Send, refusal: RequestError) -> None:
    body = str(refusal).encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    status = refusal.status
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
