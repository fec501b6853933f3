"""Exact values: money, periods, columns, identifiers, settings."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, Table, insert, select

from services.chassis.columns import Amount, Json, Price, UtcDateTime
from services.chassis.config import ServiceSettings, parse_address
from services.chassis.db import Database, new_metadata
from services.chassis.environment import SettingsError, load, setting
from services.chassis.ids import new_id
from services.chassis.money import minor_units, round_half_up
from services.chassis.periods import DatePeriod, day_start, hours_in_day, parse_date, zone
from services.chassis.profile import load_profile

MADRID = zone("Europe/Madrid")
BUENOS_AIRES = zone("America/Argentina/Buenos_Aires")


def test_halves_round_away_from_zero() -> None:
    assert round_half_up(Decimal("0.125")) == Decimal("0.13")
    assert round_half_up(Decimal("-0.125")) == Decimal("-0.13")
    assert round_half_up(Decimal("10.82466")) == Decimal("10.82")


def test_an_unknown_currency_is_named() -> None:
    assert minor_units("EUR") == 2
    with pytest.raises(ValueError, match="'XXX'"):
        minor_units("XXX")


def test_a_month_is_half_open() -> None:
    december = DatePeriod.month("2026-12")
    assert (december.start, december.end, december.days) == (date(2026, 12, 1), date(2027, 1, 1), 31)
    assert december.contains(date(2026, 12, 31)) and not december.contains(date(2027, 1, 1))


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-1", "october", "", "0000-01"])
def test_what_is_no_month_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="write it as 2026-10"):
        DatePeriod.month(text)


def test_a_date_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="'2026-02-30' is not a date of the calendar"):
        parse_date("2026-02-30")


def test_days_have_23_24_or_25_hours() -> None:
    assert hours_in_day(date(2026, 3, 29), MADRID) == 23
    assert hours_in_day(date(2026, 10, 25), MADRID) == 25
    assert hours_in_day(date(2026, 10, 26), MADRID) == 24
    assert hours_in_day(date(2026, 10, 25), BUENOS_AIRES) == 24
    assert day_start(date(2026, 10, 26), MADRID) == datetime(2026, 10, 25, 23, tzinfo=UTC)


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.integers(1, 400))
def test_the_hours_of_a_period_are_the_hours_between_its_ends(start: date, days: int) -> None:
    period = DatePeriod(start, start + timedelta(days=days))
    between = day_start(period.end, MADRID) - day_start(period.start, MADRID)
    assert sum(hours_in_day(day, MADRID) for day in period) * 3600 == between.total_seconds()


def test_amounts_prices_and_instants_come_back_as_they_went_in(database_url: str) -> None:
    metadata = new_metadata()
    table = Table(
        "thing",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("amount", Amount),
        Column("price", Price),
        Column("at", UtcDateTime),
        Column("data", Json),
    )
    database = Database(database_url)
    at = datetime(2026, 10, 25, 0, 30, 1, 250_000, tzinfo=UTC)
    row = {"id": 1, "amount": Decimal("-12345678901.23"), "price": Decimal("0.09755312"), "at": at, "data": {"ñ": [1]}}
    with database.write() as tx:
        metadata.create_all(tx.connection)
        tx.execute(insert(table), row)
    with database.read() as connection:
        assert dict(connection.execute(select(table)).one()._mapping) == row
    with pytest.raises(Exception, match="more than 2 digits"), database.write() as tx:
        tx.execute(insert(table), {"id": 2, "amount": Decimal("0.001")})
    with pytest.raises(Exception, match="no time zone"), database.write() as tx:
        tx.execute(insert(table), {"id": 3, "at": datetime(2026, 1, 1)})  # noqa: DTZ001
    database.close()


def test_later_identifiers_sort_after_earlier_ones() -> None:
    made = [new_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert made[0][:13] <= made[-1][:13]
    assert all(len(value) == 36 and value[14] == "7" for value in made)


@dataclass(frozen=True)
class _Settings(ServiceSettings):
    secret: str = setting("COOP_TEST_SECRET", help="the secret of the test")


def test_every_wrong_setting_is_reported_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load(_Settings, {"COOP_GRPC_ADDRESS": "here", "COOP_DRAIN_SECONDS": "-1"})
    assert len(caught.value.problems) == 3
    assert "COOP_TEST_SECRET is not set: the secret of the test." in caught.value.problems
    assert any("'here'" in problem and "host:port" in problem for problem in caught.value.problems)


def test_addresses() -> None:
    assert parse_address("[::1]:80") == "[::1]:80"
    with pytest.raises(ValueError, match="host:port"):
        parse_address("127.0.0.1")


def test_every_profile_that_ships_is_sound() -> None:
    folders = [path.parent for path in Path("profiles").glob("*/coop.toml")]
    assert {folder.name for folder in folders} >= {"demo-es", "demo-ar"}
    for folder in folders:
        load_profile(folder)


def test_a_profile_says_all_that_is_wrong_with_it(tmp_path: Path) -> None:
    (tmp_path / "coop.toml").write_text('name = "X"\njurisdiction = "fr"\ncurrency = "XXX"\ntime_zone = "Mars/Base"\n')
    with pytest.raises(SettingsError) as caught:
        load_profile(tmp_path)
    said = "\n".join(caught.value.problems)
    assert "'fr'" in said and "'XXX'" in said and "Mars/Base" in said and "languages" in said
