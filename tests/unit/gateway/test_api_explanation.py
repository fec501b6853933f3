"""An invoice through the JSON API: enough to calculate it again, what it rests on, and nobody else's."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from services.chassis.errors import NotFound, Refused
from services.staff.verify.numbers import rounded
from tests.unit.gateway.conftest import Portal
from tests.unit.gateway.fakes.world import exceeding
from tests.unit.gateway.test_api import BEARER, PROBLEM

PATH = "/api/v1/invoices/inv-123"


def get(portal: Portal, path: str) -> Any:
    answer = portal.visitor.get(path, headers=BEARER)
    assert answer.status_code == 200, answer.text
    return answer.json


@pytest.fixture(autouse=True)
def signed_in(portal: Portal) -> None:
    portal.world.sessions.add("good-token")


def test_the_lines_have_all_that_their_amounts_are_calculated_from(portal: Portal) -> None:
    invoice = get(portal, PATH)
    assert (invoice["rectifies"], invoice["rectified_by"]) == ("", [])
    for line in invoice["lines"]:
        if line["code"]:
            calculated = Decimal(line["base"]["amount"]) * Decimal(line["unit_price"])
        else:
            assert "base" not in line
            calculated = Decimal(line["quantity"] or 1) * Decimal(line["unit_price"])
            calculated *= 12 if line["price_unit"] == "month" else 1
            calculated = calculated * (line["days"] or 1) / (line["year_days"] or 1)
        assert rounded(calculated) == Decimal(line["amount"]["amount"]), line
    assert [line["code"] for line in invoice["lines"] if "iva" in line["taxed_by"]][-1] == "iee"


def test_effects_sum_to_the_difference_and_each_line_has_its_rows(portal: Portal) -> None:
    said = get(portal, f"{PATH}/explanation")
    assert (said["previous_total"]["amount"], said["difference"]["amount"]) == ("49.24", "6.20")
    assert sum(Decimal(effect["amount"]["amount"]) for effect in said["effects"]) == Decimal("6.20")
    consumption, _, taxes = said["effects"]
    assert (consumption["cause"], consumption["more"], consumption["unit"]) == ("consumption", "21", "kwh")
    assert "more" not in taxes
    assert len(said["lines"]) == len(get(portal, PATH)["lines"])
    power, iva = said["lines"][0], said["lines"][-1]
    assert power["rows"][0] == {
        "table": "toll",
        "name": "2.0TD",
        "start": "2026-01-01",
        "end": "2027-01-01",
        "source": "BOE-A-2025-26348",
        "value": "23.324952",
    }
    assert "end" not in iva["rows"][0], "the row still holds"
    (measured,) = said["lines"][2]["measured"]
    assert measured == {"period": {"start": "2026-10-01", "end": "2026-11-01"}, "by_hours": True, "closes": []}


def test_quarters_of_an_hour_that_decide_excess_power_are_told(portal: Portal) -> None:
    exceeding(portal.world, 105_000, 104_000, 103_000)
    first, *others = get(portal, f"{PATH}/explanation")["lines"]
    assert first["quarters"] == {
        "contracted_watts": 100_000,
        "count": 3,
        "squares": "50",
        "highest": [
            {"start": "2026-10-14T08:00:00+00:00", "watts": 105_000},
            {"start": "2026-10-14T08:15:00+00:00", "watts": 104_000},
            {"start": "2026-10-14T08:30:00+00:00", "watts": 103_000},
        ],
    }
    assert not any("quarters" in each for each in others)


def test_the_first_invoice_has_nothing_to_differ_from(portal: Portal) -> None:
    portal.world.invoices[0].ClearField("previous_total")
    del portal.world.invoices[0].effects[:]
    said = get(portal, f"{PATH}/explanation")
    assert said["effects"] == [] and "difference" not in said and "previous_total" not in said


def test_the_bundle_is_the_one_of_the_page(portal: Portal) -> None:
    assert get(portal, f"{PATH}/bundle") == portal.member.get("/s/sup-1/invoices/inv-123.json").json


@pytest.mark.parametrize("part", ["explanation", "bundle"])
def test_who_may_not_see_the_invoice_sees_nothing_of_what_it_rests_on(portal: Portal, part: str) -> None:
    unknown = portal.visitor.get(f"/api/v1/invoices/none/{part}", headers=BEARER)
    portal.world.failing["GetInvoiceFacts"] = portal.world.failing["GetInvoice"] = NotFound("Invoice none is unknown.")
    foreign = portal.visitor.get(f"{PATH}/{part}", headers=BEARER)
    assert (foreign.status_code, foreign.content_type, foreign.json["detail"]) == (
        404,
        PROBLEM,
        unknown.json["detail"],
    )
    assert portal.visitor.get(f"{PATH}/{part}").status_code == 401


@pytest.mark.parametrize("part", ["explanation", "bundle"])
def test_an_invoice_without_facts_says_so(portal: Portal, part: str) -> None:
    portal.world.failing["GetInvoiceFacts"] = Refused("It has no bundle.", "NO_FACTS")
    answer = portal.visitor.get(f"{PATH}/{part}", headers=BEARER)
    assert (answer.status_code, answer.content_type, answer.json["reason"]) == (409, PROBLEM, "NO_FACTS")
