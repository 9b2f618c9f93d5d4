"""What a client may ask for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from regcopy.errors import NotFound
from regcopy.model.digest import Digest
from regcopy.model.platform import Platform
from regcopy.proxy.images import OpenImage
from regcopy.proxy.pipes import Pipes, Whole
from regcopy.proxy.protocol import VERSION, ProxyError, ProxyReply, ProxyRequest
from regcopy.session import Access, Session
from regcopy.transports import parse_reference

_NO_IMAGE: Final = 0
_MAX_IMAGES: Final = 1000
_ONE_IMAGE: Final = "(imgid)"


class ImageProxy:
    """Answers the requests of one client, one after the other.

    Args:
        session: closed by whoever made it, after this.
        access: how the images are reached.
        platform: which image of an index is meant.
    """

    def __init__(self, session: Session, access: Access, platform: Platform) -> None:
        self._session = session
        self._access = access
        self._platform = platform
        self._is_ready = False
        self._images: dict[int, OpenImage] = {}
        self._last = _NO_IMAGE
        self._pipes = Pipes(session.context(access, "source").cancelled)
        self._methods: Mapping[str, Callable[[ProxyRequest], ProxyReply]] = {
            "OpenImage": self._open_image,
            "OpenImageOptional": self._open_image_optional,
            "CloseImage": self._close_image,
            "GetManifest": self._get_manifest,
            "GetConfig": self._get_config,
            "GetFullConfig": self._get_full_config,
            "GetBlob": self._get_blob,
            "GetRawBlob": self._get_raw_blob,
            "GetLayerInfo": self._get_layer_info,
            "GetLayerInfoPiped": self._get_layer_info_piped,
        }

    def call(self, request: ProxyRequest) -> ProxyReply:
        """Do what a request says.

        Raises:
            ProxyError: it makes no sense.
            RegcopyError: it could not be done.
        """
        if request.method == "Initialize":
            return self._initialize(request)
        if request.method == "FinishPipe":
            return self._finish_pipe(request)
        method = self._methods.get(request.method)
        if method is None:
            raise ProxyError(f"unknown method: {request.method}")
        if not self._is_ready:
            raise ProxyError("client error: must invoke Initialize")
        return method(request)

    def _initialize(self, request: ProxyRequest) -> ProxyReply:
        if request.arguments:
            raise ProxyError("invalid request, expecting zero arguments")
        if self._is_ready:
            raise ProxyError("already initialized")
        self._is_ready = True
        return ProxyReply(VERSION)

    def _open_image(self, request: ProxyRequest) -> ProxyReply:
        if len(request.arguments) != 1:
            raise ProxyError("invalid request, expecting one argument")
        if len(self._images) >= _MAX_IMAGES:
            raise ProxyError(f"there are {_MAX_IMAGES} images open; close some first")
        reference = parse_reference(request.text(0, "imageref"))
        context = self._session.context(self._access, "source")
        image = OpenImage(reference, context, self._session.trust(), self._platform)
        self._last += 1
        self._images[self._last] = image
        return ProxyReply(self._last)

    def _open_image_optional(self, request: ProxyRequest) -> ProxyReply:
        try:
            return self._open_image(request)
        except NotFound:
            return ProxyReply(_NO_IMAGE)

    def _close_image(self, request: ProxyRequest) -> ProxyReply:
        image = self._image(request)
        image.close()
        del self._images[request.number(0)]
        return ProxyReply()

    def _get_manifest(self, request: ProxyRequest) -> ProxyReply:
        image = self._image(request)
        return self._piped(image.oci_manifest(), str(image.digest))

    def _get_config(self, request: ProxyRequest) -> ProxyReply:
        return self._piped(self._image(request).execution_config())

    def _get_full_config(self, request: ProxyRequest) -> ProxyReply:
        return self._piped(self._image(request).oci_config())

    def _get_layer_info(self, request: ProxyRequest) -> ProxyReply:
        return ProxyReply(self._image(request).layers())

    def _get_layer_info_piped(self, request: ProxyRequest) -> ProxyReply:
        return self._piped(json.dumps(self._image(request).layers()).encode())

    def _get_blob(self, request: ProxyRequest) -> ProxyReply:
        image = self._image(request, 3, "(imgid, digest, size)")
        blob = image.find_blob(Digest.parse(request.text(1, "blobid")))
        size = request.number(2)
        if size != blob.size:
            raise ProxyError(f"expected {size} bytes in blob, got {blob.size}")
        blocks = image.read_blob(blob)
        pipe, reading = self._pipes.start(blocks)
        return ProxyReply(blob.size, pipe, (reading,))

    def _get_raw_blob(self, request: ProxyRequest) -> ProxyReply:
        """Give a blob through a pipe that ends by itself; it is verified all the same."""
        image = self._image(request, 2, "(imgid, digest)")
        blob = image.find_blob(Digest.parse(request.text(1, "blobid")))
        blocks = image.read_blob(blob)
        return ProxyReply(blob.size, descriptors=self._pipes.start_raw(blocks))

    def _finish_pipe(self, request: ProxyRequest) -> ProxyReply:
        request.expect(1, "(pipeid)")
        self._pipes.finish(request.number(0))
        return ProxyReply()

    def _image(
        self, request: ProxyRequest, count: int = 1, expected: str = _ONE_IMAGE
    ) -> OpenImage:
        request.expect(count, expected)
        number = request.number(0)
        if number == _NO_IMAGE:
            raise ProxyError("invalid imageid value of zero")
        if number not in self._images:
            raise ProxyError(f"no image {number}")
        return self._images[number]

    def _piped(self, content: bytes, value: str | None = None) -> ProxyReply:
        pipe, reading = self._pipes.start(Whole(content))
        return ProxyReply(value, pipe, (reading,))

    def close(self) -> None:
        """Close all that the client left open."""
        for image in self._images.values():
            image.close()
        self._images.clear()
        self._pipes.close()
