"""Registering, activating, signing in and out, and passwords, through the real server."""

from datetime import timedelta

from coop.identity.events.v1 import events_pb2 as events
from coop.identity.v1 import identity_service_pb2 as pb
from sqlalchemy import select, text

from services.chassis.errors import Conflict, Forbidden, Invalid, NotFound, Refused, Unauthenticated
from services.chassis.ids import new_id
from services.identity import housekeeping
from services.identity.tables import account, mail_request, registration, session
from tests.integration.identity.journeys import (
    PASSWORD,
    access,
    activate,
    mail_token,
    open_account,
    register,
    sign_in,
    with_session,
)
from tests.support.service_under_test import ServiceUnderTest, eventually, refusal

NEW_PASSWORD = "otra lluvia sobre el tejado"


def test_register_activate_sign_in_and_out(identity: ServiceUnderTest) -> None:
    register(identity, "Ana@Example.org", name="  Ana   Pradoverde ")
    event_id, asked = identity.await_event(events.ActivationRequested)
    assert (asked.email, asked.name, asked.language) == ("Ana@example.org", "Ana Pradoverde", "es")
    assert refusal(lambda: sign_in(identity, "ana@example.org")).reason == "WRONG_CREDENTIALS"

    activate(identity, mail_token(identity, event_id, asked.account_id))
    _, opened = identity.await_event(events.AccountActivated)
    assert (opened.account_id, opened.email) == (asked.account_id, "Ana@example.org")

    signed_in = sign_in(identity, "ana@example.org")
    assert signed_in.account.kind == pb.ACCOUNT_KIND_MEMBER
    assert signed_in.expires_at.ToDatetime(identity.clock.now().tzinfo) == identity.clock.now() + timedelta(hours=12)
    ana = with_session(identity, signed_in.session_token)
    assert ana.GetMyAccount(pb.GetMyAccountRequest()).account.name == "Ana Pradoverde"

    ana.SignOut(pb.SignOutRequest())
    over = refusal(lambda: access(identity, signed_in.session_token))
    assert isinstance(over, Unauthenticated) and over.reason == "SESSION_OVER"


def test_wrong_fields_are_told_at_once_and_nothing_is_kept(identity: ServiceUnderTest) -> None:
    refused = refusal(lambda: register(identity, "ana@", "corta", name=" ", language="fr"))
    assert isinstance(refused, Invalid)
    assert [violation.field for violation in refused.violations] == ["email", "name", "language", "password"]
    with identity.process.kit.database.read() as connection:
        assert connection.execute(select(registration)).first() is None


def test_the_same_request_id_registers_once_and_never_keeps_the_password_in_the_clear(
    identity: ServiceUnderTest,
) -> None:
    request_id = new_id()
    register(identity, "ana@example.org", request_id=request_id)
    register(identity, "ana@example.org", request_id=request_id)
    identity.await_event(events.ActivationRequested)
    assert isinstance(refusal(lambda: register(identity, "eva@example.org", request_id=request_id)), Conflict)
    with identity.process.kit.database.read() as connection:
        hashes = list(connection.execute(select(registration.c.password_hash)).scalars())
    assert len(hashes) == 1 and hashes[0].startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert len(identity.events(events.ActivationRequested)) == 1


def test_a_known_address_gets_another_mail_and_the_same_answer(identity: ServiceUnderTest) -> None:
    account_id = open_account(identity, "ana@example.org")
    register(identity, "ANA@example.org", "una clave que no vale nada")
    _, repeated = identity.await_event(events.RegistrationRepeated)
    assert repeated.account_id == account_id
    assert sign_in(identity, "ana@example.org").account.id == account_id


def test_a_link_opens_the_account_with_the_password_of_its_own_registration(identity: ServiceUnderTest) -> None:
    register(identity, "ana@example.org", PASSWORD)
    first, asked = identity.await_event(events.ActivationRequested)
    register(identity, "ana@example.org", "la clave que puso un extraño")
    second, again = identity.await_event(events.ActivationRequested, 2)
    assert asked.account_id == again.account_id
    stranger = mail_token(identity, second, asked.account_id)
    activate(identity, mail_token(identity, first, asked.account_id))
    assert sign_in(identity, "ana@example.org").session_token
    assert (
        refusal(lambda: sign_in(identity, "ana@example.org", "la clave que puso un extraño")).reason
        == "WRONG_CREDENTIALS"
    )
    assert refusal(lambda: activate(identity, stranger)).reason == "LINK_USED"


