"""The compose file is valid by the specification's own reader, and its containers are as careful as the cluster's pods."""

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.tools import DEPLOY, compose, known_settings

FILE = DEPLOY / "compose/compose.yaml"
SERVICES = ("identity", "supplies", "metering", "billing", "notifications")
AS_ROOT = {"volumes"}
"""Gives new volumes away, and ends."""
ONCE = {"volumes", "databases", "topics", *(f"{service}-migrate" for service in SERVICES)}


@cache
def _read() -> dict[str, Any]:
    return compose(FILE)


def _containers() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = _read()["services"]
    return found


def test_the_reader_refuses_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text("services:\n  one: {image: a:1, depends_on: [two]}\n  two: {image: a:1, restrat: always}\n")
    with pytest.raises(AssertionError, match="restrat"):
        compose(wrong)


def test_everything_has_its_container() -> None:
    commands = {name: " ".join(found.get("command") or []) for name, found in _containers().items()}
    for service in SERVICES:
        assert commands[service] == f"python -m services.{service} serve"
        assert commands[f"{service}-work"] == f"python -m services.{service} work"
        assert commands[f"{service}-migrate"] == f"python -m services.{service} migrate"
    assert set(_read()["volumes"]) == {"postgres", "kafka", "metering", "billing", "mail"}


def test_containers_are_careful() -> None:
    for name, found in _containers().items():
        assert found["read_only"] is True and found["cap_drop"] == ["ALL"], name
        assert found["security_opt"] == ["no-new-privileges:true"], name
        assert (found["user"] == "0:0") == (name in AS_ROOT), name
        assert re.fullmatch(r"localhost/acometida[a-z-]*:[\w.]+", found["image"]), name
        assert not found["image"].endswith(":latest"), name
        for port in found.get("ports", []):
            assert port["host_ip"] == "127.0.0.1", f"{name} can be reached from everywhere"


def test_what_runs_for_good_says_how_it_is() -> None:
    for name, found in _containers().items():
        if name in ONCE:
            assert found["restart"] in ("no", "on-failure:10"), name
        elif name not in ("office", "mail"):
            assert found["healthcheck"]["test"][0] == "CMD" and found["restart"] == "unless-stopped", name
        drain = float(found.get("environment", {}).get("COOP_DRAIN_SECONDS", 0))
        if drain:
            assert float(found["stop_grace_period"].removesuffix("s")) > drain + 5, name


def test_only_who_needs_it_is_on_a_network() -> None:
    """Databases and broker lead nowhere else; out of the machine lead only the gateway and the sender of mails."""
    networks = {name: set(found.get("networks") or {}) for name, found in _containers().items()}
    assert networks["postgres"] == {"databases"} and networks["kafka"] == {"events"}
    assert {name for name, own in networks.items() if "outside" in own} == {"gateway", "mail", "notifications-work"}
    assert not networks["gateway"] & {"databases", "events"}
    inner = {name for name, said in _read()["networks"].items() if said and said.get("internal")}
    assert inner == {"services", "databases", "events"}


def test_only_migrate_comes_as_the_owner() -> None:
    for name, found in _containers().items():
        url = found.get("environment", {}).get("COOP_DATABASE_URL_FILE", "")
        assert not url or url.endswith("owner.url") == name.endswith("-migrate"), name


def test_what_is_mounted_is_made(tmp_path: Path) -> None:
    """Every folder that a container reads is in the checkout or comes from make-secrets, and its user can read it."""
    secrets = tmp_path / "secrets"
    done = subprocess.run(
        [str(FILE.parent / "make-secrets"), str(secrets)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert secrets.stat().st_mode & 0o077 == 0, "others of this machine can enter the folder of secrets"
    for name, found in _containers().items():
        for volume in found.get("volumes", []):
            if volume["type"] != "bind":
                continue
            source = Path(volume["source"])
            if source.is_relative_to(FILE.parent / "secrets"):
                source = secrets / source.relative_to(FILE.parent / "secrets")
                files = [file for file in source.iterdir() if file.is_file()]
                assert files and all(file.stat().st_mode & 0o004 for file in files), f"{name} cannot read {source}"
            assert source.is_dir() and volume["read_only"] is True, f"{name}: {source}"
    keys = {file.name for file in (secrets / "keys/supplies").iterdir()}
    assert "billing.pub.json" in keys and "billing.key.pem" not in keys


def test_variables_are_known_to_the_code() -> None:
    known = known_settings()
    for name, found in _containers().items():
        for variable in found.get("environment", {}):
            if variable.startswith("COOP_"):
                assert variable in known or variable.removesuffix("_FILE") in known, f"{name}: nobody reads {variable}"
