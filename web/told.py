"""What the timer itself says, in the reader's language.

The device writes English sentences with numbers in them. Each is found again by its pattern, such
as "the pictures end {0} s after GO", and told with the same numbers in the reader's words. What has
no pattern stays as it is.
"""

import re
from functools import lru_cache

from web.language import catalogue, decimal, language

HOLE = re.compile(r"\{(\d+)\}")
NUMBER = re.compile(r"[-+−]?\d+\.\d+")
PARTS = ("; ", ". ", ", ", ": ")  # what several sayings are joined by


def told(text: str | None) -> str:
    """That text, in the language of the page; "" for none."""
    if not text:
        return ""
    spoken = language()
    return text if spoken == "en" else _told(spoken, text)


@lru_cache(maxsize=4096)
def _told(spoken: str, text: str) -> str:
    if (known := catalogue("told", spoken).get(text)) is not None:
        return known
    for pattern, said in _patterns(spoken):
        if found := pattern.fullmatch(text):
            return HOLE.sub(lambda hole, got=found: _told(spoken, got[f"_{hole[1]}"]), said)  # type: ignore[misc]
    for sign in PARTS:
        if sign in text:
            return sign.join(_told(spoken, part) for part in text.split(sign))
    return decimal(text) if NUMBER.fullmatch(text) else text


@lru_cache(maxsize=8)
def _patterns(spoken: str) -> list[tuple[re.Pattern[str], str]]:
    """Every saying with holes as a pattern, and its translation: what says most comes first."""
    sayings = [(text, said) for text, said in catalogue("told", spoken).items() if "{" in text]
    sayings.sort(key=lambda saying: -len(HOLE.sub("", saying[0])))
    return [(_pattern(text), said) for text, said in sayings]


def _pattern(text: str) -> re.Pattern[str]:
    pieces = HOLE.split(text)  # text, number, text, number, … text
    for k, piece in enumerate(pieces):
        pieces[k] = f"(?P<_{piece}>.+?)" if k % 2 else re.escape(piece)
    return re.compile("".join(pieces), re.DOTALL)
