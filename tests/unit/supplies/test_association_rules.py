"""What follows a match, and the codes that confirm it."""

import pytest

from services.supplies.domain.association import (
    CODE_LENGTH,
    Decision,
    code_hash,
    code_matches,
    decide,
    new_code,
    normalise_code,
)


@pytest.mark.parametrize(
    ("policy", "contact", "account", "already", "other", "expected"),
    [
        ("direct", "", "a", False, False, Decision.GRANT),
        ("direct", "b", "a", False, False, Decision.GRANT),
        ("direct", "b", "a", False, True, Decision.SEND_CODE),
        ("direct", "", "a", False, True, Decision.OPEN_CASE),
        ("confirm", "a", "a", False, False, Decision.GRANT),
        ("confirm", "b", "a", False, False, Decision.SEND_CODE),
        ("confirm", "", "a", False, False, Decision.OPEN_CASE),
        ("confirm", "", "", False, False, Decision.OPEN_CASE),
        ("confirm", "b", "a", True, False, Decision.NOTHING),
        ("direct", "b", "a", True, True, Decision.NOTHING),
    ],
)
def test_what_follows_a_match(
    policy: str, contact: str, account: str, already: bool, other: bool, expected: Decision
) -> None:
    assert (
        decide(policy, contact_key=contact, account_key=account, already_holds=already, held_by_another=other)
        == expected
    )


def test_codes_are_random_and_bound_to_their_association() -> None:
    codes = {new_code() for _ in range(200)}
    assert len(codes) == 200
    code = codes.pop()
    assert len(code) == CODE_LENGTH
    kept = code_hash("one", code)
    assert code_matches("one", f" {code[:4].lower()}-{code[4:]} ", kept)
    assert not code_matches("two", code, kept)
    assert not code_matches("one", code[:-1], kept)


def test_a_misread_letter_is_forgiven() -> None:
    assert normalise_code("oO-iI lL") == "001111"
