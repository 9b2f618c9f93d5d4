"""Which names a signature may give an image (containers-policy.json(5), "signedIdentity")."""

from __future__ import annotations

from dataclasses import dataclass, replace

from regcopy.errors import InvalidReference
from regcopy.model.reference import ImageName


@dataclass(frozen=True, slots=True)
class MatchExact:
    """The signed name is the image's name, tag or digest included."""

    def accepts(self, image: ImageName | None, signed: ImageName) -> bool:
        """Tell whether the signature is about this image."""
        return image is not None and _same(image, signed)


@dataclass(frozen=True, slots=True)
class MatchRepoDigestOrExact:
    """An image with a tag must be signed as just that, one with a digest as any of its own.

    "Its own" is any tag or digest of the same repository.
    """

    def accepts(self, image: ImageName | None, signed: ImageName) -> bool:
        """Tell whether the signature is about this image."""
        if image is None or not _is_complete(signed):
            return False
        if image.tag:
            return image == signed
        # The digest itself is compared with the manifest's, as for every signature.
        return image.digest is not None and image.name == signed.name


@dataclass(frozen=True, slots=True)
class MatchRepository:
    """The signed name is in the image's repository."""

    def accepts(self, image: ImageName | None, signed: ImageName) -> bool:
        """Tell whether the signature is about this image."""
        return image is not None and image.name == signed.name


@dataclass(frozen=True, slots=True)
class ExactReference:
    """The signed name is this one, wherever the image lies."""

    reference: ImageName

    def accepts(self, image: ImageName | None, signed: ImageName) -> bool:  # noqa: ARG002
        """Tell whether the signature is about this image."""
        return _same(self.reference, signed)


@dataclass(frozen=True, slots=True)
class ExactRepository:
    """The signed name is in this repository, wherever the image lies."""

    repository: ImageName

    def accepts(self, image: ImageName | None, signed: ImageName) -> bool:  # noqa: ARG002
        """Tell whether the signature is about this image."""
        return self.repository.name == signed.name


@dataclass(frozen=True, slots=True)
class RemapIdentity:
    """As MatchRepoDigestOrExact, after one prefix of the image's name was exchanged.

    Attributes:
        prefix: host, namespace or repository, in the fully expanded form.
        signed_prefix: what stands in its place in signed names.
    """

    prefix: str
    signed_prefix: str

    def accepts(self, image: ImageName | None, signed: ImageName) -> bool:
        """Tell whether the signature is about this image."""
        if image is None:
            return False
        remapped = self._remap(image)
        return remapped is not None and MatchRepoDigestOrExact().accepts(remapped, signed)

    def _remap(self, image: ImageName) -> ImageName | None:
        if image.name != self.prefix and not image.name.startswith(f"{self.prefix}/"):
            return image
        name = f"{self.signed_prefix}{image.name.removeprefix(self.prefix)}"
        try:
            remapped = ImageName.parse(name)
        except InvalidReference:
            return None
        if remapped.name != name:
            return None  # not the expanded form: nobody meant docker.io here
        return replace(remapped, tag=image.tag, digest=image.digest)


IdentityMatch = (
    MatchExact
    | MatchRepoDigestOrExact
    | MatchRepository
    | ExactReference
    | ExactRepository
    | RemapIdentity
)


def accepts_identity(match: IdentityMatch, image: ImageName | None, signed: str) -> bool:
    """Tell whether a signature that gives the name `signed` is about the image.

    Args:
        match: what the policy says.
        image: name under which the image is read; None where its place gives none.
        signed: name in the signature; no name at all is never accepted.
    """
    try:
        name = ImageName.parse(signed)
    except InvalidReference:
        return False
    return match.accepts(image, name)


def _is_complete(name: ImageName) -> bool:
    return bool(name.tag) or name.digest is not None


def _same(wanted: ImageName, signed: ImageName) -> bool:
    return _is_complete(wanted) and wanted == signed