def test_links_work_once_in_time_and_only_the_newest(identity: ServiceUnderTest) -> None:
    register(identity, "ana@example.org")
    event_id, asked = identity.await_event(events.ActivationRequested)
    older = mail_token(identity, event_id, asked.account_id)
    token = mail_token(identity, event_id, asked.account_id)
    with identity.process.kit.database.read() as connection:
        assert connection.execute(select(mail_request.c.token_hash)).scalar_one() not in (older, token)
    assert refusal(lambda: activate(identity, older)).reason == "LINK_UNKNOWN"
    assert refusal(lambda: activate(identity, "")).reason == "LINK_UNKNOWN"
    identity.clock.advance(timedelta(hours=24))
    expired = refusal(lambda: activate(identity, token))
    assert isinstance(expired, Refused) and expired.message == "This link has expired: register again."
    fresh = mail_token(identity, event_id, asked.account_id)
    activate(identity, fresh)
    assert refusal(lambda: activate(identity, fresh)).reason == "LINK_USED"
    assert isinstance(refusal(lambda: mail_token(identity, event_id, asked.account_id)), Refused)
    assert isinstance(refusal(lambda: mail_token(identity, "no-such-event", asked.account_id)), NotFound)
    assert isinstance(refusal(lambda: mail_token(identity, event_id, asked.account_id, "PASSWORD_RESET")), NotFound)


def test_activating_twice_with_one_request_id_is_one_activation(identity: ServiceUnderTest) -> None:
    register(identity, "ana@example.org")
    event_id, asked = identity.await_event(events.ActivationRequested)
    request = pb.ActivateRequest(token=mail_token(identity, event_id, asked.account_id), request_id=new_id())
    identity.as_service("gateway").Activate(request)
    identity.as_service("gateway").Activate(request)
    assert len(identity.events(events.AccountActivated)) == 1


def test_sessions_end_when_unused_and_after_twelve_hours(identity: ServiceUnderTest) -> None:
    open_account(identity, "ana@example.org")
    token = sign_in(identity, "ana@example.org").session_token
    for _ in range(20):
        identity.clock.advance(timedelta(minutes=29))
        access(identity, token)
    identity.clock.advance(timedelta(minutes=31))
    assert refusal(lambda: access(identity, token)).reason == "SESSION_OVER"

    token = sign_in(identity, "ana@example.org").session_token
    for _ in range(24):
        identity.clock.advance(timedelta(minutes=29))
        access(identity, token)
    identity.clock.advance(timedelta(minutes=24))
    assert refusal(lambda: access(identity, token)).reason == "SESSION_OVER"


def test_the_last_use_is_written_once_a_minute_and_the_token_only_as_its_hash(identity: ServiceUnderTest) -> None:
    open_account(identity, "ana@example.org")
    token = sign_in(identity, "ana@example.org").session_token

    def kept() -> tuple[str, object]:
        with identity.process.kit.database.read() as connection:
            row = connection.execute(select(session.c.token_hash, session.c.last_seen_at)).one()
            return row.token_hash, row.last_seen_at

    opened = identity.clock.now()
    identity.clock.advance(timedelta(seconds=59))
    access(identity, token)
    assert kept()[1] == opened
    identity.clock.advance(timedelta(seconds=1))
    access(identity, token)
    assert kept()[1] == opened + timedelta(minutes=1)
    assert kept()[0] != token and len(token) >= 43


def test_sessions_are_listed_page_by_page_and_revoked(identity: ServiceUnderTest) -> None:
    open_account(identity, "ana@example.org")
    open_account(identity, "eva@example.org")
    first = sign_in(identity, "ana@example.org").session_token
    second = sign_in(identity, "ana@example.org").session_token
    ana, eva = (
        with_session(identity, second),
        with_session(identity, sign_in(identity, "eva@example.org").session_token),
    )
    page = ana.ListMySessions(pb.ListMySessionsRequest(page_size=1))
    rest = ana.ListMySessions(pb.ListMySessionsRequest(page_size=1, page_token=page.next_page_token))
    assert [(found.current, found.device) for found in page.sessions] == [(True, "Firefox on Android")]
    assert [found.current for found in rest.sessions] == [False]
    assert rest.next_page_token == ""

    other = rest.sessions[0].id
    assert isinstance(refusal(lambda: eva.RevokeSession(pb.RevokeSessionRequest(session_id=other))), NotFound)
    ana.RevokeSession(pb.RevokeSessionRequest(session_id=other))
    ana.RevokeSession(pb.RevokeSessionRequest(session_id=other))
    assert refusal(lambda: access(identity, first)).reason == "SESSION_OVER"
    access(identity, second)
    assert isinstance(refusal(lambda: ana.ListMySessions(pb.ListMySessionsRequest(page_token="x"))), Invalid)


def forget_password(identity: ServiceUnderTest, email: str) -> None:
    identity.as_service("gateway", "192.0.2.7").RequestPasswordReset(
        pb.RequestPasswordResetRequest(email=email, request_id=new_id())
    )


def reset(identity: ServiceUnderTest, token: str, password: str = NEW_PASSWORD) -> None:
    identity.as_service("gateway").ResetPassword(pb.ResetPasswordRequest(token=token, new_password=password))


