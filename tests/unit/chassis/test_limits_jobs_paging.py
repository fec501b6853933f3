"""Attempt limits, work after the answer, and pages."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from services.chassis.attempts import Count, Limit, address_prefix
from services.chassis.clock import FixedClock
from services.chassis.db import Database, new_metadata
from services.chassis.emails import email_key
from services.chassis.errors import Invalid, Throttled
from services.chassis.jobs import Worker
from services.chassis.limits import forget_idle, give_back, limits_table, spend
from services.chassis.paging import decode_token, encode_token, page_size

THREE = Limit("three", 3, timedelta(minutes=1))
TWO_FOR_ALL = Limit("two_for_all", 2, timedelta(minutes=10))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    clock = FixedClock(datetime(2026, 10, 31, 12, tzinfo=UTC))
    made = Database(f"sqlite:///{tmp_path / 'limits.db'}", clock=clock)
    metadata = new_metadata()
    limits_table(metadata)
    with made.write() as tx:
        metadata.create_all(tx.connection)
    yield made
    made.close()


def attempt(database: Database, *counts: Count) -> int:
    """0 when the attempt is taken, otherwise the seconds to wait."""
    try:
        with database.write() as tx:
            spend(tx, counts, "Wait {wait}.")
    except Throttled as refused:
        return refused.retry_after_s
    return 0


def advance(database: Database, **by: float) -> None:
    clock = database.clock
    assert isinstance(clock, FixedClock)
    clock.advance(timedelta(**by))


def test_a_burst_is_taken_and_then_one_a_minute(database: Database) -> None:
    ana = Count(THREE, "ana")
    assert [attempt(database, ana) for _ in range(4)] == [0, 0, 0, 60]
    advance(database, seconds=45)
    assert attempt(database, ana) == 15
    advance(database, seconds=15)
    assert [attempt(database, ana) for _ in range(2)] == [0, 60]
    assert attempt(database, Count(THREE, "eva")) == 0
    advance(database, minutes=10)
    assert [attempt(database, ana) for _ in range(4)] == [0, 0, 0, 60]


def test_an_attempt_is_taken_from_every_counter_or_from_none(database: Database) -> None:
    everybody = Count(TWO_FOR_ALL, "")
    assert [attempt(database, Count(THREE, name), everybody) for name in ("a", "b", "c")] == [0, 0, 600]
    assert [attempt(database, Count(THREE, "c")) for _ in range(4)] == [0, 0, 0, 60]


def test_an_attempt_given_back_can_be_made_again(database: Database) -> None:
    ana = Count(THREE, "ana")
    for _ in range(5):
        assert attempt(database, ana) == 0
        with database.write() as tx:
            give_back(tx, [ana])


def test_counters_say_nothing_about_people_and_go_when_they_are_full(database: Database) -> None:
    attempt(database, Count(THREE, "ana@example.org"))
    assert "ana" not in Count(THREE, "ana@example.org").key
    advance(database, seconds=59)
    with database.write() as tx:
        assert forget_idle(tx) == 0
    advance(database, seconds=1)
    with database.write() as tx:
        assert forget_idle(tx) == 1


def test_the_sentence_tells_the_wait(database: Database) -> None:
    everybody = Count(TWO_FOR_ALL, "")
    attempt(database, everybody)
    attempt(database, everybody)
    with pytest.raises(Throttled, match=r"^Wait 10 minutes\.$"), database.write() as tx:
        spend(tx, [everybody], "Wait {wait}.")


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("192.0.2.77:4711", "192.0.2.0/24"),
        ("2001:db8:1:2ff::9", "2001:db8:1:200::/56"),
        ("[2001:db8:1:200::9]:4711", "2001:db8:1:200::/56"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::/56"),
        ("unix:", "unknown"),
        ("", "unknown"),
    ],
)
def test_address_prefixes(address: str, prefix: str) -> None:
    assert address_prefix(address) == prefix


def test_the_keys_of_addresses_fold_case_and_width() -> None:
    assert email_key("ANA@example.org") == email_key("ana@Example.org") == email_key("ａna@example.org")


def test_a_worker_settles_everything_rests_and_is_woken() -> None:
    waiting, done = [1, 2, 3], threading.Event()

    def step() -> bool:
        if waiting:
            waiting.pop()
            if not waiting:
                done.set()
            return True
        return False

    worker, stop = Worker("test", step, look_every_s=3600), threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    assert done.wait(60)
    done.clear()
    waiting.append(4)
    worker.wake()
    assert done.wait(60)
    stop.set()
    thread.join(60)
    assert not thread.is_alive()


def test_a_worker_outlives_a_database_that_fails_and_no_other_fault() -> None:
    faults: list[Exception] = [OperationalError("SELECT 1", {}, Exception("gone"))]
    done, stop = threading.Event(), threading.Event()

    def step() -> bool:
        if faults:
            raise faults.pop()
        done.set()
        return False

    thread = threading.Thread(target=Worker("test", step, look_every_s=3600).run, args=(stop,))
    thread.start()
    assert done.wait(60)
    stop.set()
    thread.join(60)
    faults.append(AssertionError("a fault of ours"))
    with pytest.raises(AssertionError):
        Worker("test", step).run(threading.Event())


def test_page_sizes_and_tokens() -> None:
    assert [page_size(0), page_size(10), page_size(5000)] == [50, 10, 200]
    assert decode_token(encode_token("5555/1", "x"), 2) == ("5555/1", "x")
    assert decode_token("", 1) is None
    for wrong in ("x", "!!", encode_token("a"), "W10"):
        with pytest.raises(Invalid):
            decode_token(wrong, 2)
    with pytest.raises(Invalid, match="page_size is -1"):
        page_size(-1)
