"""Backups of an installation on one machine: taken while it runs, checked, and put back."""
