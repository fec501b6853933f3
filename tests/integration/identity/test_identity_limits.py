"""Limits on attempts, and that nobody learns from an answer whether an address is known."""

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
from tests.support.work import work_of_calls

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


def test_registering_costs_the_same_for_a_known_and_an_unknown_address(identity: ServiceUnderTest) -> None:
    register(identity, "ana@example.org")
    identity.await_event(events.ActivationRequested)

    def work(email: str, address: str) -> list[str]:
        request = pb.RegisterRequest(email=email, password=PASSWORD, name="Ana", language="es", request_id=new_id())
        with work_of_calls(identity) as done:
            assert identity.as_service("gateway", address).Register(request) == pb.RegisterResponse()
        return done

    known = work("ana@example.org", "10.1.0.1")
    assert known.count("argon2 hash") == 1 and any("INSERT INTO registration" in step for step in known)
    assert known == work("somebody.else@example.org", "10.2.0.1")


def test_a_wrong_password_and_an_unknown_address_cost_the_same(identity: ServiceUnderTest) -> None:
    open_account(identity, "ana@example.org")

    def work(email: str, address: str) -> list[str]:
        with work_of_calls(identity) as done:
            assert guess(identity, email, address) == "WRONG_CREDENTIALS"
        return done

    known = work("ana@example.org", "10.1.0.1")
    assert known.count("argon2 verify") == 1
    assert known == work("nobody@example.org", "10.2.0.1")


def test_a_forgotten_password_answers_before_anything_is_looked_up(identity: ServiceUnderTest) -> None:
    open_account(identity, "ana@example.org")

    def work(email: str) -> list[str]:
        request = pb.RequestPasswordResetRequest(email=email, request_id=new_id())
        with work_of_calls(identity) as done:
            identity.as_service("gateway", HOME).RequestPasswordReset(request)
        return done

    known = work("ana@example.org")
    assert known and not any("FROM account" in step for step in known)
    assert known == work("nobody@example.org")
    identity.await_event(events.PasswordResetRequested)
