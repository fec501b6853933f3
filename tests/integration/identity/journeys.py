"""What people do at the door, as steps for tests."""

from typing import Any

from coop.identity.events.v1 import events_pb2 as events
from coop.identity.v1 import identity_service_pb2 as pb

from services.chassis.ids import new_id
from tests.support.service_under_test import ServiceUnderTest

PASSWORD = "tres nubes verdes caminan"


def register(
    identity: ServiceUnderTest, email: str, password: str = PASSWORD, address: str = "192.0.2.7", **more: str
) -> None:
    stub = identity.as_service("gateway", address)
    stub.Register(pb.RegisterRequest(email=email, password=password, name=more.get("name", "Ana Pradoverde"),
                                     language=more.get("language", "es"), request_id=more.get("request_id", new_id())))  # fmt: skip


def mail_token(identity: ServiceUnderTest, event_id: str, account_id: str, purpose: str = "ACTIVATION") -> str:
    request = pb.IssueMailTokenRequest(
        purpose=pb.MailTokenPurpose.Value(f"MAIL_TOKEN_PURPOSE_{purpose}"), account_id=account_id, event_id=event_id
    )
    token: str = identity.as_service("notifications").IssueMailToken(request).token
    return token


def activate(identity: ServiceUnderTest, token: str) -> None:
    identity.as_service("gateway").Activate(pb.ActivateRequest(token=token, request_id=new_id()))


def sign_in(identity: ServiceUnderTest, email: str, password: str = PASSWORD, address: str = "192.0.2.7") -> Any:
    stub = identity.as_service("gateway", address)
    return stub.SignIn(pb.SignInRequest(email=email, password=password, device="Firefox on Android"))


def open_account(identity: ServiceUnderTest, email: str, password: str = PASSWORD) -> str:
    """Registers and activates; gives the account id."""
    before = len(identity.events(events.ActivationRequested))
    register(identity, email, password)
    event_id, asked = identity.await_event(events.ActivationRequested, before + 1)
    activate(identity, mail_token(identity, event_id, asked.account_id))
    return str(asked.account_id)


def access(identity: ServiceUnderTest, session_token: str) -> Any:
    stub = identity.as_service("gateway")
    return stub.IssueAccessToken(pb.IssueAccessTokenRequest(session_token=session_token))


def with_session(identity: ServiceUnderTest, session_token: str) -> Any:
    """A stub that calls with the session's own access token, as the gateway would."""
    return identity.stub(lambda: {"authorization": f"Bearer {access(identity, session_token).access_token}"})
