"""Verification codes, masks and validity."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.certificates import (
    ALPHABET,
    code_from,
    grouped,
    masked_holder,
    masked_supply,
    position_hash,
    state_of,
    typed_code,
)
from services.chassis.errors import Invalid


@given(st.binary(min_size=10, max_size=10))
def test_every_bit_of_the_code_counts_and_it_can_be_typed_back(random):
    code = code_from(random)
    assert len(code) == 16
    number = 0
    for character in code:
        number = number * 32 + ALPHABET.index(character)
    assert number.to_bytes(10, "big") == random
    paper = grouped(code)
    assert [len(group) for group in paper.split("-")] == [4, 4, 4, 4]
    for typed in (
        code,
        paper.replace("-", "\N{NON-BREAKING HYPHEN}"),
        paper.replace("-", " . "),
        paper,
        paper.lower(),
        f"  {paper} ",
        paper.replace("-", " "),
        paper.replace("0", "o"),
    ):
        assert typed_code(typed) == code
    assert typed_code(paper.replace("1", "I")) == typed_code(paper.replace("1", "l")) == code


@pytest.mark.parametrize("typed", ["", "7K3D", "7K3D-9QXA-52MN-W0TBX", "7K3D-9QXA-52MN-W0TU", "7K3D-9QXA-52MN-W0T!"])
def test_what_is_no_code(typed):
    with pytest.raises(Invalid, match="16 letters and digits"):
        typed_code(typed)


def test_masks():
    assert masked_holder("Ana Pérez") == "A*** P***"
    assert masked_holder("  álvaro  de la Fuente ") == "Á*** D*** L*** F***"
    assert masked_supply("ES0575000000000877HA", "5555/1") == "****************77HA"
    assert masked_supply("", "5555/1") == "****/1"


def test_a_certificate_is_valid_on_its_last_day():
    until = date(2026, 12, 21)
    assert state_of(until, False, until) == "valid"
    assert state_of(until, False, date(2026, 12, 22)) == "expired"
    assert state_of(until, True, until) == "revoked"


def test_position_hash_changes_with_any_figure():
    position = {"at": "2026-11-21T16:00:00+00:00", "overdue": "0.00", "items": [["E-1", "55.44"]]}
    assert position_hash(position) == position_hash(dict(reversed(position.items())))
    assert position_hash(position) != position_hash({**position, "items": [["E-1", "55.45"]]})
