"""The coach's PIN: made, and compared with what is kept of it."""

import secrets

from werkzeug.security import check_password_hash, generate_password_hash

DIGITS = 6


def new_pin() -> tuple[str, str]:
    """A PIN that nobody guesses in thirty tries a minute, and the hash to keep of it."""
    pin = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    return pin, generate_password_hash(pin)


def is_right(pin: str, kept: str) -> bool:
    return bool(kept) and check_password_hash(kept, "".join(pin.split()))
