"""Whether this machine knows the time of day; and the time that a phone told it, set as root.

A Pi has no clock that runs while it is off. Times within a rep do not care, dates do: a rep that
was run before the time was known says so, and is dated when it becomes known.
`python -m pi.clock FILE` is what `trackstart-clock.service` runs.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

FILE = "clock"  # in the home folder: what a phone said
EARLIEST_S = 1_735_689_600  # 2025: what is before it is a clock that never was set
LATEST_S = 4_102_444_800  # 2100
OLD_S = 60.0  # what was said longer ago than this was for another occasion


def source(root: Path = Path("/")) -> str:
    """Where the time of day is from: network, own (a clock with a battery), phone; "" for nowhere.

    "system" where something else than systemd's own service looks after it.
    """
    if (root / "run/systemd/timesync/synchronized").exists():
        return "network"
    try:
        if int((root / "sys/class/rtc/rtc0/since_epoch").read_text("ascii")) > EARLIEST_S:
            return "own"
    except (OSError, ValueError):
        pass
    if (root / "run/trackstart-clock/set").exists():
        return "phone"
    return "" if (root / "run/systemd/timesync").is_dir() else "system"


def ask(folder: Path, unix_s: float) -> None:
    """Leave word of what time it is now, for the service that may set it.

    Raises ValueError for a time that cannot be.
    """
    if not EARLIEST_S < unix_s < LATEST_S:
        raise ValueError("that cannot be the time; look at the clock of the phone")
    part = folder / f"{FILE}.part"
    part.write_text(f"{unix_s:.3f} {time.monotonic()!r}\n", encoding="ascii")
    os.replace(part, folder / FILE)


def set_clock(
    path: Path,
    root: Path = Path("/"),
    set_time: Callable[[float], None] = lambda at: time.clock_settime(time.CLOCK_REALTIME, at),
) -> str:
    """Set the clock to what was left in the file; what was done, in a sentence.

    Only where nothing better knows the time, so that no phone can spoil it.
    """
    known = source(root)
    if known not in ("", "phone"):
        return f"left alone: the time is from elsewhere ({known})"
    told_s, at_s = map(float, path.read_text("ascii").split())
    age_s = time.monotonic() - at_s
    if not (0 <= age_s < OLD_S and EARLIEST_S < told_s < LATEST_S):
        return "left alone: that was said too long ago, or cannot be"
    set_time(told_s + age_s)
    (root / "run/trackstart-clock").mkdir(exist_ok=True)
    (root / "run/trackstart-clock/set").touch()
    return "set to what a phone said"


if __name__ == "__main__":
    try:
        print(set_clock(Path(sys.argv[1])))
    except (OSError, ValueError, IndexError) as problem:
        print(f"trackstart clock: {problem}", file=sys.stderr)
        sys.exit(2)
