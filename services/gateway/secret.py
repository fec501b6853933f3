"""The secret that signs form tokens and the messages between two pages."""

from __future__ import annotations

import os
import secrets

from services.gateway.settings import Settings


def gateway_secret(settings: Settings) -> str:
    """The configured secret, or one made once and kept beside the keys, readable by its owner alone.

    It is written to a draft and linked into place, so that two workers starting together agree on one.
    """
    if settings.secret:
        return settings.secret
    settings.keys_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = settings.keys_dir / "gateway.secret"
    if not path.exists():
        draft = settings.keys_dir / f".gateway.{secrets.token_hex(4)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # the other worker was first: its secret is the secret
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii")
