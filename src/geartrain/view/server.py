"""A local server of pages that are already there: a dict of paths, nothing mapped to the disk.

It listens on this machine alone, answers GET and HEAD, and refuses a request whose ``Host`` is not its own, so that no
other site's page can read what it serves. A trace shows the user's own data: it needs a token that works once, and then
a cookie.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from geartrain.errors import GeartrainError

__all__ = ["LESSON_PORT", "PageServer"]

LESSON_PORT = 8425
"""Always the same: progress is kept by the browser for one address, and another port is another address."""

ADDRESS = "127.0.0.1"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",  # the pages bring the rest with them
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PageServer(ThreadingHTTPServer):
    """Serves ``pages`` (HTML by path, such as ``/index.html``; ``/`` is ``/index.html``).

    ``private`` pages want the token first. ``version`` says how often the pages have changed, for pages that wait.

    Raises:
        GeartrainError: the port is taken.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, pages: Mapping[str, str], *, port: int = 0, private: bool = False) -> None:
        self.pages = dict(pages)
        self.version = 0
        self.token = secrets.token_urlsafe(24) if private else ""
        self.cookie = secrets.token_urlsafe(24) if private else ""
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            raise GeartrainError(
                f"port {port} is taken ({error.strerror}): is geartrain running already? Or choose one by --port"
            ) from error

    @property
    def port(self) -> int:
        return self.server_address[1]

    @property
    def url(self) -> str:
        """Where to go; for private pages with the token, which works once."""
        return f"http://{ADDRESS}:{self.port}/" + (f"?token={self.token}" if self.token else "")

    def replace(self, pages: Mapping[str, str]) -> None:
        """Serve these pages from now on."""
        self.pages = dict(pages)
        self.version += 1

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: PageServer  # type: ignore[assignment]
    server_version = "geartrain"
    sys_version = ""
    timeout = 20

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return lambda: self._send(405, "Only GET and HEAD are answered here.", extra={"Allow": "GET, HEAD"})
        raise AttributeError(name)

    def _answer(self, body: bool) -> None:
        server = self.server
        if self.headers.get("Host") not in (f"{ADDRESS}:{server.port}", f"localhost:{server.port}"):
            self._send(421, "This server answers for its own address only.", body=body)
            return
        asked = urlsplit(self.path)
        if server.cookie and not self._known():
            given = parse_qs(asked.query).get("token", [""])[0]
            if server.token and hmac.compare_digest(given.encode(), server.token.encode()):
                server.token = ""
                name = f"geartrain-{server.port}"
                cookie = f"{name}={server.cookie}; HttpOnly; SameSite=Strict; Path=/"
                self._send(303, "", extra={"Location": "/", "Set-Cookie": cookie}, body=body)
            else:
                self._send(403, "This page belongs to who started it: use the link that geartrain printed.", body=body)
            return
        if asked.path == "/version":
            self._send(200, str(server.version), body=body)
            return
        page = server.pages.get("/index.html" if asked.path == "/" else asked.path)
        if page is None:
            self._send(404, "There is no such page here.", body=body)
        else:
            self._send(200, page, kind="text/html", body=body)

    def _known(self) -> bool:
        try:
            cookies = SimpleCookie(self.headers.get("Cookie", ""))
        except CookieError:
            return False
        have = cookies.get(f"geartrain-{self.server.port}")
        return have is not None and hmac.compare_digest(have.value.encode(), self.server.cookie.encode())

    def _send(
        self,
        status: int,
        text: str,
        *,
        kind: str = "text/plain",
        body: bool = True,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        data = text.encode()
        self.send_response(status)
        for name, value in {**_HEADERS, **(extra or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: the terminal is the user's."""
