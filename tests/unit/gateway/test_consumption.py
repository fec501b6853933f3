"""The views of consumption: which days, what they say, what they are compared with."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from coop.metering.v1 import metering_service_pb2 as metering
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.periods import DatePeriod
from services.gateway.compose.comparison import compare
from services.gateway.compose.curves import CurveView, DayView, over
from services.gateway.compose.readings import ReadingView
from services.gateway.compose.spans import (
    RANGE,
    Span,
    day_span,
    month_span,
    week_span,
    within,
)
from tests.unit.gateway.conftest import Portal
from tests.unit.gateway.fakes.world import day_curve
from tests.unit.gateway.test_pages import text

HERE = "/s/sup-1/consumption"


def curve(start: str, end: str, **more: tuple[int, ...]) -> CurveView:
    """The fakes' hours of some days."""
    days = [day_curve(day, **more) for day in DatePeriod.parse(start, end)]  # type: ignore[arg-type]
    return CurveView.of(metering.GetCurveResponse(days=days, time_zone="Europe/Madrid", tariff="2.0TD"))


def asked(first: tuple[int, int, int], last: tuple[int, int, int]) -> str:
    """The address of a range; dates as (day, month, year)."""
    boxes = zip(("day", "month", "year"), zip(first, last, strict=True), strict=True)
    return f"{HERE}/range?" + "&".join(f"first-{part}={a}&last-{part}={b}" for part, (a, b) in boxes)


def test_weeks_begin_where_the_reader_has_it() -> None:
    assert week_span(date(2026, 10, 14), 0).days == DatePeriod(date(2026, 10, 12), date(2026, 10, 19))
    assert week_span(date(2026, 10, 12), 0).first == date(2026, 10, 12)
    assert week_span(date(2026, 10, 17), 6).days == DatePeriod(date(2026, 10, 11), date(2026, 10, 18))


@given(st.dates(date(2001, 1, 1), date(2098, 12, 31)), st.integers(-30, 30))
def test_steps_go_there_and_back(day: date, count: int) -> None:
    for span in (day_span(day), week_span(day, 0), month_span(day), Span(RANGE, DatePeriod(day, day + timedelta(9)))):
        assert span.step(count).step(-count) == span
        assert span.step(1).first == Span(span.kind, span.days).days.end


def test_a_day_and_a_week_are_compared_with_the_same_weekdays() -> None:
    """28 February 2028 is a Monday, as 1 March 2027 is."""
    assert day_span(date(2028, 2, 28)).a_year_before(date(2028, 2, 28)) == date(2027, 3, 1)
    assert week_span(date(2026, 10, 14), 0).year_before() == DatePeriod(date(2025, 10, 13), date(2025, 10, 20))
    assert month_span(date(2028, 2, 1)).year_before() == DatePeriod(date(2027, 2, 1), date(2027, 3, 1))
    assert month_span(date(2028, 2, 1)).a_year_before(date(2028, 2, 29)) is None
    leap = Span(RANGE, DatePeriod(date(2028, 2, 29), date(2028, 3, 1)))
    assert leap.year_before().days == 1  # asked for, though nothing is compared with it


def test_only_whole_days_are_compared_and_the_others_are_counted() -> None:
    now, before = curve("2026-10-01", "2026-11-01"), curve("2025-10-01", "2025-11-01")
    span = month_span(date(2026, 10, 1))
    whole = compare(span, now, before)
    assert whole is not None and (len(whole.pairs), whole.asked) == (31, 31)
    assert (whole.wh, whole.before_wh) == (now.wh, before.wh)
    broken = CurveView((*now.days[:3], *curve("2026-10-04", "2026-10-05", missing=(4,)).days, *now.days[4:]), "", "")
    part = compare(span, broken, before)
    assert part is not None and len(part.pairs) == 30
    assert part.before_wh == before.wh - before.days[3].wh
    assert [one.day for one in part.by_week(span.first)] == [date(2026, 10, day) for day in (1, 8, 15, 22, 29)]
    assert compare(span, now, over(span.year_before(), [], "Europe/Madrid")) is None
    half = CurveView((*before.days[:15], *(DayView(day.day, (), "") for day in before.days[15:])), "", "")
    assert compare(span, now, half) is None


