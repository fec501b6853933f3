"""Reasons of the revisions that landed before there was a linter; what landed is not changed.

None of them has met a database of another release: they came with the first one.
"""

LANDED: dict[str, dict[str, str]] = {}
