"""How often Python looks for objects that only refer to each other."""

import gc

#: Objects made and not yet gone after which it looks; Python's own number is 700.
MADE = 20_000


def look_rarely() -> None:
    """Set it for this process. Objects that nothing refers to go at once as ever; what holds itself is rare here.

    A unit of work makes tens of thousands of objects that live until its transaction ends. With Python's number each of
    them is looked at several times on the way, which took an eighth of a bill run.
    """
    gc.set_threshold(MADE)
