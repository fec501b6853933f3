"""What the pods are told and given: settings that the code knows, Secrets that exist or are documented, commands that run."""

import base64
import re
import shutil
import subprocess
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from typer.main import get_command

from services.chassis.environment import load
from services.staff.cli import application
from tests.deploy.cluster import (
    OVERLAYS,
    PROD_SECRETS,
    SECRETS,
    Workload,
    environment,
    of_kind,
    secret_files,
    volume_sources,
    workloads,
)
from tests.deploy.tools import DEPLOY, ROOT, known_settings, kustomize

overlays = pytest.mark.parametrize("overlay", OVERLAYS)
_ROW = re.compile(r"^\| `([a-z-]+)` \| ([^|]*) \|", re.MULTILINE)


@overlays
def test_pods_are_told_what_the_code_reads(overlay: str) -> None:
    known = known_settings()
    assert {"COOP_DATABASE_URL", "COOP_PUBLIC_URL", "COOP_SMTP_PASSWORD"} <= known
    for workload in workloads(overlay):
        if workload.ours:
            for name in environment(overlay, workload):
                assert name in known or name.removesuffix("_FILE") in known, f"{workload}: nobody reads {name}"


@overlays
def test_files_that_settings_name_are_mounted(overlay: str) -> None:
    for workload in workloads(overlay):
        mounts = [mount["mountPath"] for mount in workload.containers[0]["volumeMounts"]]
        for name, value in environment(overlay, workload).items():
            if name.endswith("_FILE") or name == "COOP_TLS_DIR":
                assert any(value.startswith(mount) for mount in mounts), f"{workload}: {name} is {value}"


def _documented() -> dict[str, set[str]]:
    """Secrets and their keys, from the table in deploy/k8s/README.md; SERVICE stands for each of the five."""
    found: dict[str, set[str]] = {}
    for name, keys in _ROW.findall((DEPLOY / "k8s/README.md").read_text().replace("`SERVICE-", "`service-")):
        services = ("identity", "supplies", "metering", "billing", "notifications")
        for full in [name.replace("service", one, 1) for one in services] if name.startswith("service-") else [name]:
            found.setdefault(full, set()).update(
                key.replace("SERVICE", full.partition("-")[0]) for key in re.findall(r"`([^`]+)`", keys)
            )
    return found


def test_every_secret_exists_or_is_documented() -> None:
    made = {found["metadata"]["name"]: set(found["data"]) for found in of_kind("dev", "Secret")}
    maps = {found["metadata"]["name"] for found in of_kind("dev", "ConfigMap")}
    documented = _documented()
    asked = set()
    for overlay in OVERLAYS:
        for workload in workloads(overlay):
            for volume, kind, name, keys in volume_sources(workload):
                if (kind == "ConfigMap" and name == "public-keys") or kind == "Secret":
                    asked.add(name)
                if overlay == "dev":
                    assert name in (made if kind == "Secret" else maps), f"{workload}: {kind} {name} of volume {volume}"
                    assert set(keys or ()) <= made.get(name, set(keys or ())), f"{workload}: {name} has no {keys}"
                elif kind == "Secret":
                    assert name in documented, f"{workload}: Secret {name} is not in deploy/k8s/README.md"
    only_dev = {"postgres"}
    assert asked - only_dev == set(documented), (
        "deploy/k8s/README.md names what nobody asks for, or the other way round"
    )
    for name, keys in documented.items():
        if name in made:
            assert keys == made[name] | (keys & {"ca.crt"}), f"deploy/k8s/README.md: the keys of {name}"


def _options(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}


@cache
def _coopctl() -> Any:
    return get_command(application())


def _check_command(words: list[str]) -> None:
    """The words name a command of coopctl with options that it has. Raises AssertionError."""
    command = _coopctl()
    rest = list(words)
    while hasattr(command, "commands"):
        assert rest and rest[0] in command.commands, f"coopctl {' '.join(words)}: there is no such command"
        command = command.commands[rest.pop(0)]
    for option in (word for word in rest if word.startswith("--")):
        assert option in _options(command), f"coopctl {' '.join(words)}: it has no {option}"


