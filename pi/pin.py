"""The coach's PIN and the admin's secret: made, and compared with what is kept of them."""

import secrets

from werkzeug.security import check_password_hash, generate_password_hash

DIGITS, ADMIN_DIGITS = 6, 12


def new_pin() -> tuple[str, str]:
    """A PIN that nobody guesses in thirty tries a minute, and the hash to keep of it."""
    pin = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    return pin, generate_password_hash(pin)


def new_secret() -> tuple[str, str]:
    """A secret for the admin, twice as long, and the hash to keep of it."""
    secret = f"{secrets.randbelow(10**ADMIN_DIGITS):0{ADMIN_DIGITS}d}"
    return secret, generate_password_hash(secret)


def is_admins(typed: str) -> bool:
    """Whether what was typed can be the admin's secret: it is no PIN."""
    return len("".join(typed.split())) == ADMIN_DIGITS


def is_right(pin: str, kept: str) -> bool:
    return bool(kept) and check_password_hash(kept, "".join(pin.split()))
