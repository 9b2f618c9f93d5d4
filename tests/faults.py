"""Faults for the fake registry: each answers one request in its place, or bends its answer."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from tests.fake_registry import Exchange, Fault


def refuse(status: int, code: str = "DENIED", **headers: str) -> Fault:
    """Answer with an error."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def fault(exchange: Exchange) -> bool:
        exchange.error(status, code, named)
        return True

    return fault


def reply(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Fault:
    """Answer with something of the test's own."""

    def fault(exchange: Exchange) -> bool:
        exchange.answer(status, body, headers)
        return True

    return fault


def reset(*, after_body_bytes: int | None = None) -> Fault:
    """Break the connection, at once or after so many bytes of the request's body."""

    def fault(exchange: Exchange) -> bool:
        if after_body_bytes is not None:
            for _ in exchange.body():
                if exchange.body_bytes >= after_body_bytes:
                    break
        exchange.reset()
        return True

    return fault


def fall_silent(after: int, content: bytes, until: threading.Event) -> Fault:
    """Send so many bytes of the content, and then nothing until the event is set."""

    def fault(exchange: Exchange) -> bool:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n"
        exchange.raw(head.encode() + content[:after])
        until.wait(20)
        return True

    return fault


def cut_body(after: int) -> Fault:
    """Answer as usual, and hang up after so many bytes of the body."""

    def fault(exchange: Exchange) -> bool:
        exchange.cut = after
        return False

    return fault


def change_headers(**headers: str) -> Fault:
    """Answer as usual, but with these headers; "" leaves one out."""
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}

    def fault(exchange: Exchange) -> bool:
        exchange.replaced.update(named)
        return False

    return fault


def ignore_range(exchange: Exchange) -> bool:
    """Send everything, whatever part was asked for."""
    exchange.ignores_range = True
    return False


def normally(exchange: Exchange) -> bool:
    """Let one request pass as if nothing were."""
    return False
