"""Notices in the portal and their copy by e-mail."""
