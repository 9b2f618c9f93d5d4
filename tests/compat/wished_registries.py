"""Wished-for differences that show on registries.

{src} holds `app` with the tags 1, 2 and v3, and `many` with an index; {dst} and {out} are a
repository and a folder of each program's own.
"""

from __future__ import annotations

from typing import Final

from tests.compat.difference import Difference

_PLAIN: Final = "--src-tls-verify=false --dest-tls-verify=false"
_SYNC: Final = f"sync {_PLAIN} --src docker --dest"
_FILE: Final = f"sync {_PLAIN} --src yaml --dest docker sync.yaml {{dst}}"
_COPY: Final = f"copy {_PLAIN} docker://{{src}}"
_MISSING: Final = "newer versions tell by exit code 2 what is missing"
_WHY: Final = "the message says what was asked, and what the registry answered"
_FAILS: Final = "a mirror that lacks something is no success"


def _sync_file(images: str) -> dict[str, str]:
    return {"sync.yaml": f"{{host}}:\n  tls-verify: false\n  {images}\n"}


REGISTRIES: Final = (
    Difference("newer", f"{_COPY}/app:none dir:{{out}}", "", _MISSING, "registries"),
    Difference("newer", f"{_COPY}/none:1 dir:{{out}}", "", _MISSING, "registries"),
    Difference(
        "newer", "inspect --tls-verify=false docker://{src}/app", "", _MISSING, "registries"
    ),
    Difference(
        "newer", "delete --tls-verify=false docker://{src}/app:none", "", _MISSING, "registries"
    ),
    Difference("newer", f"{_SYNC} dir {{src}}/app:none {{out}}", "", _MISSING, "registries"),
    Difference(
        "better",
        f"{_COPY}/app:1 docker://{{dst}}/app:1",
        "an image that is there already is not copied again, and said to be skipped",
        "two requests find that out",
        "registries",
        before=(f"{_COPY}/app:1 docker://{{dst}}/app:1",),
    ),
    Difference(
        "better",
        f"{_COPY}/app:1 docker://{{dst}}/app:1 --additional-tag=other.example/x:y",
        "`--additional-tag` sets tags in registries too, and is refused for other repositories",
        "who asks for a tag gets it, or an error",
        "registries",
    ),
    Difference(
        "better",
        f"{_COPY}/app:1 docker://{{dst}}/app:1 --additional-tag={{dst}}/app:2",
        "",
        "who asks for a tag gets it, or an error",
        "registries",
    ),
    Difference("better", f"{_COPY}/app:1 docker://{{dst}}/app@{{digest}}0", "", _WHY, "registries"),
    Difference("better", "copy docker://{src}/app:1 dir:{out}", "", _WHY, "registries"),
    Difference(
        "better",
        "list-tags docker://{src}/app",
        "messages name the request and the answer",
        _WHY,
        "registries",
    ),
    Difference(
        "better", "list-tags --tls-verify=false docker://{src}/none", "", _WHY, "registries"
    ),
    Difference(
        "better",
        "inspect --tls-verify=false --authfile=gone docker://{src}/app:1",
        "an auth file that was named and is not there is an error",
        "who names credentials wants them used",
        "registries",
    ),
    Difference(
        "better", f"{_COPY}/app:1 dir:{{out}} --src-authfile=gone", "", "the same", "registries"
    ),
    Difference(
        "better",
        _FILE,
        "what a file has wrong makes it fail, after the rest was copied",
        _FAILS,
        "registries",
        _sync_file('images: {"{repository}/app": ["a b", "1"]}'),
    ),
    Difference(
        "better",
        _FILE,
        "",
        _FAILS,
        "registries",
        _sync_file('images: {"{repository}/APP": [], "{repository}/app": ["1"]}'),
    ),
    Difference(
        "better",
        _FILE,
        "",
        _FAILS,
        "registries",
        _sync_file('images: {"{repository}/none": [], "{repository}/app": ["1"]}'),
    ),
    Difference(
        "better",
        _FILE,
        "",
        _FAILS,
        "registries",
        _sync_file(
            'images: {"{repository}/app": ["1"]}\n  images-by-tag-regex: {"{repository}/app": "("}'
        ),
    ),
    Difference(
        "better",
        f"sync {_PLAIN} --src dir --dest docker {{out}} {{dst}}",
        "two images that would get one name, and a folder in the way, are refused before",
        "the second would take the place of the first",
        "registries",
        before=tuple(f"{_SYNC} dir {{src}}/app:1 {{out}}/{folder}" for folder in "ab"),
    ),
    Difference(
        "newer", f"{_SYNC} docker {{src}}/none {{dst}}", "", "the newer words", "registries"
    ),
    Difference(
        "newer",
        f"{_COPY}/app:1 dir:{{out}} --image-parallel-copies=2",
        "",
        "newer versions have the flag",
        "registries",
    ),
)
