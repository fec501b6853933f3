"""Another port for everything: what the office's terminal has to be told, and that coopctl then asks there."""

from __future__ import annotations

import shlex

from services.chassis.environment import load
from services.local.settings import LocalSettings
from services.staff.settings import StaffSettings


def test_where_the_services_are_by_default_coopctl_looks_by_itself() -> None:
    settings = load(LocalSettings, {})
    told, asked = settings.environment(settings.folder("x"), settings.folder("x")), load(StaffSettings, {})
    assert settings.office_environment() == ""
    assert (asked.identity_address, asked.billing_address, asked.notifications_address) == (
        told["COOP_IDENTITY_ADDRESS"],
        told["COOP_BILLING_ADDRESS"],
        told["COOP_NOTIFICATIONS_ADDRESS"],
    )


def test_with_another_port_the_line_leads_coopctl_to_every_service() -> None:
    settings = load(LocalSettings, {"PORT": "9000"})
    told = settings.environment(settings.folder("x"), settings.folder("x"))
    command, *assigned = shlex.split(settings.office_environment())
    environment = dict(each.split("=", 1) for each in assigned)
    asked = load(StaffSettings, environment)
    assert command == "export"
    for service in ("identity", "supplies", "metering", "billing", "notifications"):
        assert getattr(asked, f"{service}_address") == told[f"COOP_{service.upper()}_ADDRESS"]
    assert asked.public_url == told["COOP_PUBLIC_URL"] == "http://127.0.0.1:9000"
