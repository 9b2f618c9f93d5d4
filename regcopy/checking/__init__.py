"""Looking into images without copying them.

What they are made of, whether they are whole, how two of them differ. No trust policy is
asked: nothing is kept but what is said about an image.

    from regcopy.checking import open_image, verify_image

    for part in verify_image("oci:layout:1", deep=True).problems:
        print(part.kind, part.digest, part.problem)

    layer = regcopy.inspect("oci:layout:1").manifest.layers[0]
    with open_image("oci:layout:1") as image, image.stream(layer) as stream:
        while block := stream.read():  # raises with the last one if it is not the layer
            ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regcopy.late_names import late_names

if TYPE_CHECKING:
    from regcopy.checking.diff import FileChange, ImageDifference, ValueChange, diff_images
    from regcopy.checking.opening import OpenedImage, Reading, open_image
    from regcopy.checking.tree import ImageTree, read_image_tree
    from regcopy.checking.verify import (
        CheckedPart,
        Verification,
        Verified,
        verify_image,
        verify_images,
    )

__all__ = [
    "CheckedPart",
    "FileChange",
    "ImageDifference",
    "ImageTree",
    "OpenedImage",
    "Reading",
    "ValueChange",
    "Verification",
    "Verified",
    "diff_images",
    "open_image",
    "read_image_tree",
    "verify_image",
    "verify_images",
]

# The commands use one of the modules each, and should not wait for the others.
_HOMES: Final = {
    "CheckedPart": "regcopy.checking.verify",
    "FileChange": "regcopy.checking.diff",
    "ImageDifference": "regcopy.checking.diff",
    "ImageTree": "regcopy.checking.tree",
    "OpenedImage": "regcopy.checking.opening",
    "Reading": "regcopy.checking.opening",
    "ValueChange": "regcopy.checking.diff",
    "Verification": "regcopy.checking.verify",
    "Verified": "regcopy.checking.verify",
    "diff_images": "regcopy.checking.diff",
    "open_image": "regcopy.checking.opening",
    "read_image_tree": "regcopy.checking.tree",
    "verify_image": "regcopy.checking.verify",
    "verify_images": "regcopy.checking.verify",
}

if not TYPE_CHECKING:
    __getattr__ = late_names(__name__, _HOMES)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
