"""What a service tells the office of itself, and when the routines of the office were last done."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from coop.common.v1 import operations_service_pb2 as status_pb
from coop.common.v1.operations_service_pb2_grpc import OperationsServiceStub
from coop.identity.v1 import identity_service_pb2 as pb

from services.chassis.errors import Forbidden, Invalid, Unauthenticated
from services.chassis.ids import new_id
from services.chassis.telemetry.metrics import CATALOGUE
from tests.support.service_under_test import ServiceUnderTest, refusal


def status(stub: Any) -> status_pb.GetStatusResponse:
    return stub.GetStatus(status_pb.GetStatusRequest())


def record(stub: Any, routine: str) -> Any:
    return stub.RecordRoutine(pb.RecordRoutineRequest(routine=routine, request_id=new_id()))


def figure(answer: status_pb.GetStatusResponse, metric: str, **labels: str) -> float:
    [found] = [one.value for one in answer.figures if one.metric == metric and dict(one.labels) == labels]
    return float(found)


def test_the_office_sees_how_a_service_is_and_when_routines_were_done(identity: ServiceUnderTest) -> None:
    operations = replace(identity, stub_type=OperationsServiceStub)
    before = status(operations.as_staff("reader"))
    assert (before.service, before.version, before.schema_state) == ("identity", "0.1.0", "head")
    assert before.schema_revision and not before.problems
    assert figure(before, "coop_outbox_pending") == 0 == figure(before, "coop_dead_letters_open")
    assert not [one for one in before.figures if one.metric == "coop_routine_done_timestamp_seconds"]

    record(identity.as_staff("calendar"), "backup")
    identity.clock.advance(timedelta(hours=1))
    record(identity.as_staff("security"), "backup")
    after = status(operations.as_staff("auditor"))
    done = figure(after, "coop_routine_done_timestamp_seconds", routine="backup")
    assert done == identity.clock.now().timestamp()
    for one in after.figures:  # each is a documented metric, with the labels it is documented with
        assert set(one.labels) == set(CATALOGUE[one.metric].labels) - {"service"}


def test_it_is_nobody_elses_business(identity: ServiceUnderTest) -> None:
    operations = replace(identity, stub_type=OperationsServiceStub)
    assert isinstance(refusal(lambda: status(operations.stub())), Unauthenticated)
    assert isinstance(refusal(lambda: status(operations.as_member("account-1"))), Forbidden)
    assert isinstance(refusal(lambda: status(operations.as_service("billing"))), Forbidden)
    assert isinstance(refusal(lambda: status(operations.as_staff("calendar"))), Forbidden)
    for stub in (identity.as_member("account-1"), identity.as_staff("reader"), identity.as_service("gateway")):
        assert isinstance(refusal(lambda stub=stub: record(stub, "backup")), Forbidden)
    unknown = refusal(lambda: record(identity.as_staff("security"), "coffee"))
    assert isinstance(unknown, Invalid) and "coffee" in unknown.message