@overlays
def test_commands_exist(overlay: str) -> None:
    checked = 0
    for workload in workloads(overlay):
        container = workload.containers[0]
        command = container.get("command", [])
        if workload.component in ("task", "backup") or command == ["coopctl"]:
            _check_command(container["args"])
            checked += 1
        for script in command[2:3]:
            for line in re.findall(r"coopctl ([a-z][^|\n]*)", script):
                _check_command(re.sub(r'"[^"]*"', "VALUE", line).split())
    assert checked >= 6


@pytest.fixture(scope="module")
def made_secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of dev's Secrets with what make-secrets puts there."""
    folder = tmp_path_factory.mktemp("secrets") / "secrets"
    shutil.copytree(ROOT / SECRETS, folder, ignore=shutil.ignore_patterns("files"))
    script = ROOT / SECRETS.parent / "make-secrets"
    before: dict[Path, bytes] = {}
    for _ in range(2):  # the second time it keeps what is there
        before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
        done = subprocess.run([str(script), str(folder / "files")], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert all(file.read_bytes() == content for file, content in before.items())
    return folder


def test_make_secrets_makes_what_the_overlay_reads(made_secrets: Path) -> None:
    for name in secret_files():
        file = made_secrets / name
        assert file.stat().st_size > 0, name
        assert file.stat().st_mode & 0o077 == 0, f"{name} can be read by others"


@pytest.fixture(scope="module")
def prod_secrets(made_secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of prod's Secrets with the files that its installation would have: dev's, and those of one's own."""
    folder = tmp_path_factory.mktemp("prod") / "secrets"
    shutil.copytree(ROOT / PROD_SECRETS, folder, ignore=shutil.ignore_patterns("files"))
    shutil.copytree(made_secrets / "files", folder / "files")
    for file in [*(folder / "files/databases").iterdir(), folder / "files/database-admin/url"]:
        where = "database-admin" if file.name == "url" else "database"
        file.write_text(f"{file.read_text().strip()}?sslmode=verify-full&sslrootcert=/run/acometida/{where}/ca.crt")
    (folder / "files/event-log/url").write_text(
        "kafka://services_a:word@kafka-1.example.org:9093?replication=3&ca=/run/acometida/event-log/ca.crt"
    )
    (folder / "files/mail").mkdir()
    for name in ("database-ca.crt", "event-log/ca.crt", "mail/password"):
        (folder / "files" / name).write_text(name)
    return folder


def test_prods_secrets_are_those_of_the_table(prod_secrets: Path) -> None:
    made = {
        found["metadata"]["name"]: {*found["data"]}
        for found in kustomize(prod_secrets)
        if found["metadata"]["namespace"] == "acometida"
    }
    documented = _documented()
    documented["billing-keys"].remove("card-terminal.secret")  # who takes cards adds it
    documented["mail"].remove("ca.crt")  # whose mail server has a certificate of one's own authority adds it
    assert made == documented


def _mount(workload: Workload, contents: dict[tuple[str, str], dict[str, bytes]], root: Path) -> None:
    """Writes the files of a pod's volumes where they are mounted, below a folder that their contents name too."""
    paths = {mount["name"]: root / mount["mountPath"][1:] for mount in workload.containers[0]["volumeMounts"]}
    for path in paths.values():
        path.mkdir(parents=True)
    for volume, kind, name, keys in volume_sources(workload):
        if volume not in paths:
            continue
        for key, content in contents[kind, name].items():
            if not keys or key in keys:  # none has to be there: those that are there are taken
                (paths[volume] / key).write_bytes(content.replace(b"=/run/", b"=%s/run/" % bytes(root)))


def _contents(secrets: Path, overlay: str) -> dict[tuple[str, str], dict[str, bytes]]:
    """Of each Secret and ConfigMap of an overlay, its files."""
    found: dict[tuple[str, str], dict[str, bytes]] = {}
    for one in [*kustomize(secrets), *of_kind(overlay, "ConfigMap")]:
        data = one.get("data", {})
        name = one["metadata"]["name"]
        if one["kind"] == "Secret":
            found["Secret", name] = {key: base64.b64decode(text) for key, text in data.items()}
        else:
            found.setdefault(("ConfigMap", name), {key: text.encode() for key, text in data.items()})
    return found


@overlays
def test_the_services_have_nothing_to_say_against_their_settings(
    overlay: str, made_secrets: Path, prod_secrets: Path, tmp_path: Path
) -> None:
    """Every pod's settings and files, read by the code itself; and each file that an address names is there."""
    contents = _contents(made_secrets if overlay == "dev" else prod_secrets, overlay)
    for number, workload in enumerate(found for found in workloads(overlay) if found.ours):
        root = tmp_path / str(number)
        _mount(workload, contents, root)
        for address in root.rglob("*url"):
            for file in re.findall(r"=(/[^&]*)", address.read_text()):
                assert Path(file).exists(), f"{workload}: {address.name} names {file}, which is not mounted"
        if workload.component in ("mail", "setup-databases", "setup-topics"):
            continue
        said = environment(overlay, workload)
        said = {name: f"{root}{value}" if value.startswith("/") else value for name, value in said.items()}
        module = "staff" if workload.service == "office" else workload.service
        settings_type = import_module(f"services.{module}.settings")
        settings = load(getattr(settings_type, "StaffSettings" if module == "staff" else "Settings"), said)
        assert settings.tls_dir, f"{workload} speaks in plain text"


@pytest.mark.parametrize(("login", "command", "said", "code"), [(0, 0, 3, 0), (0, 1, 3, 1), (4, 0, 1, 4)])
def test_a_task_signs_in_and_out_around_its_command(
    tmp_path: Path, login: int, command: int, said: int, code: int
) -> None:
    """The script of the tasks as it is, with a coopctl that only notes what it was asked."""
    (tmp_path / "coopctl").write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\ncase $1 in login) exit {login};; logout) exit 0;; *) exit {command};; esac\n'
    )
    (tmp_path / "coopctl").chmod(0o755)
    task = next(found for found in workloads("prod") if found.name == "send-reminders")
    container = task.containers[0]
    script = [word.replace("/run/acometida/robot", str(tmp_path)) for word in container["command"]]
    (tmp_path / "email").write_text("calendar@coop.example")
    done = subprocess.run([*script, *container["args"]], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=False)
    asked = (tmp_path / "asked").read_text().splitlines()
    expected = [f"login --email calendar@coop.example --password-file {tmp_path}/password", "reminders send", "logout"]
    assert asked == expected[:said] and done.returncode == code


def test_the_page_for_operators_names_what_exists() -> None:
    page = re.sub(r"\s*\\\n\s*", " ", (ROOT / "docs/deploy.md").read_text())
    commands = re.findall(r"coopctl ((?:[a-z-]+ ?)+(?: --[a-z-]+(?: [^\s`-][^\s`]*)?)*)", page)
    named = [command.split() for command in commands if command.split()[0] in _coopctl().commands]
    assert len(named) >= 12
    for words in named:
        if words != ["backup"]:  # the group, by its name alone
            _check_command(words)
    for path in re.findall(r"(?:deploy|overlays|components|profiles)/[\w./-]*[\w]", page):
        place = ROOT / path if path.startswith(("deploy", "profiles")) else DEPLOY / "k8s" / path
        made = "secrets/files" in path or path.endswith("/.env")
        assert made or place.exists(), f"docs/deploy.md: there is no {path}"
    for task in re.findall(r"^\| `([a-z-]+)` \| (?:every|working|nightly)", page, re.MULTILINE):
        assert task in {found["metadata"]["name"] for found in of_kind("prod", "CronJob")}
