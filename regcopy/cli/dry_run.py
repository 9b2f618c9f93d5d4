"""What a copy would do, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regcopy.text import human_bytes, printable

if TYPE_CHECKING:
    from regcopy.copying.result import CopiedImage, DryRun

_COLUMN: Final = 20


def dry_run_text(plan: DryRun) -> str:
    """Describe a plan, one fact a line."""
    facts = [
        ("Source digest", str(plan.source_digest)),
        ("Destination digest", str(plan.digest) if plan.digest else "not known before the copy"),
        *_images(plan),
        ("To copy", _blobs(plan.blobs_to_copy, plan.bytes_to_copy)),
        ("There already", _blobs(plan.blobs_present, plan.bytes_present)),
        *([("Referrers", f"{plan.referrers} to copy")] if plan.referrers else []),
        *([("Requests", f"about {plan.requests}")] if plan.requests else []),
    ]
    lines = [f"{name:<{_COLUMN}}{value}" for name, value in facts]
    if plan.already_there and plan.referrers:
        lines.append("The destination has this image already, and not all that refers to it.")
    elif plan.already_there:
        lines.append("The destination has this image already: nothing would be written.")
    else:
        lines.append("Nothing was written: this was a dry run.")
    return "\n".join(lines) + "\n"


def _images(plan: DryRun) -> list[tuple[str, str]]:
    names = ["Images", *[""] * len(plan.images)]
    return [(name, _image(image)) for name, image in zip(names, plan.images, strict=False)]


def _image(image: CopiedImage) -> str:
    platform = f"  {printable(str(image.platform))}" if image.platform else ""
    return f"{image.digest}{platform}"


def _blobs(count: int, size: int) -> str:
    return f"{count} {'blob' if count == 1 else 'blobs'}, {human_bytes(size)}"
