"""Many at once: one address registered in parallel, one link used in parallel, more sign-ins than there are cores."""

from concurrent.futures import ThreadPoolExecutor

from coop.identity.events.v1 import events_pb2 as events
from coop.identity.v1 import identity_service_pb2 as pb
from sqlalchemy import func, select

from services.chassis.errors import CoopError
from services.chassis.grpc.client import remote
from services.chassis.ids import new_id
from services.identity import audit
from services.identity.tables import account, session
from tests.integration.identity.journeys import mail_token, open_account, register, sign_in
from tests.support.service_under_test import ServiceUnderTest


def test_one_address_registered_in_parallel_is_one_account(identity: ServiceUnderTest) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: register(identity, "ana@example.org"), range(4)))
    identity.await_event(events.ActivationRequested, 4)
    with identity.process.kit.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(account)).scalar_one() == 1


def test_one_link_used_in_parallel_activates_once(identity: ServiceUnderTest) -> None:
    register(identity, "ana@example.org")
    event_id, asked = identity.await_event(events.ActivationRequested)
    token = mail_token(identity, event_id, asked.account_id)

    def use(_: int) -> str:
        try:
            with remote():
                identity.as_service("gateway").Activate(pb.ActivateRequest(token=token, request_id=new_id()))
        except CoopError as refused:
            return refused.reason
        return "activated"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(use, range(4))) == ["LINK_USED"] * 3 + ["activated"]
    assert len(identity.events(events.AccountActivated)) == 1


def test_sign_ins_beyond_the_cores_queue_and_all_succeed(identity: ServiceUnderTest) -> None:
    for number in range(3):
        open_account(identity, f"person{number}@example.org")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: sign_in(identity, f"person{n % 3}@example.org"), range(12)))
    assert len({answer.session_token for answer in answers}) == 12
    with identity.process.kit.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(session)).scalar_one() == 12
        assert audit.verify(connection) is None
