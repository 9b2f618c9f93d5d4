"""The results of the Tekton Task: one small file each.

A step reports its results in the message that its container ends with, and that has room for
4096 bytes, all results and their names included. So a list of any length has to have short
results: `IMAGES` has as many images as there is room for, and the report has them all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from regcopy.cli.batch_files import check_writable
from regcopy.cli.flags import CommandLineError
from regcopy.cli.gotext import quote
from regcopy.cli.tekton_parameters import PREFIX

if TYPE_CHECKING:
    from regcopy.batch.report import LineReport, ListReport
    from regcopy.cli.command import Invocation

NAMES: Final = (
    "IMAGE_URL",
    "IMAGE_DIGEST",
    "SOURCE_DIGEST",
    "DESTINATION_DIGEST",
    "FAILED_COUNT",
    "IMAGES",
)
# Of the 4096 bytes, Tekton takes some for itself, such as the time the step began.
MAX_BYTES: Final = 3584
_ENTRY: Final = '{"key":"","value":"","type":1},'
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_NAME: Final = re.compile(r"[A-Za-z0-9.:\[\]/_-]{1,400}")
_MOST_KEPT: Final = 200


def result_paths(call: Invocation) -> Mapping[str, str]:
    """Where each result goes, by its name; those that nobody asked for are left out.

    Raises:
        CommandLineError: no such result.
        StorageFailed: it could not be written.
    """
    paths = {name: call.environment.get(f"{PREFIX}RESULT_{name}") for name in NAMES}
    for text in call.values.strings("result"):
        name, equals, path = text.partition("=")
        if name not in NAMES or not equals:
            raise CommandLineError(
                f"--result {quote(text)}: not NAME=FILE", hint=f"names: {', '.join(NAMES)}"
            )
        paths[name] = path
    wanted = {name: path for name, path in paths.items() if path}
    for name, path in wanted.items():
        check_writable(path, f"the result {name}")
    return wanted


@dataclass
class Results:
    """Collects what the results say.

    Attributes:
        is_one: the Task was asked for one image, so that results about one image have a value.
    """

    is_one: bool
    _done: list[LineReport] = field(default_factory=list)
    _left_out: int = 0

    def take(self, report: LineReport) -> None:
        """Note a line that has ended."""
        if report.status == "done":
            # No more of them have room in any case.
            if len(self._done) < _MOST_KEPT:
                self._done.append(report)
            else:
                self._left_out += 1

    def values(self, report: ListReport) -> tuple[dict[str, str], int]:
        """Give the value of each result, and how many images had no room in IMAGES."""
        found = dict.fromkeys(NAMES, "")
        if self.is_one and self._done:
            one = self._done[0]
            found["IMAGE_URL"] = _image_name(one)
            found["IMAGE_DIGEST"] = _digest(one.digest) if found["IMAGE_URL"] else ""
            found["SOURCE_DIGEST"] = _digest(one.source_digest)
            found["DESTINATION_DIGEST"] = _digest(one.digest)
        found["FAILED_COUNT"] = str(len(report.failed) + len(report.stopped))
        found["IMAGES"], left_out = self._images(MAX_BYTES - _size(found))
        return found, left_out + self._left_out

    def _images(self, room: int) -> tuple[str, int]:
        ordered = sorted(self._done, key=lambda one: one.line)
        entries = list(dict.fromkeys(filter(None, map(_image, ordered))))
        kept: list[str] = []
        for entry in entries:
            room -= len(entry) + 1
            if room < 0:
                break
            kept.append(entry)
        return ",".join(kept), len(entries) - len(kept)


def _size(values: Mapping[str, str]) -> int:
    """Bytes of the results in the message that carries them."""
    import json

    return sum(len(_ENTRY) + len(name) + len(json.dumps(v)) - 2 for name, v in values.items())


def _image_name(report: LineReport) -> str:
    """Name of a destination in a registry, without its transport; "" for other places."""
    from regcopy.errors import RegcopyError
    from regcopy.transports import parse_reference

    try:
        place = parse_reference(report.destination)
    except RegcopyError:
        return ""
    name = place.policy_identity if place.transport == "docker" else ""
    named = name.partition("@")[0]
    return named if _NAME.fullmatch(named) else ""


def _image(report: LineReport) -> str:
    """`host/repository@digest`, as Tekton Chains reads it."""
    name, digest = _image_name(report), _digest(report.digest)
    folder, slash, last = name.rpartition("/")
    repository = f"{folder}{slash}{last.partition(':')[0]}"
    return f"{repository}@{digest}" if name and digest else ""


def _digest(text: str) -> str:
    return text if _DIGEST.fullmatch(text) else ""


def write_results(paths: Mapping[str, str], values: Mapping[str, str]) -> None:
    """Write the files.

    Raises:
        StorageFailed: one could not be written.
    """
    from regcopy.streams.files import storage_errors

    for name, path in paths.items():
        # In place: Tekton has made the folder for these files alone, and reads them at the end.
        with storage_errors(f"writing the result {name}", path), open(path, "wb") as file:
            file.write(values[name].encode())
