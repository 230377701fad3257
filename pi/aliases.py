"""Names for pupils that tell nobody who they are: an animal and a number. Keeps none of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from random import Random
from typing import NamedTuple

ANIMALS = (
    *("Antelope", "Badger", "Bee", "Butterfly", "Cheetah", "Deer", "Dolphin", "Dragonfly"),
    *("Eagle", "Falcon", "Firefly", "Fox", "Gazelle", "Gecko", "Hare", "Hawk", "Hedgehog"),
    *("Heron", "Hummingbird", "Jaguar", "Kangaroo", "Kingfisher", "Leopard", "Lion", "Lynx"),
    *("Otter", "Owl", "Puma", "Robin", "Shark", "Squirrel", "Stork", "Tiger", "Wolf"),
)
"""Animals that children know and nobody is called in anger; a page may say them in its language."""


class Alias(NamedTuple):
    """Who somebody is for a lesson."""

    animal: str  # one of ANIMALS
    number: int

    def __str__(self) -> str:
        return f"{self.animal} {self.number}"


def aliases(
    count: int,
    random: Random,
    taken: Collection[str] = (),
    worded: Callable[[Alias], str] = str,
) -> list[Alias]:
    """So many different names, none of them among those that are taken.

    No animal comes again before every animal has come, and the numbers have one digit as long as
    there are any.   taken : names, in the words that `worded` has for an alias; capitals do not
    matter.   random : `random.SystemRandom()`, or a seeded one.
    """
    used = {name.casefold() for name in taken}
    named: list[Alias] = []
    animals: list[str] = []
    while len(named) < count:
        animals = animals or random.sample(ANIMALS, len(ANIMALS))
        alias = _free(animals.pop(), random, used, worded)
        used.add(worded(alias).casefold())
        named.append(alias)
    return named


def _free(animal: str, random: Random, used: set[str], worded: Callable[[Alias], str]) -> Alias:
    """That animal with a number that nobody has, as short as can be."""
    first, last = 1, 9
    while True:
        numbers = random.sample(range(first, last + 1), last + 1 - first)
        for alias in (Alias(animal, number) for number in numbers):
            if worded(alias).casefold() not in used:
                return alias
        first, last = last + 1, 10 * last + 9
