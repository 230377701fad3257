"""How gunicorn serves the pages: one process, and a thread for every stream that it admits.

gunicorn --config web/gunicorn.conf.py, from the project's folder.
"""

import os
from pathlib import Path

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
