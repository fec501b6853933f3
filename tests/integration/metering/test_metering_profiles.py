"""Load profiles: what is taken, what is refused, and which is in force."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.chassis.db import RequestKey
from services.chassis.errors import Conflict, Invalid
from services.metering.application import load_profiles
from services.metering.application.assessing import profile_for
from services.metering.application.load_profiles import ListedProfile
from services.metering.domain.estimation.profiles import RefusedRow
from tests.support.metering import Metering

HEADER = "tariff,from,to,month,day_type,hour,coefficient,source"


def content(*tariffs: str, source: str = "REE") -> bytes:
    rows = [f"{tariff},2021-01-01,,,any,{hour},0.1,{source}" for tariff in tariffs for hour in range(1, 25)]
    return "\n".join([HEADER, *rows]).encode()


def upload(
    metering: Metering, data: bytes, name: str = "ree.csv", request: str = ""
) -> tuple[list[ListedProfile], tuple[RefusedRow, ...]]:
    metering.clock.advance(timedelta(minutes=1))
    key = RequestKey("UploadLoadProfile|staff:1", request or f"{name} {metering.clock.now()}", str(hash(data)))
    return load_profiles.upload(metering.database, key, name, data, "staff:1")


def listed(metering: Metering) -> list[tuple[str, str, bool]]:
    return [(one.tariff, one.file_name, one.in_force) for one in load_profiles.every(metering.database)]


def in_force(metering: Metering, tariff: str) -> tuple[str, ...]:
    with metering.database.read() as connection:
        return profile_for(connection, tariff).sources


def test_the_last_upload_of_a_tariff_is_in_force_and_samples_until_then(metering: Metering) -> None:
    assert listed(metering) == [("2.0TD", "sample_2.0TD.csv", True), ("3.0TD", "sample_3.0TD.csv", True)]
    assert "illustrative" in in_force(metering, "2.0TD")[0]
    # Nobody has published one for these: every hour weighs the same.
    assert in_force(metering, "6.1TD") == in_force(metering, "T1R") == ("even",)
    kept, _ = upload(metering, content("2.0TD", "6.1TD", source="REE 2026"))
    assert [(one.tariff, one.coefficients, one.in_force) for one in kept] == [
        ("2.0TD", 864, True),
        ("6.1TD", 864, True),
    ]
    upload(metering, content("2.0TD", source="REE 2027"), "new.csv")
    assert in_force(metering, "2.0TD") == ("REE 2027",) and in_force(metering, "6.1TD") == ("REE 2026",)
    assert listed(metering) == [
        ("2.0TD", "new.csv", True),
        ("2.0TD", "ree.csv", False),
        ("2.0TD", "sample_2.0TD.csv", False),
        ("3.0TD", "sample_3.0TD.csv", True),
        ("6.1TD", "ree.csv", True),
    ]


def test_the_same_request_is_one_upload(metering: Metering) -> None:
    first = upload(metering, content("2.0TD"), request="r1")
    assert upload(metering, content("2.0TD"), request="r1") == first
    with pytest.raises(Conflict, match="used before"):
        upload(metering, content("3.0TD"), request="r1")
    assert len(listed(metering)) == 3


def test_a_file_that_is_in_force_is_not_stored_again(metering: Metering) -> None:
    both = content("2.0TD") + content("3.0TD").removeprefix(HEADER.encode())
    first, _ = upload(metering, both, request="r1")
    assert upload(metering, both, request="r2") == (first, ()) and len(listed(metering)) == 4
    (other,), _ = upload(metering, content("3.0TD"), request="r3")
    again, _ = upload(metering, both, request="r4")
    assert again[0] == first[0] and again[1].id not in (first[1].id, other.id)
    assert [one.in_force for one in again] == [True, True] and len(listed(metering)) == 6


def test_a_file_with_a_wrong_row_changes_nothing(metering: Metering) -> None:
    kept, refused = upload(metering, content("2.0TD") + b"\n2.0TD,2021-01-01,,,any,25,0.1,REE\n2.0TD\n")
    assert kept == [] and [row.line for row in refused] == [26, 27]
    assert 'hour is "25"' in refused[0].reason and len(listed(metering)) == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"a,b\n", "begins with the columns"),
        (HEADER.encode(), "no coefficient"),
        (content("9.9TD"), "'9.9TD', which is unknown"),
        (b"x" * (load_profiles.LARGEST + 1), "split it"),
    ],
    ids=["no text", "another heading", "a heading alone", "an unknown tariff", "too large"],
)
def test_what_is_no_profile_is_refused(metering: Metering, data: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        upload(metering, data)
    assert len(listed(metering)) == 2
