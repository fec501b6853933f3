"""Which office a profile has, and what the edge refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from coop.billing.v1 import fiscal_service_pb2 as pb

from services.billing.application.fiscal import NothingToTell, fiscal_office
from services.billing.application.fiscal_codes import FiscalCodes, PublicServiceCodes
from services.billing.application.fiscal_records import FiscalRecords, InvoiceRecords
from services.billing.domain.fiscal.terms import FiscalTerms
from services.billing.fiscal_api import FiscalApi
from services.billing.rules import Rules, rules_of
from services.chassis.environment import SettingsError
from services.chassis.errors import Invalid
from services.chassis.profile import load_profile

PROFILES = Path(__file__).resolve().parents[3] / "profiles"


def rules(profile: str) -> Rules:
    return rules_of(load_profile(PROFILES / profile))


def test_the_profile_decides_what_the_tax_office_is_told() -> None:
    assert isinstance(fiscal_office(rules("demo-es")), InvoiceRecords)
    assert isinstance(fiscal_office(rules("demo-ar")), PublicServiceCodes)
    assert isinstance(fiscal_office(replace(rules("demo-es"), fiscal=FiscalTerms())), NothingToTell)


def test_a_profile_that_does_not_fit_stops_the_start(tmp_path: Path) -> None:
    for file in (PROFILES / "demo-es").iterdir():
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    path = tmp_path / "coop.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('code = "AC"', 'code = "acometida"'), encoding="utf-8")
    with pytest.raises(SettingsError, match="two capital letters or digits"):
        rules_of(load_profile(tmp_path))


def test_without_its_file_there_is_no_origin_of_the_energy() -> None:
    assert [each.year for each in rules("demo-es").energy_origins] == [2024, 2025]
    assert rules("demo-ar").energy_origins == ()


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [("2026-13-01", "2026-11-30", "first_day '2026-13-01' is not a date"), ("2026-11-01", "", "last_day '' is not")],
)
def test_days_that_are_none_are_refused(first: str, last: str, words: str) -> None:
    api = FiscalApi(cast(FiscalRecords, None), cast(FiscalCodes, None))
    request = pb.StreamFiscalRecordsRequest(first_day=first, last_day=last)
    with pytest.raises(Invalid, match=words):
        list(api.StreamFiscalRecords(request, cast(Any, None)))
