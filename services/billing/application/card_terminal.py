"""The cooperative's virtual terminal for cards: the profile's `[payment.card]`, its key from a file, where the bank is."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from services.billing.domain.payments.redsys import SHA512, VERSIONS, Shop, Version, derived_key
from services.chassis.environment import SettingsError
from services.chassis.errors import Invalid
from services.chassis.profile import Profile
from services.chassis.secret_files import write_once

KEY_FILE = "card-terminal.secret"
SANDBOX, TEST, PRODUCTION = "sandbox", "test", "production"
#: Redsys, "Guía de integración por redirección": where the browser posts the form to.
ADDRESSES = {
    TEST: "https://sis-t.redsys.es:25443/sis/realizarPago",
    PRODUCTION: "https://sis.redsys.es/sis/realizarPago",
}
SANDBOX_PATH = "/sis/realizarPago"
#: ISO 4217 numbers of the currencies that the bank takes.
CURRENCIES = {"EUR": "978"}


@dataclass(frozen=True)
class Terminal:
    """`url` is where the form goes; `version` signs it; `mode` is SANDBOX, TEST or PRODUCTION."""

    shop: Shop
    mode: str
    url: str
    version: Version


def terminal_of(profile: Profile, keys_dir: Path, sandbox_url: str) -> Terminal | None:
    """The terminal of a profile, None when it takes no cards. Raises SettingsError with a sentence for each problem.

    The sandbox's key is made here the first time, since that bank is ours; a real one's must be in its file.
    """
    section = profile.section("payment").get("card")
    if section is None:
        return None
    where = f"{profile.folder / 'coop.toml'} [payment.card]"
    problems = list(_problems(section, profile, where, sandbox_url))
    if problems:
        raise SettingsError(problems)
    mode = str(section["mode"])
    url = sandbox_url.rstrip("/") + SANDBOX_PATH if mode == SANDBOX else str(section.get("url", ADDRESSES[mode]))
    key = _sandbox_key(keys_dir) if mode == SANDBOX else _real_key(keys_dir, where)
    shop = Shop(str(section["merchant_code"]), str(section["terminal"]), key, CURRENCIES[profile.currency])
    return Terminal(shop, mode, url, _version(section))


def _version(section: Mapping[str, Any]) -> Version:
    wanted = section.get("signature", SHA512)
    return next((version for version in VERSIONS if version == wanted), SHA512)


def _problems(section: Mapping[str, Any], profile: Profile, where: str, sandbox_url: str) -> list[str]:
    found = []
    mode = section.get("mode")
    if mode not in (SANDBOX, TEST, PRODUCTION):
        found.append(f"{where}: mode is {mode!r}; write {SANDBOX}, {TEST} or {PRODUCTION}.")
    for name, most in (("merchant_code", 9), ("terminal", 3)):
        value = str(section.get(name, ""))
        if not (value.isascii() and value.isdigit() and len(value) <= most):
            found.append(f"{where}: {name} is {value!r}; write the 1 to {most} digits that the bank gave.")
    if section.get("signature", SHA512) not in VERSIONS:
        found.append(f"{where}: signature is {section['signature']!r}; write {' or '.join(VERSIONS)}.")
    if profile.currency not in CURRENCIES:
        found.append(f"{where}: cards cannot be charged in {profile.currency}; known are {', '.join(CURRENCIES)}.")
    if mode == SANDBOX and not profile.demo:
        found.append(f"{where}: the sandbox bank charges nobody: it is for a profile with demo = true alone.")
    if mode == SANDBOX and "url" in section:
        found.append(f"{where}: the sandbox bank is on this machine: leave the url {section['url']!r} out.")
    if mode in (TEST, PRODUCTION) and "url" in section:
        found += _url_problems(str(section["url"]), str(mode), where, sandbox_url)
    return found


def _url_problems(url: str, mode: str, where: str, sandbox_url: str) -> list[str]:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return [f"{where}: the url {url!r} is no https address; leave it out for the bank's own."]
    here = parts.hostname in ("localhost", "127.0.0.1", "::1", urlsplit(sandbox_url).hostname)
    test = parts.hostname == urlsplit(ADDRESSES[TEST]).hostname
    if mode == PRODUCTION and (here or test):
        return [f"{where}: mode is {PRODUCTION} and the url {url!r} is a bank that charges nobody; leave it out."]
    return []


def _real_key(keys_dir: Path, where: str) -> str:
    path = keys_dir / KEY_FILE
    try:
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as wrong:
        raise SettingsError(
            [f"{where}: the key of the terminal is not in {path}; write there what the bank's page shows."]
        ) from wrong
    try:
        derived_key(SHA512, key, "0000")
    except Invalid as wrong:
        raise SettingsError([f"{path}: {wrong.message}"]) from wrong
    return key


def _sandbox_key(keys_dir: Path) -> str:
    """Made once, readable by its owner alone; two starters agree on one."""
    path = keys_dir / KEY_FILE
    if not path.exists():
        write_once(path, b64encode(secrets.token_bytes(24)))
    return path.read_text(encoding="ascii")