def test_a_forgotten_password_is_replaced_and_every_session_ends(identity: ServiceUnderTest) -> None:
    account_id = open_account(identity, "ana@example.org")
    token = sign_in(identity, "ana@example.org").session_token
    forget_password(identity, "nobody@example.org")
    forget_password(identity, "ana@example.org")
    event_id, asked = identity.await_event(events.PasswordResetRequested)
    assert asked.account_id == account_id
    link = mail_token(identity, event_id, account_id, "PASSWORD_RESET")
    assert refusal(lambda: reset(identity, link, "Vallesol-2026!")).reason == "PASSWORD_CONTEXT"
    reset(identity, link)
    assert refusal(lambda: access(identity, token)).reason == "SESSION_OVER"
    assert refusal(lambda: sign_in(identity, "ana@example.org")).reason == "WRONG_CREDENTIALS"
    assert sign_in(identity, "ana@example.org", NEW_PASSWORD).account.id == account_id
    assert refusal(lambda: reset(identity, link)).reason == "LINK_USED"
    assert len(identity.events(events.PasswordChanged)) == 1
    eventually(lambda: len(identity.events(events.PasswordResetRequested)) == 1)


def test_a_reset_link_is_good_for_half_an_hour(identity: ServiceUnderTest) -> None:
    account_id = open_account(identity, "ana@example.org")
    forget_password(identity, "ana@example.org")
    event_id, _ = identity.await_event(events.PasswordResetRequested)
    link = mail_token(identity, event_id, account_id, "PASSWORD_RESET")
    identity.clock.advance(timedelta(minutes=30))
    assert refusal(lambda: reset(identity, link)).reason == "LINK_EXPIRED"


def test_who_lost_the_activation_mail_gets_in_by_choosing_a_password(identity: ServiceUnderTest) -> None:
    register(identity, "ana@example.org")
    identity.await_event(events.ActivationRequested)
    forget_password(identity, "ana@example.org")
    event_id, asked = identity.await_event(events.PasswordResetRequested)
    reset(identity, mail_token(identity, event_id, asked.account_id, "PASSWORD_RESET"))
    assert identity.await_event(events.AccountActivated)[1].account_id == asked.account_id
    assert sign_in(identity, "ana@example.org", NEW_PASSWORD).session_token


def test_changing_the_password_ends_the_other_sessions(identity: ServiceUnderTest) -> None:
    open_account(identity, "ana@example.org")
    other = sign_in(identity, "ana@example.org").session_token
    mine = sign_in(identity, "ana@example.org").session_token
    ana = with_session(identity, mine)
    wrong = refusal(
        lambda: ana.ChangePassword(pb.ChangePasswordRequest(current_password="no", new_password=NEW_PASSWORD))
    )
    assert isinstance(wrong, Invalid) and wrong.violations[0].field == "current_password"
    weak = refusal(
        lambda: ana.ChangePassword(pb.ChangePasswordRequest(current_password=PASSWORD, new_password="corta"))
    )
    assert isinstance(weak, Invalid) and weak.violations[0].field == "new_password"
    ana.ChangePassword(pb.ChangePasswordRequest(current_password=PASSWORD, new_password=NEW_PASSWORD))
    access(identity, mine)
    assert refusal(lambda: access(identity, other)).reason == "SESSION_OVER"
    assert sign_in(identity, "ana@example.org", NEW_PASSWORD).session_token


def test_an_account_changes_its_name_and_language_and_only_a_change_is_told(identity: ServiceUnderTest) -> None:
    open_account(identity, "ana@example.org")
    ana = with_session(identity, sign_in(identity, "ana@example.org").session_token)
    changed = ana.UpdateMyAccount(pb.UpdateMyAccountRequest(name="Ana P.", language="en", request_id=new_id())).account
    assert (changed.name, changed.language) == ("Ana P.", "en")
    ana.UpdateMyAccount(pb.UpdateMyAccountRequest(name="Ana P.", request_id=new_id()))
    assert len(identity.events(events.AccountUpdated)) == 1
    refused = refusal(lambda: ana.UpdateMyAccount(pb.UpdateMyAccountRequest(language="fr", request_id=new_id())))
    assert refused.message == "Language 'fr' is not offered: choose one of es, en."


def test_who_may_call_what(identity: ServiceUnderTest) -> None:
    issue = pb.IssueMailTokenRequest(purpose=pb.MAIL_TOKEN_PURPOSE_ACTIVATION, account_id="a", event_id="e")
    assert isinstance(refusal(lambda: identity.as_service("gateway").IssueMailToken(issue)), Forbidden)
    assert isinstance(refusal(lambda: identity.stub().IssueMailToken(issue)), Unauthenticated)
    assert isinstance(refusal(lambda: identity.stub().GetMyAccount(pb.GetMyAccountRequest())), Unauthenticated)
    member = identity.as_member("somebody")
    assert isinstance(refusal(lambda: member.CreateStaff(pb.CreateStaffRequest())), Forbidden)


def test_housekeeping_takes_away_what_is_past_its_time(identity: ServiceUnderTest) -> None:
    open_account(identity, "ana@example.org")
    sign_in(identity, "ana@example.org")
    register(identity, "never@example.org")
    identity.await_event(events.ActivationRequested, 2)
    identity.clock.advance(timedelta(days=31))
    kit = identity.process.kit
    housekeeping.tidy(identity.process.parts.servicers[0].servicer._core)
    with kit.database.read() as connection:
        assert list(connection.execute(select(account.c.email)).scalars()) == ["ana@example.org"]
        for table in ("registration", "mail_request", "session", "attempt_limit"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0, table
