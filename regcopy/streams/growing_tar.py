"""A tar file that is begun with its first member, and seen at its end."""

from __future__ import annotations

from collections.abc import Callable

from regcopy.streams.tar_output import TarOutput
from regcopy.streams.tar_storage import temporary_folder
from regcopy.streams.tar_writing import TarWriter


class GrowingTar:
    """The output and the writer of an archive that nothing has been added to at first."""

    def __init__(
        self,
        open_output: Callable[[], TarOutput],
        *,
        tmpdir: str,
        check_cancelled: Callable[[], None],
        file_mode: int = 0o444,
    ) -> None:
        """Open nothing yet.

        Args:
            open_output: called once, for the first member.
            tmpdir: value of TMPDIR, "" where it is not set.
            check_cancelled: raises to stop.
            file_mode: permissions of the files in it.
        """
        self._open_output = open_output
        self._tmpdir = tmpdir
        self._check_cancelled = check_cancelled
        self._file_mode = file_mode
        self._output: TarOutput | None = None
        self._writer: TarWriter | None = None
        self._closed = False

    @property
    def writer(self) -> TarWriter:
        """Where members are added.

        Raises:
            StorageFailed: the output cannot be opened.
            RuntimeError: it is closed.
        """
        if self._closed:
            raise RuntimeError("the destination is closed")
        if self._writer is None:
            self._output = self._open_output()
            self._writer = TarWriter(
                self._output,
                temporary_folder=temporary_folder(self._tmpdir),
                check_cancelled=self._check_cancelled,
                file_mode=self._file_mode,
            )
        return self._writer

    def publish(self) -> None:
        """Write what ends a tar file, and give it its name. Raises StorageFailed."""
        self.writer.end()
        if self._output is not None:
            self._output.publish()

    def close(self) -> None:
        """Close; what was not published is gone. May be called twice."""
        self._closed = True
        output, self._output, self._writer = self._output, None, None
        if output is not None:
            output.close()
