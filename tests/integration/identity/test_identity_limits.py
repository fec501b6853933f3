"""Limits on attempts, and that nobody learns from an answer whether an address is known."""

import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from coop.identity.events.v1 import events_pb2 as events
from coop.identity.v1 import identity_service_pb2 as pb
from coop.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from services.chassis.errors import Throttled
from services.chassis.ids import new_id
from services.identity.app import build
from services.identity.settings import Settings
from tests.integration.identity.journeys import PASSWORD, open_account, register, sign_in
from tests.support.service_under_test import ServiceUnderTest, refusal, service_under_test

HOME, ELSEWHERE = "192.0.2.7", "198.51.100.9"


def guess(identity: ServiceUnderTest, email: str, address: str) -> str:
    return refusal(lambda: sign_in(identity, email, "no es esta de ninguna manera", address)).reason


def test_guesses_are_throttled_alike_for_known_and_unknown_addresses(identity: ServiceUnderTest) -> None:
    open_account(identity, "ana@example.org")
    for email in ("ana@example.org", "nobody@example.org"):
        answers = [guess(identity, email, ELSEWHERE) for _ in range(6)]
        assert answers == ["WRONG_CREDENTIALS"] * 5 + ["TOO_MANY_ATTEMPTS"]
    refused = refusal(lambda: sign_in(identity, "ana@example.org", address=ELSEWHERE))
    assert isinstance(refused, Throttled) and refused.retry_after_s == 180
    assert refused.message == "Too many failed attempts to sign in: try again in 3 minutes, or ask for a new password."
    identity.clock.advance(timedelta(seconds=180))
    assert sign_in(identity, "ana@example.org", address=ELSEWHERE).session_token


def test_whoever_attacks_from_many_networks_does_not_lock_the_owner_out_at_home(identity: ServiceUnderTest) -> None:
    open_account(identity, "ana@example.org")
    sign_in(identity, "ana@example.org", address=HOME)
    answers = [guess(identity, "ana@example.org", f"203.0.{number}.1") for number in range(21)]
    assert answers == ["WRONG_CREDENTIALS"] * 20 + ["TOO_MANY_ATTEMPTS"]
    assert sign_in(identity, "ana@example.org", address="192.0.2.200").session_token


def test_successes_do_not_count(identity: ServiceUnderTest) -> None:
    open_account(identity, "ana@example.org")
    for _ in range(8):
        assert sign_in(identity, "ana@example.org").session_token


def test_limits_survive_a_restart(database_url: str, tmp_path: Path) -> None:
    def running(**more: object) -> object:
        return service_under_test(
            "identity",
            Settings,
            build,
            IdentityServiceStub,
            folder=tmp_path,
            database_url=database_url,
            **more,  # type: ignore[arg-type]
        )

    with running() as identity:  # type: ignore[attr-defined]
        for _ in range(5):
            guess(identity, "ana@example.org", ELSEWHERE)
        clock = identity.clock
    with running(clock=clock) as identity:  # type: ignore[attr-defined]
        assert guess(identity, "ana@example.org", ELSEWHERE) == "TOO_MANY_ATTEMPTS"


def test_one_address_gets_few_mails(identity: ServiceUnderTest) -> None:
    for _ in range(4):
        register(identity, "ana@example.org")
    refused = refusal(lambda: register(identity, "ana@example.org"))
    assert isinstance(refused, Throttled) and refused.retry_after_s == 900
    asked = pb.RequestPasswordResetRequest(email="ana@example.org", request_id=new_id())
    assert isinstance(refusal(lambda: identity.as_service("gateway", ELSEWHERE).RequestPasswordReset(asked)), Throttled)


def median_ms(call: Callable[[int], object], rounds: int) -> float:
    taken = []
    for number in range(rounds):
        started = time.perf_counter()
        call(number)
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def compare(known: Callable[[int], object], unknown: Callable[[int], object], rounds: int) -> tuple[float, float]:
    """Medians of both in turn, so that whatever else the machine does falls on both alike."""
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(rounds):
        ours.append(median_ms(lambda _, n=number: known(n), 1))  # type: ignore[misc]
        theirs.append(median_ms(lambda _, n=number: unknown(n), 1))  # type: ignore[misc]
    return statistics.median(ours), statistics.median(theirs)


def test_registering_answers_alike_for_a_known_and_an_unknown_address(identity: ServiceUnderTest) -> None:
    stub = identity.as_service("gateway", HOME)
    rounds = 12
    people = [f"person{number}@example.org" for number in range(rounds)]
    for number, email in enumerate(people):
        register(identity, email, address=f"10.0.{number}.1")
    identity.await_event(events.ActivationRequested, rounds)

    def ask(email: str) -> bytes:
        identity.clock.advance(timedelta(minutes=1))
        request = pb.RegisterRequest(email=email, password=PASSWORD, name="Ana", language="es", request_id=new_id())
        answer: bytes = stub.Register(request).SerializeToString()
        return answer

    assert ask(people[0]) == ask("somebody.else@example.org") == b""
    known, unknown = compare(lambda n: ask(people[n]), lambda n: ask(f"new{n}@example.org"), rounds)
    # One argon2 hash dominates both; a look at the accounts, or one mail more, would show as a shift of the median.
    assert abs(known - unknown) < 0.3 * max(known, unknown), (known, unknown)


def test_a_wrong_password_and_an_unknown_address_cost_the_same(identity: ServiceUnderTest) -> None:
    open_account(identity, "ana@example.org")

    def ask(email: str, number: int) -> str:
        identity.clock.advance(timedelta(minutes=4))
        return guess(identity, email, f"10.1.{number}.1")

    known, unknown = compare(lambda n: ask("ana@example.org", n), lambda n: ask("nobody@example.org", n), 12)
    assert abs(known - unknown) < 0.3 * max(known, unknown), (known, unknown)


def test_a_forgotten_password_answers_before_anything_is_looked_up(identity: ServiceUnderTest) -> None:
    rounds = 10
    open_account(identity, "ana@example.org")
    stub = identity.as_service("gateway", HOME)

    def ask(email: str) -> None:
        identity.clock.advance(timedelta(minutes=15))
        stub.RequestPasswordReset(pb.RequestPasswordResetRequest(email=email, request_id=new_id()))

    known, unknown = compare(lambda _: ask("ana@example.org"), lambda _: ask("nobody@example.org"), rounds)
    assert abs(known - unknown) < max(4.0, 0.5 * max(known, unknown)), (known, unknown)
    identity.await_event(events.PasswordResetRequested, rounds)
