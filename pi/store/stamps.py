"""What a row is stamped with: UTC as a label, and the boot whose monotonic clock is meant."""

from datetime import UTC, datetime
from pathlib import Path


def boot_id() -> str:
    """This boot's name, the same in every process: a monotonic stamp means nothing in another."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def utc_now() -> str:
    return utc(datetime.now(UTC))


def utc(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
