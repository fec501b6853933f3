"""The cluster's backup on a real PostgreSQL: one instant of five databases while events are told, and back again."""

import json
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator

import kubernetes_validate
import pytest

from services.local.postgres import Postgres
from tests.deploy.cluster import Workload, named
from tests.deploy.five_databases import SCRIPTS, Databases
from tests.support.migrated import Migrated
from tests.support.service_under_test import eventually


@pytest.fixture(scope="module")
def databases(postgres: Postgres, migrated: Migrated, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    yield Databases(postgres, migrated, tmp_path_factory.mktemp("cluster"))


TELL = (
    "INSERT INTO outbox_event (event_id, topic, key, value, headers, created_at) VALUES (%s, 't', 'k', '', '{}', now())"
)


def _tell_and_hear(databases: Databases, stop: threading.Event, told: list[int]) -> None:
    """Billing tells a number with an event, notifications hears of it afterwards and tells in its turn: on and on."""
    with databases.connect("billing") as teller, databases.connect("notifications") as hearer:
        while not stop.is_set():
            number = len(told)
            for connection in (teller, hearer):
                with connection.transaction():
                    connection.execute("INSERT INTO told VALUES (%s)", (number,))
                    connection.execute(TELL, (f"{number}-{connection.info.dbname[-8:]}",))
            told.append(number)


def test_a_backup_is_of_one_instant_and_comes_back(databases: Databases) -> None:
    stop, told = threading.Event(), []  # type: ignore[var-annotated]
    talk = threading.Thread(target=_tell_and_hear, args=(databases, stop, told))
    talk.start()
    try:
        while len(told) < 20:
            stop.wait(0.01)
        done = databases.script("backup.sh")
        during = len(told)
    finally:
        stop.set()
        talk.join()
    assert done.returncode == 0, done.stdout + done.stderr
    (backup,) = databases.backups()

    busy = databases.connect("billing")
    eventually(lambda: databases.sessions() == 1)
    assert "1 sessions use the database of billing" in databases.script("restore.sh", str(backup)).stdout
    busy.close()
    databases.run("billing", "DROP TABLE told CASCADE")
    databases.run("supplies", "CREATE TABLE of_a_newer_version (id int)")
    shutil.rmtree(databases.folder / "files/billing")
    (databases.folder / "files/billing").mkdir()
    eventually(lambda: databases.sessions() == 0)
    done = databases.script("restore.sh", str(backup))
    assert done.returncode == 0, done.stdout + done.stderr

    told_by = databases.run("billing", "SELECT number FROM told ORDER BY number")
    heard_by = databases.run("notifications", "SELECT number FROM told ORDER BY number")
    assert 20 <= len(heard_by) <= len(told_by) <= min(len(heard_by) + 1, during + 1), "two instants in one backup"
    for service, numbers in (("billing", told_by), ("notifications", heard_by)):
        assert databases.run(service, "SELECT count(*) FROM outbox_event") == [len(numbers)]
    assert databases.run("supplies", "SELECT count(*) FROM pg_tables WHERE tablename = 'of_a_newer_version'") == [0]
    assert (databases.folder / "files/billing/ab/document").read_bytes() == b"signed"


def test_files_are_kept_without_the_folder_of_the_volume(databases: Databases) -> None:
    """A volume's own folder may belong to root: whoever restores as another user could not set its mode."""
    (backup,) = databases.backups()
    with tarfile.open(backup / "billing.files.tar") as archive:
        assert sorted(archive.getnames()) == ["ab", "ab/document"]
    with tarfile.open(backup / "metering.files.tar") as archive:
        assert archive.getnames() == []


def test_a_backup_that_was_altered_is_refused(databases: Databases) -> None:
    backup = databases.backups()[0]
    altered = databases.folder / "altered"
    shutil.copytree(backup, altered)
    with (altered / "billing.dump").open("ab") as file:
        file.write(b"x")
    before = databases.run("billing", "SELECT count(*) FROM told")
    done = databases.script("restore.sh", str(altered))
    assert done.returncode == 1 and "is not whole" in done.stdout
    assert databases.run("billing", "SELECT count(*) FROM told") == before


def test_a_backup_that_cannot_be_of_one_instant_is_none(databases: Databases) -> None:
    """Somebody is in the middle of telling an event for longer than the backup waits."""
    backups = databases.backups()
    with databases.connect("metering") as busy, busy.transaction():
        busy.execute(TELL, ("never ends",))
        done = databases.script("backup.sh", PATIENCE="50ms")
    assert done.returncode == 1 and "at a quieter hour" in done.stdout, done.stdout + done.stderr
    assert databases.backups() == backups


def test_old_backups_go(databases: Databases) -> None:
    old = databases.folder / "backup" / "20200101T000000Z"
    old.mkdir()
    done = databases.script("backup.sh", KEEP="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(databases.backups()) == 1 and not old.exists()


def test_the_job_that_restores_is_made_of_the_one_that_backs_up() -> None:
    cron_job = named("dev", "CronJob", "backup")
    program = [sys.executable, str(SCRIPTS / "restore_job.py")]
    done = subprocess.run(
        [*program, "20261122T031502Z"], input=json.dumps(cron_job), capture_output=True, text=True, check=True
    )
    job = json.loads(done.stdout)
    kubernetes_validate.validate(job, "1.34", strict=True)
    restoring = Workload(job)
    (databases,) = restoring.pod["initContainers"]
    assert databases["command"] == ["bash", "/run/acometida/scripts/restore.sh", "/backup/20261122T031502Z"]
    written = {mount["mountPath"] for mount in databases["volumeMounts"] if not mount.get("readOnly")}
    assert written == {"/files/billing", "/files/metering", "/backup", "/tmp"}
    (events,) = restoring.pod["containers"]
    assert events["args"] == ["/backup/20261122T031502Z/events.jsonl.gz"]
    told = {entry["name"]: entry["value"] for entry in events["env"]}
    assert told["COOP_EVENT_LOG_FILE"] == "/run/acometida/event-log/url"
    for container in (databases, events):
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted <= {volume["name"] for volume in restoring.pod["volumes"]}
    assert "robot" not in {volume["name"] for volume in restoring.pod["volumes"]}, "there is nobody to sign in to"
    assert restoring.labels == Workload(cron_job).labels, "other policies would hold for it"
    refused = subprocess.run(
        [*program, "../x"], input=json.dumps(cron_job), capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1 and "is no backup" in refused.stderr