def test_days_of_23_and_25_hours_beside_ordinary_ones() -> None:
    """25 October 2026 beside 26 October 2025, both with two hours at 2; spring's hour at 2 is nothing."""
    autumn = compare(day_span(date(2026, 10, 25)), curve("2026-10-25", "2026-10-26"), curve("2025-10-26", "2025-10-27"))
    assert autumn is not None
    hours = autumn.by_hour()
    assert len(hours) == 24 and sum(one.wh for one in hours) == autumn.wh
    spring = compare(day_span(date(2026, 3, 29)), curve("2026-03-29", "2026-03-30"), curve("2025-03-30", "2025-03-31"))
    assert spring is not None and (spring.by_hour()[2].wh, spring.by_hour()[3].wh > 0) == (0, True)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=5), st.integers(0, 60), st.integers(1, 40))
def test_what_is_shown_of_some_days(ranges: list[tuple[int, int]], start: int, length: int) -> None:
    def days(first: int, count: int) -> DatePeriod:
        return DatePeriod(date.fromordinal(740_000 + first), date.fromordinal(740_000 + first + count))

    wanted = days(start, length)
    found = within([days(*one) for one in ranges], wanted)
    assert {day for one in found for day in one} == {
        day for day in wanted if any(days(*one).contains(day) for one in ranges)
    }


def test_a_week_says_how_much_and_what_a_year_before(portal: Portal) -> None:
    said = text(portal.member.get(f"{HERE}/week/2026-10-14").text)
    assert re.search(r"Semana del 12–\u2060?18 de octubre", said)
    assert "Has consumido 69,29 kWh en estos días. El 36 % fue en horas punta." in said
    assert "166 de 168 horas medidas, 2 estimadas." in said
    assert "Un 11 % más que un año antes (13–19 de octubre de 2025): 69,29 kWh, entonces 62,68 kWh." in said
    assert "‹ 5–11 oct" in said and "19–25 oct ›" in said


def test_a_month_leaves_out_what_cannot_be_compared(portal: Portal) -> None:
    said = text(portal.member.get(f"{HERE}/month/2026-10").text)
    assert "742 de 745 horas medidas, 2 estimadas, falta 1." in said
    assert "De 31 días se comparan los 30 que tienen todas sus horas en los dos años." in said
    assert "‹ Septiembre" in said and "Noviembre" not in said


def test_days_that_are_not_shown_yet_are_said_to_be(portal: Portal) -> None:
    portal.world.published = [("2026-10-12", "2026-10-15")]
    page = portal.member.get(f"{HERE}/week/2026-10-14")
    assert "4 de estos días todavía no se muestran." in text(page.text)
    assert f"{HERE}/2026-10-12_2026-10-14.csv" in page.text
    assert "Frente al año anterior" not in page.text
    assert portal.member.get(f"{HERE}/month/2026-09").status_code == 404
    for part in ("day/2026-10-15", "week/2026-10-20", "2026-10-20_2026-10-22.csv"):
        assert portal.member.get(f"{HERE}/{part}").status_code == 404


