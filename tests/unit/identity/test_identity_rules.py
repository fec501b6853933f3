"""Rules of accounts, passwords, sessions and the audit chain."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.chassis.emails import email_key, parse_email
from services.chassis.errors import Invalid
from services.identity.domain.accounts import Mistakes, parse_language, parse_name, parse_roles
from services.identity.domain.audit import GENESIS, AuditEntry, find_break
from services.identity.domain.passwords import check_password, guessable_words, normalise
from services.identity.domain.sessions import MEMBER_TERMS, STAFF_TERMS

NOON = datetime(2026, 10, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("ana@example.org", "ana@example.org"),
        ("  Ana.Ruiz+luz@Example.ORG ", "Ana.Ruiz+luz@example.org"),
        ("josé@correo.españa.es", "josé@correo.españa.es"),
    ],
)
def test_addresses_are_kept_as_written_with_the_domain_in_lower_case(text: str, kept: str) -> None:
    assert parse_email(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ana",
        "ana@",
        "@example.org",
        "ana@example",
        "ana@exa mple.org",
        "a b@example.org",
        "ana@-example.org",
        "ana@example.org, eva@example.org",
        ".ana@example.org",
        "ana..ruiz@example.org",
        "ana@192.168.1.1",
        "a" * 65 + "@example.org",
        "ana@" + "b" * 260 + ".org",
        "ana\n@example.org",
        "<ana@example.org>",
    ],
)
def test_what_is_no_address_is_refused_with_the_field(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_email(text)
    assert [violation.field for violation in refused.value.violations] == ["email"]


def test_two_spellings_of_one_address_have_one_key() -> None:
    assert email_key("Ana@Example.org") == email_key("ana@example.org")
    assert email_key("ana@example.org") != email_key("eva@example.org")


def accept(password: str) -> str:
    return check_password(
        password, email="ana.ruiz@example.org", name="Ana Ruiz Soler", context=["Cooperativa Eléctrica Vallesol"]
    )


@pytest.mark.parametrize(
    "password",
    [
        "tres nubes verdes caminan",
        "xK9#mQ2$vL7!",
        "el tejado de mi abuela llueve",
        "pared-lenteja-cuchara",
        "ñandú azul en la cuesta",
    ],
)
def test_long_unrelated_words_are_accepted(password: str) -> None:
    assert accept(password) == normalise(password)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("corta", "PASSWORD_TOO_SHORT"),
        ("elevencharr", "PASSWORD_TOO_SHORT"),
        ("x" * 257, "PASSWORD_TOO_LONG"),
        ("password1234", "PASSWORD_COMMON"),
        ("P@ssw0rd2026!", "PASSWORD_COMMON"),
        ("Contraseña123", "PASSWORD_COMMON"),
        ("123456789012", "PASSWORD_COMMON"),
        ("qwertyuiop12", "PASSWORD_COMMON"),
        ("aaaaaaaaaaaa", "PASSWORD_COMMON"),
        ("abcabcabcabc", "PASSWORD_COMMON"),
        ("realmadrid1902", "PASSWORD_COMMON"),
        ("1q2w3e4r5t6y", "PASSWORD_COMMON"),
        ("correcthorsebatterystaple", "PASSWORD_COMMON"),
        ("ana.ruiz@example.org", "PASSWORD_CONTEXT"),
        ("Vallesol-2026!", "PASSWORD_CONTEXT"),
        ("ruizsoler12345", "PASSWORD_CONTEXT"),
    ],
)
def test_short_common_and_context_passwords_are_refused_without_repeating_them(password: str, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        accept(password)
    assert refused.value.reason == reason
    assert password not in refused.value.message


def test_a_letter_composed_in_two_ways_is_one_password() -> None:
    assert accept("caf\u00e9 con nubes raras") == accept("cafe\u0301 con nubes raras")


def test_the_shipped_list_has_several_hundred_words() -> None:
    assert len(guessable_words()) > 400


def test_a_member_session_ends_after_half_an_hour_unused_and_after_twelve_hours() -> None:
    assert not MEMBER_TERMS.is_over(NOON, NOON + timedelta(hours=1), NOON + timedelta(hours=1, minutes=30))
    assert MEMBER_TERMS.is_over(NOON, NOON + timedelta(hours=1), NOON + timedelta(hours=1, minutes=31))
    assert MEMBER_TERMS.is_over(NOON, NOON + timedelta(hours=12), NOON + timedelta(hours=12))


def test_a_staff_session_may_rest_for_a_working_day() -> None:
    assert not STAFF_TERMS.is_over(NOON, NOON, NOON + timedelta(hours=8))
    assert STAFF_TERMS.is_over(NOON, NOON, NOON + timedelta(hours=8, minutes=1))


def test_the_last_use_is_written_at_most_once_a_minute() -> None:
    assert not MEMBER_TERMS.needs_touch(NOON, NOON + timedelta(seconds=59))
    assert MEMBER_TERMS.needs_touch(NOON, NOON + timedelta(seconds=60))


def test_names_languages_and_roles() -> None:
    assert parse_name("  Ana   Ruiz ") == "Ana Ruiz"
    assert parse_language("", ["es", "en"], "es") == "es"
    assert parse_roles(["billing", "support", "billing"]) == ("support", "billing")
    for wrong in (lambda: parse_name(" "), lambda: parse_name("x" * 121), lambda: parse_language("fr", ["es"], "es")):
        with pytest.raises(Invalid):
            wrong()
    with pytest.raises(Invalid, match="no role 'boss'"):
        parse_roles(["boss"])
    with pytest.raises(Invalid, match="at least one role"):
        parse_roles([])


def test_all_mistakes_of_a_form_are_told_at_once() -> None:
    mistakes = Mistakes()
    assert mistakes.check(lambda: parse_email("ana@example.org"), "") == "ana@example.org"
    mistakes.raise_any()
    assert mistakes.check(lambda: parse_name(" "), "nobody") == "nobody"
    mistakes.check(lambda: accept("corta"), "")
    with pytest.raises(Invalid) as refused:
        mistakes.raise_any()
    assert [violation.field for violation in refused.value.violations] == ["name", "password"]
    assert refused.value.metadata == {"reason_name": "NAME_MISSING", "reason_password": "PASSWORD_TOO_SHORT"}


def chain(length: int) -> list[tuple[AuditEntry, str]]:
    entries: list[tuple[AuditEntry, str]] = []
    previous = GENESIS
    for sequence in range(1, length + 1):
        at = NOON + timedelta(minutes=sequence)
        entry = AuditEntry(
            sequence, at, "member:1", "sign_in", "account:1", "192.0.2.0/24", {"n": str(sequence)}, previous
        )
        previous = entry.seal()
        entries.append((entry, previous))
    return entries


def test_a_whole_audit_chain_verifies_and_each_tampering_shows_where() -> None:
    whole = chain(4)
    head = (4, whole[-1][1])
    assert find_break(whole, head) is None
    assert find_break([], (0, GENESIS)) is None

    changed = list(whole)
    changed[1] = (replace(changed[1][0], actor="member:2"), changed[1][1])
    assert find_break(changed, head).sequence == 2  # type: ignore[union-attr]

    resealed = list(whole)
    forged = replace(whole[1][0], actor="member:2")
    resealed[1] = (forged, forged.seal())
    assert find_break(resealed, head).sequence == 3  # type: ignore[union-attr]

    assert find_break([whole[0], *whole[2:]], head).sequence == 2  # type: ignore[union-attr]
    assert find_break(whole[:3], head).why == "the log ends at entry 3 but 4 entries were written"  # type: ignore[union-attr]
