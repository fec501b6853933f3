"""Where cards are taken, and what of a profile is refused: above all a bank that charges nobody in place of the real one."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.billing.application.card_terminal import KEY_FILE, Terminal, terminal_of
from services.billing.domain.payments.redsys import SHA256, SHA512
from services.chassis.environment import SettingsError
from services.chassis.profile import Profile, load_profile

ROOT = Path(__file__).resolve().parents[4]
KEY = "sq7HjrUOBfKmC576ILgskD5srU870gJ7"
SANDBOX = "http://127.0.0.1:8026"
CARD = {"mode": "test", "merchant_code": "999008881", "terminal": "1"}


def profile(name: str = "demo-es", demo: bool = True, **card: Any) -> Profile:
    loaded = load_profile(ROOT / "profiles" / name)
    payment = {**loaded.section("payment"), **({"card": card} if card else {})}
    return replace(loaded, demo=demo, raw={**loaded.raw, "payment": payment})


def terminal(folder: Path, of: Profile, key: str = KEY) -> Terminal | None:
    if key:
        (folder / KEY_FILE).write_text(key + "\n")
    return terminal_of(of, folder, SANDBOX)


def test_the_demonstration_has_a_bank_of_its_own_with_a_key_of_its_own(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    made = terminal_of(profile(), keys, SANDBOX)
    assert made is not None
    assert (made.mode, made.url, made.version) == ("sandbox", f"{SANDBOX}/sis/realizarPago", SHA512)
    assert len(base64.b64decode(made.shop.key)) == 24
    assert (keys / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert terminal_of(profile(), keys, SANDBOX) == made


def test_a_cooperative_without_the_section_takes_no_cards(tmp_path: Path) -> None:
    assert terminal(tmp_path, profile("demo-ar")) is None
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(
    ("mode", "url"),
    [
        ("test", "https://sis-t.redsys.es:25443/sis/realizarPago"),
        ("production", "https://sis.redsys.es/sis/realizarPago"),
    ],
)
def test_a_real_bank_by_its_mode_and_the_key_from_its_file(tmp_path: Path, mode: str, url: str) -> None:
    made = terminal(tmp_path, profile(demo=False, **{**CARD, "mode": mode, "signature": "HMAC_SHA256_V1"}))
    assert made is not None
    assert (made.url, made.version, made.shop.key) == (url, SHA256, KEY)
    assert (made.shop.merchant_code, made.shop.terminal, made.shop.currency) == ("999008881", "1", "978")


@pytest.mark.parametrize(
    ("name", "changes", "demo", "key", "words"),
    [
        ("demo-es", {"mode": "real"}, True, KEY, "mode is 'real'; write sandbox, test or production"),
        ("demo-es", {"merchant_code": "F1"}, True, KEY, "merchant_code is 'F1'; write the 1 to 9 digits"),
        ("demo-es", {"terminal": ""}, True, KEY, "terminal is ''; write the 1 to 3 digits"),
        ("demo-es", {"signature": "HMAC_MD5"}, True, KEY, "signature is 'HMAC_MD5'; write HMAC_SHA256_V1 or"),
        ("demo-ar", {}, True, KEY, "cards cannot be charged in ARS; known are EUR"),
        ("demo-es", {"mode": "sandbox"}, False, KEY, "the sandbox bank charges nobody: it is for a profile with demo"),
        (
            "demo-es",
            {"mode": "sandbox", "url": "https://b.example"},
            True,
            KEY,
            "leave the url 'https://b.example' out",
        ),
        ("demo-es", {"mode": "production", "url": "https://127.0.0.1:8026/x"}, False, KEY, "charges nobody"),
        ("demo-es", {"mode": "production", "url": "https://sis-t.redsys.es/x"}, False, KEY, "charges nobody"),
        ("demo-es", {"mode": "production", "url": "http://sis.redsys.es/x"}, False, KEY, "no https address"),
        ("demo-es", {}, True, "", f"the key of the terminal is not in .*{KEY_FILE}"),
        ("demo-es", {}, True, "c2hvcnQ=", "has 5 bytes; it needs 24"),
    ],
)
def test_what_cannot_be_a_terminal_is_said_before_anything_starts(
    tmp_path: Path, name: str, changes: dict[str, str], demo: bool, key: str, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        terminal(tmp_path, profile(name, demo, **{**CARD, **changes}), key)
