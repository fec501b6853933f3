"""Why an invoice changed, how its lines came to be, and the data from which anybody calculates it again."""

from __future__ import annotations

import json
import re

import pytest
from coop.metering.v1 import metering_service_pb2 as metering

from services.chassis.errors import Refused
from tests.unit.gateway.conftest import Portal
from tests.unit.gateway.fakes.world import exceeding, money
from tests.unit.gateway.test_pages import text

PAGE = "/s/sup-1/invoices/inv-123"


def test_every_line_says_how_it_was_calculated_and_by_which_rule(portal: Portal) -> None:
    said = text(portal.member.get(PAGE).text)
    assert "Cómo se ha calculado : Energía consumida · Punta (P1) 62 kWh × 0,196 €/kWh = 12,15 €" in said
    assert "4,6 kW × 31 días × 27,704413 €/kW y año ÷ 365 días del año = 10,82 €" in said
    assert "31 días × 0,81 €/mes × 12 meses ÷ 365 días del año = 0,83 €" in said
    assert "45,82 € × 21 % = 9,62 €" in said
    assert "Peaje de las redes: 23,324952 €/kW y año BOE-A-2025-26348 · en vigor" in said
    assert "Precio acordado en tu contrato: 0,196 €/kWh fija · en vigor 1–31 oct" in said
    assert "Tipo del IVA: 21 % Ley 37/1992, art. 90 · en vigor desde el 1 jun" in said
    assert "Paga: Impuesto eléctrico (IEE), IVA" in said


def test_energy_of_hourly_prices_says_so_instead_of_a_sum(portal: Portal) -> None:
    line = portal.world.invoices[0].lines[2]
    line.ClearField("unit_price")
    line.ClearField("price_unit")
    said = text(portal.member.get(PAGE).text)
    assert "Cada hora a su propio precio = 12,15 €" in said
    assert "Se suma al precio del mercado de cada hora, como dice tu contrato: 0,196 €/kWh" in said


def test_a_discount_is_a_share_and_a_capped_surplus_says_so(portal: Portal) -> None:
    """Their rows are the product's, as those of energy: a percentage is no price."""
    discount, surplus = portal.world.invoices[0].lines[2:4]
    discount.concept, discount.amount.amount = "discount", "-1.82"
    surplus.concept, surplus.amount.amount = "surplus", "-7.04"
    for line in (discount, surplus):
        line.ClearField("unit_price")
        line.ClearField("price_unit")
    said = text(portal.member.get(PAGE).text)
    assert "Descuento acordado en tu contrato: 0,196 % fija" in said
    assert "Lo que costó tu energía y no más = \N{MINUS SIGN}7,04 €" in said


def test_excess_by_quarters_of_an_hour_tells_the_highest_and_its_root(portal: Portal) -> None:
    exceeding(portal.world, 105_000, 104_000, 103_000)
    said = text(portal.member.get(PAGE).text)
    assert (
        "3 cuartos de hora por encima de los 100 kW del contrato; los más altos: 105 kW (14 de octubre de 2026, 10:00), "
        "104 kW (14 de octubre de 2026, 10:15), 103 kW (14 de octubre de 2026, 10:30) "
        "√(5² + 4² + 3²) = √50 = 7,0711 kW"
    ) in said
    exceeding(portal.world, 112_500)
    said = text(portal.member.get(PAGE).text)
    assert "1 cuarto de hora por encima de los 100 kW del contrato: 112,5 kW (14 de octubre" in said
    exceeding(portal.world, 105_000, 104_000, 103_000, count=5)
    assert "√(5² + 4² + 3² + los cuadrados de otros 2) = √50 = 7,0711 kW" in text(portal.member.get(PAGE).text)


def test_no_script_is_needed_and_each_explanation_has_a_name_of_its_own(portal: Portal) -> None:
    page = portal.member.get(PAGE).text
    summaries = re.findall(r"<summary>(Cómo.*?)</summary>", page)
    assert len(summaries) == len(set(summaries)) == 9
    assert 'href="/s/sup-1/consumption/2026-10-01">Horas de' in page


def test_the_effects_are_told_as_billing_gave_them(portal: Portal) -> None:
    said = text(portal.member.get(PAGE).text)
    assert "Energía consumida: 21 kWh más +3,16" in said and "Días facturados: 1 día más +0,42" in said
    assert "Diferencia +6,20" in said
    water = portal.world.invoices[0].effects[0]
    water.service, water.more, water.unit = "water", "-2.5", "m3"
    water.amount.CopyFrom(money("3.16"))
    assert "Agua consumida: 2,5 m³ menos +3,16" in text(portal.member.get(PAGE).text)


def test_an_invoice_without_kept_facts_is_shown_as_printed(portal: Portal) -> None:
    portal.world.failing["GetInvoiceFacts"] = Refused("It has no bundle.", "NO_FACTS")
    answer = portal.member.get(PAGE)
    assert answer.status_code == 200
    assert "62 kWh × 0,196 €/kWh" in text(answer.text)
    assert "Cómo se ha calculado" not in answer.text and "inv-123.json" not in answer.text


def test_the_data_have_the_hours_as_they_were_billed(portal: Portal) -> None:
    """The same document as the office's `coopctl invoice bundle`: facts of billing, hours of metering at that version."""
    assert f'href="{PAGE}.json" download' in portal.member.get(PAGE).text
    answer = portal.member.get(f"{PAGE}.json")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == 'attachment; filename="E-2026-000123.json"'
    (asked,) = [
        request
        for request in portal.world.requests
        if isinstance(request, metering.GetCurveRequest) and request.curve_version
    ]
    assert (asked.service_id, asked.curve_version) == ("e-sup-1", 7)
    hours = json.loads(answer.text)["segments"][0]["hours"]
    assert len(hours) == 745 - 1, "one hour of October is absent"
    assert hours[0][0] == "2026-10-01T00:00:00+02:00" and hours[-1][0] == "2026-10-31T23:00:00+01:00"


@pytest.mark.parametrize("path", ["/s/sup-2/invoices/inv-123.json", "/s/sup-1/invoices/none.json"])
def test_the_data_of_another_supply_do_not_exist(portal: Portal, path: str) -> None:
    assert portal.member.get(path).status_code == 404


def test_a_part_of_a_month_is_divided_by_the_days_of_that_month(portal: Portal) -> None:
    rental = next(line for line in portal.world.invoices[0].lines if line.price_unit == "month")
    rental.days, rental.year_days = 10, 31
    assert "10 días × 0,81 €/mes ÷ 31 días del mes = 0,83 €" in text(portal.member.get(PAGE).text)
