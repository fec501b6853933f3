"""The demonstration cooperative: files as a real one would have them, and a loader that feeds them as staff would."""
