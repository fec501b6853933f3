"""Use cases of supplies."""
