"""Listing the tags of a repository (distribution-spec, "Listing Tags"), page by page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from regcopy.errors import LimitExceeded, Refused
from regcopy.model._json import load_object
from regcopy.model.reference import is_tag
from regcopy.text import printable
from regcopy.transports.docker.client import Reply, Request, Scope, client_for
from regcopy.transports.docker.origin import Origin

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.docker import DockerReference

MAX_PAGES: Final = 10_000
MAX_TAGS: Final = 1_000_000
_MAX_PAGE_BYTES: Final = 4 * 1024 * 1024
_MAX_LINK: Final = 4096


def list_tags(reference: DockerReference, context: Context) -> Iterator[str]:
    """Give tags as pages arrive. Errors as `DockerReference.list_tags`."""
    name = reference.repository_name
    target = f"/v2/{reference.repository}/tags/list"
    asked: set[str] = set()
    count = 0
    last = ""
    while target:
        if target in asked:
            raise Refused(f"the list of tags of {name} goes round in a circle")
        if len(asked) >= MAX_PAGES:
            raise LimitExceeded(f"the list of tags of {name} has more than {MAX_PAGES} pages")
        asked.add(target)
        tags, target = _page(reference, context, target)
        count += len(tags)
        if count > MAX_TAGS:
            raise LimitExceeded(f"{name} has more than {MAX_TAGS} tags")
        for tag in tags:
            # Some registries begin a page with the tag that the one before ended with.
            if tag != last:
                yield tag
            last = tag


def _page(reference: DockerReference, context: Context, target: str) -> tuple[list[str], str]:
    """Read one page: its tags, and the path of the next one or ""."""
    client = client_for(reference.name, context)
    what = f"listing tags of {reference.repository_name}"
    request = Request("GET", target, (Scope(reference.repository, ("pull",)),), what)

    def read() -> tuple[list[str], str]:
        reply = client.send(request)
        content = reply.read_all(_MAX_PAGE_BYTES, f"list of tags of {reference.repository_name}")
        return parse_tags(content, reference.repository_name), next_page(reply, "tags")

    return client.retrier.call(read)


def parse_tags(content: bytes, name: str) -> list[str]:
    """Take the tags out of one page.

    Raises:
        ManifestInvalid: it is not a JSON object.
        Refused: what it lists are not tags.
    """
    listed = load_object(content, what=f"list of tags of {name}").get("tags")
    if listed is None:
        return []
    if not isinstance(listed, list):
        raise Refused(f"the list of tags of {name} is no list")
    tags: list[str] = []
    for tag in listed:
        if not isinstance(tag, str) or not is_tag(tag):
            raise Refused(
                f'the list of tags of {name} has "{printable(str(tag), limit=100)}" in it, '
                "which cannot be a tag"
            )
        tags.append(tag)
    return tags


def next_page(reply: Reply, what: str) -> str:
    """Path of the page after this one, "" where it is the last.

    Args:
        reply: its Link header tells.
        what: is listed.

    Raises:
        Refused: the next page is on another server.
    """
    link = next_link(reply.headers.get("Link", ""))
    if not link:
        return ""
    address = urljoin(reply.url, link)
    if Origin.of(address) != Origin.of(reply.url):
        raise Refused(f"the next page of the list of {what} is said to be on another server")
    # Only the path is used, so that the next page is asked from the registry itself.
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def next_link(header: str) -> str:
    """Target of the link with `rel=next` in a Link header (RFC 8288); "" where there is none."""
    rest = header[:_MAX_LINK]
    while True:
        _, opened, rest = rest.partition("<")
        target, closed, rest = rest.partition(">")
        if not opened or not closed:
            return ""
        parameters, _, _ = rest.partition("<")
        if _says_next(parameters):
            return target.strip()


def _says_next(parameters: str) -> bool:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "rel":
            # Behind the last parameter of one link stands the comma before the next.
            return "next" in value.rstrip(", \t").strip(' \t"').lower().split()
    return False
