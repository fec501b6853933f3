"""The JSON API: its document, its errors, and what schemathesis makes of both."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.parameters import ParameterLocation

from services.chassis.errors import Internal, Unavailable
from tests.unit.gateway.conftest import Portal
from tests.unit.gateway.fakes import PASSWORD
from tests.unit.gateway.fakes.world import register_readings

BEARER = {"Authorization": "Bearer good-token"}
PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nowhere", 404),
        ("GET", "/api/v1/nowhere", 404),
        ("POST", "/api/v1/me", 405),
        ("GET", "/api/v1/me", 401),
        ("GET", "/api/v1/supplies/sup-1/debt", 401),
    ],
)
def test_every_error_is_a_problem(portal: Portal, method: str, path: str, status: int) -> None:
    answer = portal.visitor.open(path, method=method)
    assert (answer.status_code, answer.content_type) == (status, PROBLEM)
    assert answer.json["status"] == status and answer.json["detail"]
    if status == 405:
        assert "GET" in answer.headers["Allow"]
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_bodies_are_json_or_refused(portal: Portal) -> None:
    answer = portal.visitor.post("/api/v1/sessions", data="email=a", content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.content_type) == (415, PROBLEM)
    answer = portal.visitor.post("/api/v1/sessions", data="{", content_type="application/json")
    assert (answer.status_code, answer.content_type) == (400, PROBLEM)
    answer = portal.visitor.post("/api/v1/sessions", json={"email": "ana"})
    assert (answer.status_code, answer.content_type) == (422, PROBLEM)
    assert {one["field"] for one in answer.json["errors"]} == {"email", "password"}


def test_a_fault_says_nothing_of_itself(portal: Portal) -> None:
    portal.world.failing["GetMyAccount"] = Internal("secret detail of a database")
    answer = portal.visitor.get("/api/v1/me", headers=BEARER)
    assert (answer.status_code, answer.content_type) == (500, PROBLEM)
    assert "secret" not in answer.text
    portal.world.failing["GetMyAccount"] = Unavailable("The database does not answer now.")
    assert portal.visitor.get("/api/v1/me", headers=BEARER).status_code == 503


def test_the_session_cookie_opens_nothing_here(portal: Portal) -> None:
    assert portal.member.get("/api/v1/me").status_code == 401


def test_the_members_way_through_the_api(portal: Portal) -> None:
    signed = portal.visitor.post("/api/v1/sessions", json={"email": "ana@example.org", "password": PASSWORD})
    assert signed.status_code == 201
    bearer = {"Authorization": f"Bearer {signed.json['token']}"}

    def get(path: str, **query: str) -> Any:
        answer = portal.visitor.get(f"/api/v1/{path}", headers=bearer, query_string=query)
        assert answer.status_code == 200, answer.text
        return answer.json

    assert get("me")["name"] == "Ana Pérez Soler"
    assert [one["account_number"] for one in get("supplies")["supplies"]] == ["5555/1", "5555/2"]
    newest = get("supplies/sup-1/invoices")["invoices"][0]
    assert newest["total"] == {"amount": "55.44", "currency": "EUR"}
    assert len(get(f"invoices/{newest['id']}")["lines"]) == 9
    day = get("supplies/sup-1/consumption", start="2026-10-25", end="2026-10-26")["days"][0]
    assert day["hours_expected"] == 25
    assert day["hours"][2]["start"] == "2026-10-25T02:00:00+02:00"
    assert day["hours"][3]["start"] == "2026-10-25T02:00:00+01:00"
    granted = portal.visitor.post("/api/v1/supplies/sup-1/certificates", headers=bearer).json["granted"]
    checked = portal.visitor.get(f"/api/v1/verifications/{granted['code'].lower()}").json
    assert checked["state"] == "valid"
    assert portal.visitor.get("/api/v1/invoices/inv-123/document", headers=bearer).data.startswith(b"%PDF")
    assert portal.visitor.delete("/api/v1/sessions/current", headers=bearer).status_code == 204
    assert portal.visitor.get("/api/v1/me", headers=bearer).status_code == 401


def test_register_readings_page_by_page(portal: Portal) -> None:
    path, seen, token = "/api/v1/supplies/sup-1/register-readings", [], ""
    while True:
        query = {"service_id": "e-sup-1", "page_size": "2", "page_token": token}
        answer = portal.visitor.get(path, headers=BEARER, query_string=query)
        assert answer.status_code == 200, answer.text
        seen += answer.json["readings"]
        token = answer.json["next_page_token"]
        if not token:
            break
    assert [one["id"] for one in seen] == [one.id for one in register_readings()]
    for one, told in zip(seen, register_readings(), strict=True):
        assert (one["day"], one["unit"], one["doubtful"]) == (told.day, told.unit, told.doubtful)
        assert [(register["register"], register["value"]) for register in one["registers"]] == [
            (use.register, use.final) for use in told.registers
        ]
        assert {register["used"] is None for register in one["registers"]} == {not told.since}
    strange = portal.visitor.get("/api/v1/supplies/somebody-elses/register-readings", headers=BEARER)
    assert (strange.status_code, strange.content_type) == (404, PROBLEM)


def test_a_range_without_a_day(portal: Portal) -> None:
    query = {"start": "2026-10-02", "end": "2026-10-02"}
    answer = portal.visitor.get("/api/v1/supplies/sup-1/consumption", headers=BEARER, query_string=query)
    assert answer.status_code == 422
    assert answer.json["reason"] == "EMPTY_RANGE"


def test_schemathesis_finds_nothing(portal: Portal) -> None:
    """Every operation of the document, with generated good and bad requests, against every check there is."""
    load_all_checks()
    portal.app.config["TESTING"] = False
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", portal.app)
    # A range whose end is not after its start fits the schema, which cannot compare two fields, and is refused.
    checks = [check for check in CHECKS.get_all() if check.__name__ != "positive_data_acceptance"]
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) == 30
    for operation in operations:

        @settings(
            max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True
        )
        @schemathesis_case(operation)
        def probe(case: Any) -> None:
            portal.world.sessions.add("good-token")
            spoilt = case.meta is not None and ParameterLocation.HEADER in spoilt_parts(case)
            case.call_and_validate(headers={} if spoilt else BEARER, checks=checks)

        probe()


def spoilt_parts(case: Any) -> set[ParameterLocation]:
    """Which parts of a request were made wrong on purpose."""
    return {place for place, part in case.meta.components.items() if part.mode.is_negative}


def schemathesis_case(operation: Any) -> Any:
    """Hypothesis' `given` over the cases of one operation, right and wrong ones."""
    from hypothesis import given
    from hypothesis import strategies as st

    positive = operation.as_strategy()
    negative = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
    return given(case=st.one_of(positive, negative))
