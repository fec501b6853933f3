"""The gRPC face of identity: proto to use case and back, nothing else."""

from datetime import datetime, timedelta
from pathlib import Path

import grpc
from coop.identity.v1 import identity_service_pb2 as pb
from coop.identity.v1 import identity_service_pb2_grpc as pb_grpc
from google.protobuf.timestamp_pb2 import Timestamp

from services.chassis.context import caller
from services.chassis.db import RequestKey
from services.chassis.errors import Invalid
from services.identity.application import accounts, registration, routines, sign_in, staff
from services.identity.application.core import Core, key_without
from services.identity.domain.accounts import Account

_KIND = {"member": pb.ACCOUNT_KIND_MEMBER, "staff": pb.ACCOUNT_KIND_STAFF}
_PURPOSE = {
    pb.MAIL_TOKEN_PURPOSE_ACTIVATION: "activation",
    pb.MAIL_TOKEN_PURPOSE_PASSWORD_RESET: "password_reset",
}


class IdentityServicer(pb_grpc.IdentityServiceServicer):
    def __init__(self, core: Core, keys_dir: Path) -> None:
        self._core = core
        self._keys_dir = keys_dir

    def Register(self, request: pb.RegisterRequest, context: grpc.ServicerContext) -> pb.RegisterResponse:
        registration.register(
            self._core,
            key_without("Register", request, "password"),
            email=request.email,
            password=request.password,
            name=request.name,
            language=request.language,
        )
        return pb.RegisterResponse()

    def Activate(self, request: pb.ActivateRequest, context: grpc.ServicerContext) -> pb.ActivateResponse:
        registration.activate(self._core, RequestKey.of("Activate", request), token=request.token)
        return pb.ActivateResponse()

    def SignIn(self, request: pb.SignInRequest, context: grpc.ServicerContext) -> pb.SignInResponse:
        signed_in = sign_in.sign_in(self._core, email=request.email, password=request.password, device=request.device)
        return pb.SignInResponse(
            session_token=signed_in.token,
            expires_at=_instant(signed_in.expires_at),
            account=_account(signed_in.account),
        )

    def IssueAccessToken(
        self, request: pb.IssueAccessTokenRequest, context: grpc.ServicerContext
    ) -> pb.IssueAccessTokenResponse:
        token, until, account = sign_in.issue_access_token(self._core, session_token=request.session_token)
        return pb.IssueAccessTokenResponse(access_token=token, expires_at=_instant(until), account=_account(account))

    def SignOut(self, request: pb.SignOutRequest, context: grpc.ServicerContext) -> pb.SignOutResponse:
        sign_in.sign_out(self._core, caller())
        return pb.SignOutResponse()

    def RequestPasswordReset(
        self, request: pb.RequestPasswordResetRequest, context: grpc.ServicerContext
    ) -> pb.RequestPasswordResetResponse:
        registration.request_password_reset(
            self._core, RequestKey.of("RequestPasswordReset", request), email=request.email
        )
        return pb.RequestPasswordResetResponse()

    def ResetPassword(
        self, request: pb.ResetPasswordRequest, context: grpc.ServicerContext
    ) -> pb.ResetPasswordResponse:
        accounts.reset_password(self._core, token=request.token, new=request.new_password)
        return pb.ResetPasswordResponse()

    def ChangePassword(
        self, request: pb.ChangePasswordRequest, context: grpc.ServicerContext
    ) -> pb.ChangePasswordResponse:
        accounts.change_password(self._core, caller(), current=request.current_password, new=request.new_password)
        return pb.ChangePasswordResponse()

    def GetMyAccount(self, request: pb.GetMyAccountRequest, context: grpc.ServicerContext) -> pb.GetMyAccountResponse:
        return pb.GetMyAccountResponse(account=_account(accounts.my_account(self._core, caller())))

    def UpdateMyAccount(
        self, request: pb.UpdateMyAccountRequest, context: grpc.ServicerContext
    ) -> pb.UpdateMyAccountResponse:
        account = accounts.update_account(
            self._core,
            RequestKey.of("UpdateMyAccount", request),
            caller(),
            name=request.name,
            language=request.language,
        )
        return pb.UpdateMyAccountResponse(account=_account(account))

    def ListMySessions(
        self, request: pb.ListMySessionsRequest, context: grpc.ServicerContext
    ) -> pb.ListMySessionsResponse:
        views, more = sign_in.list_sessions(self._core, caller(), size=request.page_size, page_token=request.page_token)
        sessions = [
            pb.Session(
                id=view.id,
                device=view.device,
                created_at=_instant(view.created_at),
                last_seen_at=_instant(view.last_seen_at),
                current=view.current,
            )
            for view in views
        ]
        return pb.ListMySessionsResponse(sessions=sessions, next_page_token=more)

    def RevokeSession(
        self, request: pb.RevokeSessionRequest, context: grpc.ServicerContext
    ) -> pb.RevokeSessionResponse:
        sign_in.revoke_session(self._core, caller(), session_id=request.session_id)
        return pb.RevokeSessionResponse()

    def BootstrapStaff(
        self, request: pb.BootstrapStaffRequest, context: grpc.ServicerContext
    ) -> pb.BootstrapStaffResponse:
        account = staff.bootstrap_staff(
            self._core,
            self._keys_dir,
            secret=request.secret,
            email=request.email,
            password=request.password,
            name=request.name,
        )
        return pb.BootstrapStaffResponse(account=_account(account))

    def CreateStaff(self, request: pb.CreateStaffRequest, context: grpc.ServicerContext) -> pb.CreateStaffResponse:
        account = staff.create_staff(
            self._core,
            key_without("CreateStaff", request, "password"),
            caller(),
            email=request.email,
            password=request.password,
            name=request.name,
            roles=list(request.roles),
        )
        return pb.CreateStaffResponse(account=_account(account))

    def GetStaffNames(
        self, request: pb.GetStaffNamesRequest, context: grpc.ServicerContext
    ) -> pb.GetStaffNamesResponse:
        names = staff.staff_names(self._core, request.ids)
        return pb.GetStaffNamesResponse(staff=[pb.StaffName(id=found, name=name) for found, name in names.items()])

    def RecordRoutine(
        self, request: pb.RecordRoutineRequest, context: grpc.ServicerContext
    ) -> pb.RecordRoutineResponse:
        done_at = routines.record(self._core, RequestKey.of("RecordRoutine", request), request.routine)
        return pb.RecordRoutineResponse(done_at=_instant(done_at))

    def IssueMailToken(
        self, request: pb.IssueMailTokenRequest, context: grpc.ServicerContext
    ) -> pb.IssueMailTokenResponse:
        purpose = _PURPOSE.get(request.purpose)
        if purpose is None:
            raise Invalid("Say what the mail is for: activation or password reset.", "PURPOSE", field="purpose")
        token, seconds = registration.issue_mail_token(
            self._core, purpose=purpose, account_id=request.account_id, event_id=request.event_id
        )
        until = self._core.clock.now() + timedelta(seconds=seconds)
        return pb.IssueMailTokenResponse(token=token, expires_at=_instant(until))


def _instant(at: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp


def _account(account: Account) -> pb.Account:
    return pb.Account(
        id=account.id,
        email=account.email,
        name=account.name,
        language=account.language,
        kind=_KIND[account.kind],
        staff_roles=account.roles,
        created_at=_instant(account.created_at),
    )
