"""Images for another process: its requests come in over a socket, bytes go out through pipes.

This is the protocol of `skopeo experimental-image-proxy`, version 0.2.8, which bootc and other
programs that keep images in a way of their own use to read images from anywhere. Requests and
answers are JSON, one a packet of a SOCK_SEQPACKET socket pair; manifests, configs and blobs
pass through pipes whose reading ends are sent with the answer (unix(7), SCM_RIGHTS).

    proxy = ImageProxy(session, access, platform)
    serve(connection, proxy)
"""

from __future__ import annotations

from regcopy.proxy.channel import serve
from regcopy.proxy.methods import ImageProxy

__all__ = ["ImageProxy", "serve"]
