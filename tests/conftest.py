"""Devices that exist only in memory, for every test that needs one."""

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin


@pytest.fixture
def pins():
    """A header of 40 pins that remember what was done to them."""
    factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.close()
