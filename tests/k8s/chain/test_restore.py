"""Everything stopped and put back from a backup: databases, files, events and readers; nothing lost and nothing doubled."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.k8s.chain.books import assert_billed_once
from tests.k8s.chain.conftest import BILLED, SUPPLIES, Cooperative
from tests.k8s.chain.installation import DEPLOYMENTS, NAMESPACE, SECRETS, Installation
from tests.k8s.chain.report import note
from tests.support.stack import ROOT

PROGRAM = ROOT / "deploy/k8s/components/backup/restore_job.py"
READER = "notifications-work"
EVERYBODY = "app.kubernetes.io/component in (serve,work,gateway)"


def test_an_installation_comes_back_from_its_backup(cooperative: Cooperative, tmp_path: Path) -> None:
    installation = cooperative.installation
    _let_the_calendar_in(installation)
    mails = installation.sql("notifications", "SELECT count(*) FROM message")
    installation.kubectl("scale", f"deployment/{READER}", "--replicas=0")
    installation.lab.until(lambda: not installation.pods(READER), f"{READER} is away")

    # What is told now waits in the event log alone: who should hear it is away while the backup is taken.
    _move_house(cooperative, tmp_path, -1, "before@example.org")
    installation.lab.until(lambda: set(installation.under_way()) == {"notifications"}, "the others heard it", 60)
    began = time.monotonic()
    said = _run(installation, "backup-drill", installation.kubectl("create", "job", *_OF_BACKUP, *_AS_JSON))
    backup = re.search(r"The backup is /backup/(\d{8}T\d{6}Z)\.", said)
    assert backup, said
    assert re.search(r"events: [1-9]\d* records of \d+ topics", said), said
    backed_up_s = time.monotonic() - began
    _move_house(cooperative, tmp_path, -2, "afterwards@example.org")

    began = time.monotonic()
    installation.kubectl("scale", *(f"deployment/{name}" for name in DEPLOYMENTS), "--replicas=0")
    installation.kubectl("delete", "pod", "--selector", EVERYBODY, "--grace-period=1", "--wait")
    job = _restoring(installation, backup[1])
    said = _run(installation, f"restore-{backup[1].lower()}", job)
    assert re.search(r"[1-9]\d* events in \d+ topics and \d+ readers are as at", said), said
    installation.kubectl("scale", *(f"deployment/{name}" for name in DEPLOYMENTS), "--replicas=1")
    installation.await_ready(*DEPLOYMENTS)
    note(
        "restored from a backup",
        f"taken in {backed_up_s:.0f} s; everything served {time.monotonic() - began:.0f} s after",
    )

    installation.settle()
    for service in ("supplies", "notifications"):
        found = installation.sql(service, "SELECT email FROM member WHERE email LIKE '%@example.org' ORDER BY email")
        assert "before@example.org" in found, f"{service} lost what it had not heard, or what was told"
        assert "afterwards@example.org" not in found, f"{service} knows what the restored books do not"
    assert installation.sql("notifications", "SELECT count(*) FROM message") == mails
    assert_billed_once(installation, BILLED, SUPPLIES)
    # It goes on as if nothing had been.
    _move_house(cooperative, tmp_path, -2, "afterwards@example.org")
    installation.settle()
    assert installation.sql("notifications", "SELECT count(*) FROM member WHERE email = 'afterwards@example.org'") == [
        "1"
    ]


_OF_BACKUP = ("backup-drill", "--from=cronjob/backup")
_AS_JSON = ("--dry-run=client", "--output=json")


def _let_the_calendar_in(installation: Installation) -> None:
    """The account that the backup's note is made with, as docs/deploy.md says."""
    email = (SECRETS / "office-robot" / "email").read_text().strip()
    if installation.sql("identity", f"SELECT id FROM account WHERE email = '{email}'"):
        return
    password = installation.put(SECRETS / "office-robot" / "password")
    who = ["--email", email, "--name", "Calendar", "--role", "calendar"]
    installation.coopctl("staff", "create", *who, "--password-file", password)


def _move_house(cooperative: Cooperative, folder: Path, row: int, email: str) -> None:
    """A member's address for mails changes, by the office's file."""
    changed = {**cooperative.rows[row], "email": email}
    file = folder / "moved.csv"
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, changed)
        writer.writeheader()
        writer.writerow(changed)
    installation = cooperative.installation
    taken = json.loads(installation.coopctl("members", "import", installation.put(file), "--json"))
    assert not taken.get("refused"), taken


def _restoring(installation: Installation, backup: str) -> str:
    cron_job = installation.kubectl("get", "cronjob", "backup", "--output", "json")
    done = subprocess.run(
        [sys.executable, str(PROGRAM), backup], input=cron_job, capture_output=True, text=True, check=True
    )
    return done.stdout


def _run(installation: Installation, job: str, source: str) -> str:
    """Runs a Job to its end; what its containers said. Raises AssertionError with that when it failed."""
    installation.kubectl("delete", "job", job, "--ignore-not-found", "--wait")
    installation.lab.apply(source, NAMESPACE)

    def ended() -> str:
        conditions = installation.lab.get("job", job, "--namespace", NAMESPACE)["status"].get("conditions", [])
        return next((one["type"] for one in conditions if one["type"] in ("Complete", "Failed")), "")

    how = installation.lab.until(ended, f"the Job {job} ended", 180)
    said = installation.lab.logs(NAMESPACE, f"job/{job}")
    assert how == "Complete", said
    return said
