"""The secret that signs form tokens and the messages between two pages."""

from __future__ import annotations

import secrets

from services.chassis.config import SettingsError
from services.chassis.secret_files import write_once
from services.gateway.settings import Settings


def gateway_secret(settings: Settings) -> str:
    """The configured secret, or one made once and kept beside the keys, readable by its owner alone.

    Two workers starting together agree on one. Raises SettingsError when it is not there and cannot be made.
    """
    if settings.secret:
        return settings.secret
    path = settings.keys_dir / "gateway.secret"
    if not path.exists():
        write_once(path, secrets.token_urlsafe(32).encode())
    try:
        found = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as wrong:
        raise SettingsError([f"{path}, the gateway's secret, cannot be read: {wrong}."]) from wrong
    if not found:
        raise SettingsError([f"{path}, the gateway's secret, is empty: give it 32 random bytes as text."])
    return found