@pytest.mark.parametrize(
    ("from_day", "path", "says"),
    [
        (10, "day/2026-11-03", "todavía no se muestran. Podrás verlas a partir del 10 de diciembre, o antes"),
        (10, "month/2026-12", "están por llegar. Podrás verlas a partir del 10 de enero de 2027, o antes"),
        (10, "week/2026-12-30", "están por llegar. Podrás ver las primeras a partir del 10 de enero de 2027"),
        (10, "day/2026-10-31", "todavía no se muestran. No ha llegado ninguna lectura de ellas."),
        (10, "2026-11-01_2026-11-03.csv", "Podrás verlas a partir del 10 de diciembre, o antes"),
        (0, "day/2026-11-03", "todavía no se muestran. Podrás verlas en cuanto se emita la factura"),
        (0, "day/2026-12-24", "están por llegar. Podrás verlas en cuanto se emita la factura"),
        (0, "day/2024-08-31", "anteriores a las primeras horas que se pueden ver, las del 1 de septiembre de 2024."),
    ],
)
def test_days_that_are_not_there_yet_say_when_they_will_be(portal: Portal, from_day: int, path: str, says: str) -> None:
    """It is 21 November 2026; what is shown ends with 30 October."""
    portal.world.published, portal.world.from_day = [("2024-09-01", "2026-10-31")], from_day
    answer = portal.member.get(f"{HERE}/{path}")
    assert answer.status_code == 404 and says in text(answer.text)
    assert "Ver octubre" in text(answer.text) and f"{HERE}/month/2026-10" in answer.text
    assert "GetCurve" not in portal.world.calls


def test_without_any_day_to_be_seen_the_page_says_when_and_strangers_learn_nothing(portal: Portal) -> None:
    portal.world.published = []
    said = text(portal.member.get(f"{HERE}/day/2026-11-03").text)
    assert "3 de noviembre" in said and "en cuanto se emita la factura" in said and "Ver " not in said
    stranger = portal.member.get("/s/sup-9/consumption/day/2026-11-03")
    assert stranger.status_code == 404 and "Esta página no existe" in text(stranger.text)


def test_a_range_in_two_published_pieces_is_asked_for_in_pieces(portal: Portal) -> None:
    portal.world.published = [("2026-10-20", "2026-11-01"), ("2026-10-01", "2026-10-10")]
    said = text(portal.member.get(f"{HERE}/month/2026-10").text)
    assert "10 de estos días todavía no se muestran." in said
    assert portal.world.calls.count("GetCurve") == 2
    lines = portal.member.get(f"{HERE}/2026-10-01_2026-10-31.csv").text.split("\r\n")
    assert len(lines) == 1 + 9 * 24 + 12 * 24 + 1 - 1 + 1  # heading, two runs, the 25th hour, the absent one, the end


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [
        ((31, 9, 2026), (3, 10, 2026), "31/9/2026 no es una fecha del calendario"),
        ((5, 10, 2026), (3, 10, 2026), "El último día, 3 de octubre, es anterior al primero, 5 de octubre."),
        ((1, 1, 2025), (31, 10, 2026), "hay 669 días: elige como mucho 400."),
        (
            (1, 11, 2026),
            (3, 11, 2026),
            "No se puede ver ningún día del 1 de noviembre al 3 de noviembre: elige otras fechas. Estas horas todavía",
        ),
        ((1, 1, 1850), (3, 11, 2026), "No hay lecturas del año 1850."),
    ],
)
def test_dates_that_cannot_be_shown_are_told_why(
    portal: Portal, first: tuple[int, int, int], last: tuple[int, int, int], says: str
) -> None:
    answer = portal.member.get(asked(first, last))
    assert answer.status_code == 422
    assert says in text(answer.text) and "<title>Error: " in answer.text
    assert f'value="{first[0]}"' in answer.text  # what was written stays


def test_an_empty_range_form_asks_nothing_wrong(portal: Portal) -> None:
    answer = portal.member.get(f"{HERE}/range")
    assert answer.status_code == 200 and "Error" not in answer.text
    assert "Se pueden ver los días del 1 de septiembre de 2024 al 31 de octubre." in text(answer.text)
    assert portal.member.get(f"{HERE}/range?first-day=1").status_code == 422
    portal.world.published = []
    assert "Todavía no se puede ver nada." in text(portal.member.get(f"{HERE}/range").text)


