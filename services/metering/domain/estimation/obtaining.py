"""Numbers of the obtaining methods, kept on every value (P.O. 10.5). Method 1, measured, is ``readings.REAL``."""

BY_PROFILE = 2
"""Balance of a close, spread by the profile."""
SCALED = 3
"""A measured curve adjusted to its close."""
BY_SELF_READING = 4
BY_HISTORY = 5
"""The same period last year; for large meters the mean of the same hour and day type shortly before."""
BY_POWER = 6
"""Utilisation factor of the contracted power."""

PROVISIONAL = frozenset({BY_SELF_READING, BY_HISTORY, BY_POWER})
"""Estimates made without a real reading of those days."""
