"""Identity, supplies and notifications in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from coop.identity.v1 import identity_service_pb2 as identity
from coop.identity.v1 import identity_service_pb2_grpc
from coop.notifications.v1 import notifications_service_pb2 as notifications
from coop.notifications.v1 import notifications_service_pb2_grpc
from coop.supplies.v1 import supplies_service_pb2, supplies_service_pb2_grpc

from services.chassis.errors import Invalid, Refused, Unauthenticated
from services.chassis.grpc.tokens import TokenSigner
from tests.unit.gateway.fakes.world import PASSWORD, World


class Identity(identity_service_pb2_grpc.IdentityServiceServicer):
    def __init__(self, world: World, signer: TokenSigner) -> None:
        self.world, self.signer = world, signer

    def _account(self) -> identity.Account:
        return identity.Account(id="acc-1", email="ana@example.org", name="Ana Pérez Soler", language="es")

    def Register(self, request: Any, context: Any) -> Any:
        self.world.enter("Register", request)
        return identity.RegisterResponse()

    def Activate(self, request: Any, context: Any) -> Any:
        self.world.enter("Activate", request)
        if request.token != "mail-token":
            raise Refused("This link is not one of ours.", "LINK_UNKNOWN")
        return identity.ActivateResponse()

    def SignIn(self, request: Any, context: Any) -> Any:
        self.world.enter("SignIn", request)
        if (request.email, request.password) != ("ana@example.org", PASSWORD):
            raise Unauthenticated("The e-mail address or the password is not right.", "WRONG_CREDENTIALS")
        self.world.sessions.add("good-token")
        made = identity.SignInResponse(session_token="good-token", account=self._account())
        made.expires_at.FromDatetime(self.world.clock.now() + timedelta(hours=12))
        return made

    def IssueAccessToken(self, request: Any, context: Any) -> Any:
        self.world.enter("IssueAccessToken", request)
        if request.session_token not in self.world.sessions:
            raise Unauthenticated("The session is over.", "SESSION_OVER")
        token, until = self.signer.member("acc-1", "ses-1")
        made = identity.IssueAccessTokenResponse(access_token=token, account=self._account())
        made.expires_at.FromDatetime(until)
        return made

    def SignOut(self, request: Any, context: Any) -> Any:
        self.world.enter("SignOut", request)
        self.world.sessions.clear()
        return identity.SignOutResponse()

    def RequestPasswordReset(self, request: Any, context: Any) -> Any:
        self.world.enter("RequestPasswordReset", request)
        return identity.RequestPasswordResetResponse()

    def ResetPassword(self, request: Any, context: Any) -> Any:
        self.world.enter("ResetPassword", request)
        if request.token != "mail-token":
            raise Refused("This link is not one of ours.", "LINK_UNKNOWN")
        return identity.ResetPasswordResponse()

    def ChangePassword(self, request: Any, context: Any) -> Any:
        self.world.enter("ChangePassword", request)
        if request.current_password != PASSWORD:
            raise Invalid("The current password is not right.", "WRONG_PASSWORD", field="current_password")
        return identity.ChangePasswordResponse()

    def GetMyAccount(self, request: Any, context: Any) -> Any:
        self.world.enter("GetMyAccount", request)
        return identity.GetMyAccountResponse(account=self._account())


class Supplies(supplies_service_pb2_grpc.SuppliesServiceServicer):
    def __init__(self, world: World) -> None:
        self.world = world

    def ListMySupplies(self, request: Any, context: Any) -> Any:
        self.world.enter("ListMySupplies", request)
        return supplies_service_pb2.ListMySuppliesResponse(
            supplies=self.world.supplies, current_supply_id=self.world.current
        )

    def GetSupply(self, request: Any, context: Any) -> Any:
        self.world.enter("GetSupply", request)
        self.world.owned(request.supply_id)
        found = next(one for one in self.world.supplies if one.id == request.supply_id)
        return supplies_service_pb2.GetSupplyResponse(supply=found)

    def SetCurrentSupply(self, request: Any, context: Any) -> Any:
        self.world.enter("SetCurrentSupply", request)
        self.world.owned(request.supply_id)
        self.world.current = request.supply_id
        return supplies_service_pb2.SetCurrentSupplyResponse()

    def RequestAssociation(self, request: Any, context: Any) -> Any:
        self.world.enter("RequestAssociation", request)
        if request.document == "12345678A":
            raise Invalid("The letter of 12345678A does not match its number.", "DOCUMENT_MALFORMED", field="document")
        return supplies_service_pb2.RequestAssociationResponse()

    def ConfirmAssociation(self, request: Any, context: Any) -> Any:
        self.world.enter("ConfirmAssociation", request)
        if request.code.replace(" ", "") != "123456":
            raise Invalid("The code is not right.", "WRONG_CODE", field="code")
        return supplies_service_pb2.ConfirmAssociationResponse(supplies_added=2)


class Notifications(notifications_service_pb2_grpc.NotificationsServiceServicer):
    def __init__(self, world: World) -> None:
        self.world = world

    def ListMyNotices(self, request: Any, context: Any) -> Any:
        self.world.enter("ListMyNotices", request)
        made = []
        for key, title, link, at in (
            ("n-2", "Factura de octubre disponible", "/s/sup-1/invoices/inv-123", datetime(2026, 11, 2, 9, tzinfo=UTC)),
            ("n-1", "Hemos cambiado el contador", "", datetime(2026, 10, 17, 9, tzinfo=UTC)),
        ):
            one = notifications.Notice(
                id=key,
                kind="x",
                supply_id="sup-2" if key == "n-1" else "sup-1",
                title=title,
                body="Ya puedes verla.\nUn saludo.",
                link=link,
                read=key == "n-1" or key in self.world.read,
            )
            one.created_at.FromDatetime(at)
            made.append(one)
        return notifications.ListMyNoticesResponse(notices=made, unread=sum(not one.read for one in made))

    def MarkNoticeRead(self, request: Any, context: Any) -> Any:
        self.world.enter("MarkNoticeRead", request)
        self.world.read.add(request.notice_id)
        return notifications.MarkNoticeReadResponse()