def test_a_long_range_is_told_by_month(portal: Portal) -> None:
    page = portal.member.get(asked((1, 6, 2026), (31, 10, 2026)))
    said = text(page.text)
    assert (
        "Mes a mes" in said
        and "Junio 293,46 720 h" in said
        and "Octubre 302,47 742 de 745 horas medidas, 2 estimadas, falta 1" in said
    )
    assert f"{HERE}/month/2026-06" in page.text and len(page.data) < 60_000


def test_estimated_hours_say_why_and_doubtful_ones_too(portal: Portal) -> None:
    day = f"{HERE}/day/2026-10-14"
    assert "2 horas son estimadas: el contador no comunicó." in text(portal.member.get(day).text)
    portal.world.reasons = True
    said = text(portal.member.get(day).text)
    assert "2 horas son estimadas. " in said
    assert "E 2 horas: El contador no respondió: se ha repartido según el perfil." in said
    assert "E 2 horas: El contador no respondió" in text(portal.member.get(f"{HERE}/month/2026-10").text)
    asked_in = [one.language for one in portal.world.requests if type(one).__name__ == "GetCurveRequest"]
    assert set(asked_in) == {"es"}


def test_surplus_has_its_own_column_and_total(portal: Portal) -> None:
    assert "Excedente" not in portal.member.get(f"{HERE}/day/2026-10-14").text
    portal.world.surplus = True
    said = text(portal.member.get(f"{HERE}/day/2026-10-14").text)
    assert "Has vertido 3 kWh de excedente a la red." in said
    assert "10–11 0,422 0,400 Punta R" in said and "Excedente vertido 3,00" in said


def test_the_invoice_and_the_hours_may_have_parted(portal: Portal) -> None:
    said = text(portal.member.get(f"{HERE}/2026-10-01").text)
    assert "La factura se hizo con 245 kWh: algunas lecturas cambiaron después." in said


def test_readings_of_the_meter_with_what_was_used(portal: Portal) -> None:
    said = text(portal.member.get(f"{HERE}/readings").text)
    assert "1 de noviembre · Leída en el contador Punta (P1) 4.115 62 Llano (P2) 3.902 55 Valle (P3) 4.323 128" in said
    assert "15 de noviembre · Leída en el contador No encaja con las demás: la estamos comprobando." in said
    assert "28 de octubre · Tu propia lectura ( recibo ) Una lectura mejor ocupa su lugar. Punta (P1) 4.110 –" in said
    assert "Lecturas del contador" in text(portal.member.get(HERE).text)
    assert portal.member.get(f"{HERE}/readings?service=e-sup-2").status_code == 404
    assert "Lecturas del contador" not in text(portal.member.get("/s/sup-2/consumption").text)


def test_water_is_shown_in_cubic_metres() -> None:
    told = metering.RegisterReading(day="2026-11-01", origin="self_reading", unit="litre", since="2026-10-01")
    told.registers.add(register="total", initial=120_500, final=131_250, used=10_750)
    found = ReadingView.of(told)
    assert (found.water, found.registers[0].value, found.registers[0].used) == (
        True,
        Decimal("131.25"),
        Decimal("10.75"),
    )
    assert found.day == date(2026, 10, 31)  # given in the course of the day that the midnight ends


def test_what_is_not_shown_of_the_year_before_is_not_compared(portal: Portal) -> None:
    portal.world.published = [("2026-10-01", "2026-11-01")]
    page = portal.member.get(f"{HERE}/month/2026-10")
    assert page.status_code == 200 and "Frente al año anterior" not in page.text


@pytest.mark.parametrize("path", ["day/0001-01-01", "week/9999-12-31", "month/0001-01", "0001-01-01_0001-01-03.csv"])
def test_days_at_the_ends_of_the_calendar_are_not_found(portal: Portal, path: str) -> None:
    assert portal.member.get(f"{HERE}/{path}").status_code == 404
