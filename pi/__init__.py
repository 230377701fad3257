"""The device side of trackstart. Importing it touches nothing."""

__version__ = "0.1.0"
