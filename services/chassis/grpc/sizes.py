"""How large a message may be; both ends of a call must agree."""

MAX_MESSAGE = 8 * 1024 * 1024
"""Bytes. Files travel in chunks; what travels whole (a member's photo, a load profile) is smaller than this."""
