"""Properties are about results: on a busy machine an example may be slow, and that is no failure."""

from hypothesis import settings

settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")
