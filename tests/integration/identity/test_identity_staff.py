"""Staff accounts, the one-time secret and the audit log."""

import pytest
from coop.identity.events.v1 import events_pb2 as events
from coop.identity.v1 import identity_service_pb2 as pb
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from services.chassis.errors import AlreadyExists, Forbidden, Invalid, Refused
from services.chassis.ids import new_id
from services.identity import audit
from services.identity.tables import audit_entry
from tests.integration.identity.journeys import PASSWORD, access, open_account, sign_in, with_session
from tests.support.migrated import as_owner
from tests.support.service_under_test import ServiceUnderTest, refusal


def bootstrap(identity: ServiceUnderTest, secret: str) -> object:
    request = pb.BootstrapStaffRequest(
        secret=secret, email="office@vallesol.example", password=PASSWORD, name="Oficina"
    )
    return identity.stub().BootstrapStaff(request)


def create(stub: object, email: str, *roles: str, request_id: str = "") -> pb.Account:
    request = pb.CreateStaffRequest(
        email=email, password=PASSWORD, name="Eva", roles=roles, request_id=request_id or new_id()
    )
    made: pb.Account = stub.CreateStaff(request).account  # type: ignore[attr-defined]
    return made


def test_the_first_staff_account_comes_from_the_one_time_secret(identity: ServiceUnderTest) -> None:
    path = identity.keys_dir / "bootstrap-staff.secret"
    assert path.stat().st_mode & 0o777 == 0o600
    assert isinstance(refusal(lambda: bootstrap(identity, "a guess")), Forbidden)
    assert isinstance(refusal(lambda: bootstrap(identity, "")), Forbidden)
    secret = path.read_text().strip()
    made = bootstrap(identity, secret).account  # type: ignore[attr-defined]
    assert made.kind == pb.ACCOUNT_KIND_STAFF
    assert list(made.staff_roles) == ["reader", "support", "metering", "billing", "security", "auditor"]
    assert not path.exists()
    again = refusal(lambda: bootstrap(identity, secret))
    assert isinstance(again, Refused) and again.reason == "STAFF_EXISTS"
    identity.process.migrate()
    assert not path.exists()


def test_the_office_reads_the_names_of_its_people_and_of_nobody_else(identity: ServiceUnderTest) -> None:
    made = bootstrap(identity, (identity.keys_dir / "bootstrap-staff.secret").read_text()).account  # type: ignore[attr-defined]
    office = with_session(identity, sign_in(identity, "office@vallesol.example").session_token)
    open_account(identity, "ana@example.org")
    ana = with_session(identity, sign_in(identity, "ana@example.org").session_token)
    member = ana.GetMyAccount(pb.GetMyAccountRequest()).account.id
    answer = office.GetStaffNames(pb.GetStaffNamesRequest(ids=[made.id, member, "nobody", made.id]))
    assert [(one.id, one.name) for one in answer.staff] == [(made.id, "Oficina")]
    assert isinstance(refusal(lambda: office.GetStaffNames(pb.GetStaffNamesRequest(ids=["x"] * 201))), Invalid)
    assert isinstance(refusal(lambda: ana.GetStaffNames(pb.GetStaffNamesRequest(ids=[made.id]))), Forbidden)


def test_the_secret_is_kept_until_it_is_used(identity: ServiceUnderTest) -> None:
    path = identity.keys_dir / "bootstrap-staff.secret"
    before = path.read_text()
    identity.process.migrate()
    assert path.read_text() == before


def test_staff_sign_in_and_create_others_with_roles(identity: ServiceUnderTest) -> None:
    bootstrap(identity, (identity.keys_dir / "bootstrap-staff.secret").read_text())
    office = with_session(identity, sign_in(identity, "office@vallesol.example").session_token)
    request_id = new_id()
    eva = create(office, "eva@vallesol.example", "billing", "reader", request_id=request_id)
    assert create(office, "eva@vallesol.example", "billing", "reader", request_id=request_id).id == eva.id
    assert list(eva.staff_roles) == ["reader", "billing"]
    token = access(identity, sign_in(identity, "eva@vallesol.example").session_token)
    assert list(token.account.staff_roles) == ["reader", "billing"]
    hers = with_session(identity, sign_in(identity, "eva@vallesol.example").session_token)
    refused = refusal(lambda: create(hers, "x@vallesol.example", "reader"))
    assert isinstance(refused, Forbidden) and "needs the role security" in refused.message
    assert isinstance(refusal(lambda: create(office, "eva@vallesol.example", "reader")), AlreadyExists)
    assert isinstance(refusal(lambda: create(office, "y@vallesol.example", "boss")), Invalid)
    # Nobody confirmed these addresses: the other services hear nothing of them.
    assert identity.events(events.AccountActivated) == []


def test_a_member_address_cannot_become_staff(identity: ServiceUnderTest) -> None:
    open_account(identity, "ana@example.org")
    bootstrap(identity, (identity.keys_dir / "bootstrap-staff.secret").read_text())
    office = with_session(identity, sign_in(identity, "office@vallesol.example").session_token)
    refused = refusal(lambda: create(office, "ANA@example.org", "reader"))
    assert refused.message == "ANA@example.org has an account already: use another address."


def test_the_audit_log_tells_what_happened_and_verifies(identity: ServiceUnderTest) -> None:
    account_id = open_account(identity, "ana@example.org")
    refusal(lambda: sign_in(identity, "ana@example.org", "otra cosa distinta"))
    refusal(lambda: sign_in(identity, "nobody@example.org", "otra cosa distinta"))
    sign_in(identity, "ana@example.org")
    with identity.process.kit.database.read() as connection:
        rows = list(connection.execute(select(audit_entry).order_by(audit_entry.c.sequence)))
        assert audit.verify(connection) is None
    assert [(row.action, row.subject) for row in rows] == [
        ("account_activated", f"account:{account_id}"),
        ("sign_in_failed", f"account:{account_id}"),
        ("sign_in_failed", "account:unknown"),
        ("signed_in", f"account:{account_id}"),
    ]
    assert rows[3].origin == "192.0.2.0/24"
    assert not any("example.org" in str(row) for row in rows)


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entry SET actor = 'somebody else'", "DELETE FROM audit_entry WHERE sequence = 1"]
)
def test_the_database_refuses_to_change_the_audit_log(identity: ServiceUnderTest, statement: str) -> None:
    open_account(identity, "ana@example.org")
    with pytest.raises(DBAPIError, match="append-only"), identity.process.kit.database.write() as tx:
        tx.execute(text(statement))


def test_who_gets_round_the_database_is_found_out(identity: ServiceUnderTest) -> None:
    open_account(identity, "ana@example.org")
    sign_in(identity, "ana@example.org")
    database = identity.process.kit.database
    with as_owner(database) as tx:
        for trigger in (
            ("audit_entry_no_update",) if database.is_sqlite else ("audit_entry_append_only ON audit_entry",)
        ):
            tx.execute(text(f"DROP TRIGGER {trigger}"))
        tx.execute(text("UPDATE audit_entry SET subject = 'account:other' WHERE sequence = 1"))
    with database.read() as connection:
        found = audit.verify(connection)
    assert found is not None and found.why == "entry 1 was changed after it was written"
