"""The local server: its own pages, to its own visitor, by GET and HEAD."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from geartrain.errors import GeartrainError
from geartrain.view.server import PageServer

PAGES = {"/index.html": "<title>one</title>", "/two.html": "<title>two</title>"}


@contextmanager
def serving(private: bool = False) -> Iterator[PageServer]:
    with PageServer(PAGES, private=private) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(
    server: PageServer, path: str = "/", method: str = "GET", host: str | None = None, cookie: str = ""
) -> tuple[int, str, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Host": host or f"127.0.0.1:{server.port}"} | ({"Cookie": cookie} if cookie else {})
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text, answer


def test_pages_are_served_with_headers_that_keep_them_here() -> None:
    with serving() as server:
        status, text, answer = ask(server)
        assert (status, text) == (200, PAGES["/index.html"])
        assert ask(server, "/two.html")[1] == PAGES["/two.html"]
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Referrer-Policy") == "no-referrer"
        assert answer.getheader("Cross-Origin-Opener-Policy") == "same-origin"
        assert answer.getheader("Cross-Origin-Resource-Policy") == "same-origin"
        assert answer.getheader("Access-Control-Allow-Origin") is None
        assert "Python" not in (answer.getheader("Server") or "")


def test_it_listens_on_this_machine_alone() -> None:
    with serving() as server:
        assert server.server_address[0] == "127.0.0.1"


def test_head_has_no_body() -> None:
    with serving() as server:
        status, text, answer = ask(server, method="HEAD")
        assert (status, text) == (200, "")
        assert answer.getheader("Content-Length") == str(len(PAGES["/index.html"]))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FOO"])
def test_other_methods_are_refused(method: str) -> None:
    with serving() as server:
        assert ask(server, method=method)[0] == 405


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", ""])
def test_a_foreign_host_is_refused(host: str) -> None:
    with serving() as server:
        assert ask(server, host=host or "x")[0] == 421
        assert ask(server, host=f"localhost:{server.port}")[0] == 200


@pytest.mark.parametrize(
    "path", ["/../etc/passwd", "/%2e%2e/etc/passwd", "//etc/passwd", "/see.py", "/index.html/..", "/two"]
)
def test_nothing_but_the_pages_is_there(path: str) -> None:
    with serving() as server:
        assert ask(server, path)[0] == 404


def test_an_oversized_request_line_is_refused() -> None:
    with serving() as server:
        assert ask(server, "/" + "a" * 70_000)[0] == 414


def test_nonsense_and_silence_do_no_harm() -> None:
    with serving() as server:
        for data in (b"\x00\xff\r\n\r\n", b"GET", b"GET / HTTP/9.9\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
                raw.sendall(data)
                raw.shutdown(socket.SHUT_WR)
                raw.recv(1000)
        assert ask(server)[0] == 200


def test_a_private_page_wants_its_token_once_and_then_its_cookie() -> None:
    with serving(private=True) as server:
        link = urlsplit(server.url)
        assert ask(server)[0] == 403
        assert ask(server, "/?token=wrong")[0] == 403
        assert ask(server, "/?token=")[0] == 403
        status, _, answer = ask(server, f"/?{link.query}")
        given = answer.getheader("Set-Cookie") or ""
        assert (status, answer.getheader("Location")) == (303, "/")
        assert "HttpOnly" in given
        assert "SameSite=Strict" in given
        assert f"geartrain-{server.port}=" in given
        cookie = given.split(";")[0]
        assert ask(server, cookie=cookie)[:2] == (200, PAGES["/index.html"])
        assert ask(server, f"/?{link.query}")[0] == 403, "the token works once"
        assert ask(server, cookie=cookie + "x")[0] == 403
        assert ask(server, cookie="geartrain=;;;===\x01")[0] == 403


def test_a_changed_page_has_a_new_version() -> None:
    with serving() as server:
        assert ask(server, "/version")[1] == "0"
        server.replace({"/index.html": "new"})
        assert (ask(server, "/version")[1], ask(server)[1]) == ("1", "new")


def test_a_port_that_is_taken_is_told() -> None:
    with serving() as server, pytest.raises(GeartrainError, match=f"port {server.port} is taken.*--port"):
        PageServer(PAGES, port=server.port)
