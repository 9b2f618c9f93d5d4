"""An archive on its way into a daemon: the body of one request, sent as it is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn

from regcopy.errors import ConnectionFailed, Refused
from regcopy.streams.tar_output import TarOutput
from regcopy.transports.docker_daemon.answers import check_report
from regcopy.transports.docker_daemon.client import WORK_SECONDS, Daemon

# Whoever hangs up has said before what the matter is.
_LAST_WORDS_SECONDS: Final = 5.0
_END_OF_CHUNKS: Final = b"0\r\n\r\n"


class DaemonTarget:
    """The place for an archive that `docker load` is for."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def open(
        self, *, sleep: Callable[[float], None], check_cancelled: Callable[[], None]
    ) -> TarOutput:
        """Begin to send. Raises TransportError."""
        del sleep, check_cancelled  # the daemon has those of its own context
        return LoadBody(self._daemon)


class LoadBody:
    """The body of the request `load`, in chunks (RFC 9112, section 7.1)."""

    def __init__(self, daemon: Daemon) -> None:
        """Begin the request. Raises TransportError."""
        self._exchange = daemon.begin_load()

    @property
    def can_seek(self) -> bool:
        """No: what was sent is gone."""
        return False

    def write(self, block: bytes, /) -> None:
        """Send a block.

        Raises:
            TransportError: the daemon refuses the archive already, or hung up.
        """
        if block:
            self._send(b"%x\r\n%b\r\n" % (len(block), block))

    def _send(self, data: bytes) -> None:
        early = self._exchange.peek()
        if early is not None and _is_refusal(early):
            self._give_up(None)
        try:
            self._exchange.send(data)
        except ConnectionFailed as error:
            self._give_up(error)

    def _give_up(self, cause: ConnectionFailed | None) -> NoReturn:
        try:
            status = self._exchange.receive(_LAST_WORDS_SECONDS)
        except ConnectionFailed:
            raise cause or ConnectionFailed(
                "the daemon hung up while the image was sent to it",
                hint="see its log: its disk may be full, or its memory used up",
            ) from None
        if status >= 300:
            self._exchange.refuse()
        check_report(self._exchange)
        raise Refused("the daemon answered before it had the whole image")

    def write_at(self, offset: int, block: bytes, /) -> None:
        """Never called."""
        raise RuntimeError(f"a request cannot go back to {offset} for {len(block)} bytes")

    def cut(self, size: int, /) -> None:
        """Never called."""
        raise RuntimeError(f"a request cannot be cut at {size} bytes")

    def publish(self) -> None:
        """End the archive, and wait until the daemon has unpacked it.

        Raises:
            Refused: it reports an error, also within an answer that begins with 200.
            TransportError: it hung up, or says nothing for an hour.
        """
        self._send(_END_OF_CHUNKS)
        if self._exchange.receive(WORK_SECONDS) >= 300:
            self._exchange.refuse()
        self._exchange.be_patient(WORK_SECONDS)
        check_report(self._exchange)

    def close(self) -> None:
        """Hang up: an archive that has not ended is thrown away by the daemon."""
        self._exchange.close()


def _is_refusal(early: bytes) -> bool:
    """Tell whether what came before all was sent is an end, or an answer that will be an error.

    A 200 may come early: what follows it tells about the end. So may a 100.
    """
    status = early[len(b"HTTP/1.1 ") :]
    return not early or (bool(status) and status[:1] not in (b"1", b"2"))
