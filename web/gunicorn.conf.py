"""How gunicorn serves the pages: one process, and a thread for every stream that it admits.

gunicorn --config web/gunicorn.conf.py, from the project's folder.
"""

import contextlib
import http.client
import os
import threading
import time
from pathlib import Path

from gunicorn.systemd import sd_notify

from pi.settings import load_settings

settings = load_settings()

# Where the processor is short the pages wait for the device, not the other way round.
os.setpriority(os.PRIO_PROCESS, 0, 5)

wsgi_app = "web:create_app()"
bind = f"{settings.web.host}:{settings.web.port}"
# One worker: the streams share one reader of the store. A stream holds its thread for as long as
# it lives, so some are kept free for the buttons; connections must outnumber threads.
workers = 1
worker_class = "gthread"
threads = settings.web.streams + 20
worker_connections = 2 * threads + 100
keepalive = 5
graceful_timeout = 1  # streams do not end by themselves
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - spares the card
control_socket_disable = True
proc_name = "trackstart-web"


def post_worker_init(worker):
    """Have systemd watch that the page answers, not only that its process is there."""
    within_s = int(os.environ.get("WATCHDOG_USEC") or 0) / 1e6
    if within_s:
        watching = threading.Thread(target=_watch, args=(worker, within_s), daemon=True)
        watching.start()


def _watch(worker, within_s):
    host, port = worker.sockets[0].getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - only compared with
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            page = http.client.HTTPConnection(host, port, timeout=within_s / 3)
            page.request("GET", "/healthz")
            if page.getresponse().status == 200:
                sd_notify("WATCHDOG=1", worker.log)
            page.close()
        time.sleep(within_s / 4)
