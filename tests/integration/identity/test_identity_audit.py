"""The audit log answers whether it is as it was written, to whom it may."""

from dataclasses import replace

import pytest
from coop.identity.v1 import audit_service_pb2 as pb
from coop.identity.v1.audit_service_pb2_grpc import AuditServiceStub
from sqlalchemy import text

from services.chassis.errors import Forbidden
from services.identity import audit
from tests.support.service_under_test import ServiceUnderTest, refusal


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_changed_entry_is_named(identity: ServiceUnderTest) -> None:
    database = identity.process.kit.database
    for number in range(3):
        with database.write() as tx:
            audit.append(tx, "tried", f"account:{number}", actor="test")
    auditors = replace(identity, stub_type=AuditServiceStub)
    whole = auditors.as_staff("calendar").VerifyAudit(pb.VerifyAuditRequest())
    assert whole.entries == 3 and len(whole.seal) == 64 and not whole.HasField("broken")
    assert isinstance(refusal(lambda: auditors.as_staff("billing").VerifyAudit(pb.VerifyAuditRequest())), Forbidden)
    with database.write() as tx:
        for name in list(tx.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars()):
            tx.execute(text(f"DROP TRIGGER {name}"))
        tx.execute(text("UPDATE audit_entry SET actor = 'nobody' WHERE sequence = 2"))
    broken = auditors.as_staff("auditor").VerifyAudit(pb.VerifyAuditRequest()).broken
    assert (broken.sequence, broken.why) == (2, "entry 2 was changed after it was written")
