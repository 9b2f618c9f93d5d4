"""What the flags of `copy` mean to the library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regcopy.cli.flags import CommandLineError, Values
from regcopy.cli.gotext import ValueSyntaxError, parse_int, quote
from regcopy.cli.groups import parse_platform, platform
from regcopy.errors import UsageError

if TYPE_CHECKING:
    from regcopy.copying.options import CompressionOptions, CopyOptions, Instances
    from regcopy.model.mediatypes import CompressionFormat, Format
    from regcopy.transports.base import ImageReference, LayerForm

_PLATFORM_FLAGS: Final = ("all", "multi-arch", "platform")


def copy_options(values: Values, destination: ImageReference) -> CopyOptions:
    """Say how to copy.

    Raises:
        CommandLineError: flags that exclude each other, or a value that means nothing.
    """
    from regcopy.copying.options import CopyOptions

    return CopyOptions(
        compression=_compression(values),
        format=_format(values),
        instances=_instances(values),
        platform=platform(values),
        preserve_digests=values.boolean("preserve-digests"),
        remove_signatures=values.boolean("remove-signatures"),
        referrers=values.boolean("referrers"),
        additional_tags=tuple(
            _additional_tag(text, destination) for text in values.strings("additional-tag")
        ),
        parallel=values.integer("image-parallel-copies"),
        precompute_digests=values.boolean("dest-precompute-digests"),
    )


def _compression(values: Values) -> CompressionOptions:
    from regcopy.copying.options import CompressionOptions

    compress, decompress = values.boolean("dest-compress"), values.boolean("dest-decompress")
    if compress and decompress:
        raise CommandLineError("Cannot compress and decompress at the same time")
    chosen, force = _compression_format(values), values.boolean("dest-force-compress-format")
    if force and chosen is None:
        raise CommandLineError("--dest-force-compress-format needs --dest-compress-format")
    layers: LayerForm = "compressed" if compress else "plain" if decompress else "any"
    level = _compression_level(values)
    try:
        return CompressionOptions(layers, chosen, level, force)
    except UsageError as error:
        message = f"--dest-compress-level: {error.message}"
        raise CommandLineError(message, hint=error.hint) from None


def _compression_format(values: Values) -> CompressionFormat | None:
    match values.string("dest-compress-format"):
        case "":
            return None
        case "gzip":
            return "gzip"
        case "zstd":
            return "zstd"
        case "zstd:chunked":
            return "zstd:chunked"
        case other:
            raise CommandLineError(
                f"cannot find compressor for {quote(other)}", hint="use gzip, zstd or zstd:chunked"
            )


def _compression_level(values: Values) -> int | None:
    text = values.string("dest-compress-level")
    if not values.has("dest-compress-level"):
        return None
    try:
        return parse_int(text)
    except ValueSyntaxError as error:
        raise CommandLineError(
            f'invalid argument {quote(text)} for "--dest-compress-level" flag: {error.message}'
        ) from None


def _format(values: Values) -> Format | None:
    if not values.has("format"):
        return None
    match values.string("format"):
        case "oci":
            return "oci"
        case "v2s2":
            return "v2s2"
        case "v2s1":
            return "v2s1"
        case other:
            raise CommandLineError(
                f"unknown format {quote(other)}. Choose one of the supported formats: "
                "'oci', 'v2s1', or 'v2s2'"
            )


def _instances(values: Values) -> Instances:
    from regcopy.copying.options import Instances

    strip = values.boolean("strip-removed-platforms")
    copy_all, listed = values.boolean("all"), values.has("multi-arch")
    if copy_all and listed:
        raise CommandLineError("Cannot use --all and --multi-arch flags together")
    if values.has("platform"):
        if copy_all or listed:
            raise CommandLineError("--platform cannot be used together with --all or --multi-arch")
        return _platforms(values.strings("platform"), "platform", strip=True)
    which = values.string("multi-arch")
    if listed and which not in ("system", "all", "index-only"):
        return _multi_arch_list(which, strip=strip)
    if strip:
        raise CommandLineError(
            "--strip-removed-platforms needs a list of platforms in --multi-arch",
            hint="--platform linux/amd64 means both at once",
        )
    if copy_all or which == "all":
        return Instances("all")
    return Instances("index-only") if which == "index-only" else Instances()


def _multi_arch_list(which: str, *, strip: bool) -> Instances:
    parts = which.split(",")
    if not all(2 <= len(part.split("/")) <= 3 for part in parts):
        raise CommandLineError(
            f"unknown multi-arch option {quote(which)}. Choose one of the supported options: "
            "'system', 'all', 'index-only', or a comma-separated platform list like "
            "'linux/amd64,linux/arm64'"
        )
    return _platforms(parts, "multi-arch", strip=strip)


def _platforms(texts: tuple[str, ...] | list[str], flag: str, *, strip: bool) -> Instances:
    from regcopy.copying.options import Instances

    platforms = tuple(dict.fromkeys(parse_platform(text, flag) for text in texts))
    if not platforms:
        raise CommandLineError(f"--{flag} needs at least one platform")
    return Instances("platforms", platforms, strip)


def _additional_tag(text: str, destination: ImageReference) -> str:
    """Give the tag: alone, or as skopeo has it, behind the name of the repository.

    An archive holds images of any repository, so there the whole name is the tag.
    """
    from regcopy.errors import InvalidReference
    from regcopy.model.reference import ImageName, is_tag
    from regcopy.transports.abilities import ListsTags

    if is_tag(text):
        return text
    try:
        name = ImageName.parse(text)
    except InvalidReference as error:
        raise CommandLineError(f"error parsing additional-tag '{text}': {error}") from None
    if not name.tag or name.digest:
        raise CommandLineError(f"additional-tag '{text}' must be a tagged reference")
    if not isinstance(destination, ListsTags):
        return name.tag
    if destination.spans_repositories:
        return text
    repository = destination.repository_name
    if repository != name.name:
        raise CommandLineError(
            f"additional-tag '{text}' is not in the repository {repository}",
            hint="a second tag of the same image can only be in the destination's repository",
        )
    return name.tag
