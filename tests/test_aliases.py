"""Names that tell nobody who somebody is: all different, short, and none that was there."""

from random import Random

import pytest

from pi.aliases import ANIMALS, Alias, aliases


def test_an_alias_reads_as_an_animal_and_a_number():
    assert str(Alias("Fox", 7)) == "Fox 7"


def test_there_are_thirty_animals_or_more_and_each_is_there_once():
    assert len(ANIMALS) >= 30
    assert len(set(ANIMALS)) == len(ANIMALS)
    insulting = {"Pig", "Cow", "Ape", "Elephant", "Snail", "Hippo", "Donkey", "Goose", "Rat"}
    assert not insulting & set(ANIMALS)


@pytest.mark.parametrize("count", [1, 30, 60, 400])
def test_no_two_of_a_class_have_the_same_name(count):
    named = aliases(count, Random(count))
    assert len({str(alias) for alias in named}) == count
    assert {alias.animal for alias in named} <= set(ANIMALS)


def test_a_class_of_thirty_has_thirty_animals_with_one_digit():
    named = aliases(30, Random(3))
    assert len({alias.animal for alias in named}) == 30
    assert {alias.number for alias in named} <= set(range(1, 10))


def test_who_was_there_keeps_the_name_in_whatever_language_and_capitals():
    german = {"Fox": "Fuchs"}

    def worded(alias):
        return f"{german.get(alias.animal, alias.animal)} {alias.number}"

    taken = [f"FUCHS {number}" for number in range(1, 10)]
    named = aliases(len(ANIMALS), Random(5), taken, worded)
    (fox,) = [alias for alias in named if alias.animal == "Fox"]
    assert 10 <= fox.number <= 99


def test_the_same_lot_gives_the_same_names_and_another_does_not():
    assert aliases(20, Random(1)) == aliases(20, Random(1)) != aliases(20, Random(2))
