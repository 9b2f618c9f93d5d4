"""From what was found to what is copied: names are checked before anything is begun."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import replace

from regcopy.batch.sync.listing import Lister
from regcopy.batch.sync.request import Note, SyncImage, SyncPlan, SyncRequest, Tell
from regcopy.batch.sync.sources import find_images, unusable_name
from regcopy.copying.pool import Pool
from regcopy.errors import InvalidReference, StorageFailed, UsageError
from regcopy.model.reference import ImageName
from regcopy.session import Session
from regcopy.text import printable

_DOCKER = "docker://"


def plan_sync(
    request: SyncRequest,
    session: Session,
    *,
    tell: Tell = lambda _: None,
    cancelled: threading.Event | None = None,
) -> SyncPlan:
    """Find what is to be copied, and check that all of it can be.

    Args:
        request: what is asked for.
        session: its connections are used.
        tell: told what skopeo would log.
        cancelled: set it to stop.

    Raises:
        UsageError: a name is impossible, a folder would be overwritten, or two images would
            have one name. Nothing was copied.
        RegcopyError: the source, or what is there already, could not be looked at.
    """
    pool = Pool(request.jobs, cancelled or threading.Event())
    plan = find_images(request, Lister(session, "source", pool), tell)
    images = _without_doubles(plan.images)
    if request.destination_kind == "docker":
        names = [_name(image) for image in images]
        images = [
            replace(image, destination=f"{_DOCKER}{name.familiar}")
            for image, name in zip(images, names, strict=True)
        ]
        _check_different(images, [str(name) for name in names])
        if request.skip_existing:
            images = _new_images(request, images, names, Lister(session, "destination", pool), tell)
    else:
        _check_different(images, [image.destination for image in images])
        images = _new_folders(request, images, tell)
    return replace(plan, images=tuple(images))


def _without_doubles(images: Sequence[SyncImage]) -> list[SyncImage]:
    """Leave out what is copied anyway, such as a tag that two rules of a file mean."""
    found: dict[tuple[str, str], SyncImage] = {}
    for image in images:
        found.setdefault((image.source, image.destination), image)
    return list(found.values())


def _name(image: SyncImage) -> ImageName:
    text = image.destination.removeprefix(_DOCKER)
    try:
        return ImageName.parse(text).with_default_tag()
    except InvalidReference as error:
        raise unusable_name(f"//{text}", error.message) from None


def _check_different(images: Sequence[SyncImage], names: Sequence[str]) -> None:
    seen: dict[str, SyncImage] = {}
    for image, name in zip(images, names, strict=True):
        other = seen.setdefault(name, image)
        if other is not image:
            raise UsageError(
                f"{printable(other.source)} and {printable(image.source)} would both be copied to "
                f"{printable(image.destination)}",
                hint="--scoped keeps the whole name of each source",
            )


def _skip(image: SyncImage, tell: Tell) -> None:
    fields = {"from": image.source, "to": image.destination}
    tell(Note("info", "Skipping image ref, the destination exists", fields))


def _new_images(
    request: SyncRequest,
    images: Sequence[SyncImage],
    names: Sequence[ImageName],
    lister: Lister,
    tell: Tell,
) -> list[SyncImage]:
    """Leave out tags that are there, with one question for each repository."""
    repositories = list(dict.fromkeys(replace(name, tag="", digest=None) for name in names))
    found = lister.existing(repositories, request.destination_access)
    tags = dict(zip(repositories, found, strict=True))
    new: list[SyncImage] = []
    for image, name in zip(images, names, strict=True):
        if name.tag in tags[replace(name, tag="", digest=None)]:
            _skip(image, tell)
        else:
            new.append(image)
    return new


def _new_folders(request: SyncRequest, images: Sequence[SyncImage], tell: Tell) -> list[SyncImage]:
    new: list[SyncImage] = []
    for image in images:
        path = image.destination.removeprefix("dir:")
        if not _is_there(path):
            new.append(image)
        elif request.skip_existing:
            _skip(image, tell)
        else:
            raise UsageError(
                f'Refusing to overwrite destination directory "{printable(path, limit=300)}"',
                hint="nothing was copied; --skip-existing leaves out what is there",
            )
    return new


def _is_there(path: str) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or "no possible path"
        raise StorageFailed(
            f"Destination directory could not be used: stat {printable(path, limit=300)}: "
            f"{why.lower()}"
        ) from None
    return True
