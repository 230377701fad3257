"""What phones ask to learn whether a network leads anywhere, answered here so that they stay.

On the box's own hotspot every name leads to the box. A phone that gets no answer, or another, tells
its owner that there is no internet and goes back to the mobile network in the middle of a start.
"""

from flask import Blueprint, Response

page = Blueprint("portal", __name__)

# Path and answer, as each system's own servers give it: Android and ChromeOS, Apple, Windows,
# Firefox, NetworkManager. Known from what the phones ask; not yet tried with each of them.
APPLE = "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"
PROBES: dict[str, tuple[int, str, str]] = {
    "/generate_204": (204, "", "text/plain"),
    "/gen_204": (204, "", "text/plain"),
    "/hotspot-detect.html": (200, APPLE, "text/html"),
    "/library/test/success.html": (200, APPLE, "text/html"),
    "/connecttest.txt": (200, "Microsoft Connect Test", "text/plain"),
    "/ncsi.txt": (200, "Microsoft NCSI", "text/plain"),
    "/success.txt": (200, "success\n", "text/plain"),
    "/check_network_status.txt": (200, "NetworkManager is online\n", "text/plain"),
}


def is_probe(method: str, path: str) -> bool:
    """Whether a request is such a question: it may come under any name."""
    return method in {"GET", "HEAD"} and path in PROBES


for number, (path, (status, text, kind)) in enumerate(PROBES.items()):

    def answer(status: int = status, text: str = text, kind: str = kind) -> Response:
        return Response(text, status, content_type=kind)

    page.add_url_rule(path, f"probe_{number}", answer)
