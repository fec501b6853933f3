#!/usr/bin/env python3
"""Makes the Job that restores a backup out of the CronJob that took it: same images, volumes and addresses, other programs.

First the databases and the files, then the event log: it begins anew with what a service had not yet heard.

kubectl -n acometida get cronjob backup -o json | restore_job.py 20261122T031502Z | kubectl apply -f -
"""

import json
import re
import sys
from typing import Any

EVENTS = """\
if [ -e "$1" ]; then exec coopctl backup events restore "$1" --replace; fi
echo "The databases are restored. This backup was taken without the event log: remove the topics yourself (docs/deploy.md)." >&2
exit 1"""


def restore_job(cron_job: dict[str, Any], backup: str) -> dict[str, Any]:
    """The Job, as Kubernetes takes it. Raises ValueError when `backup` is no name of a backup."""
    if not re.fullmatch(r"\d{8}T\d{6}Z", backup):
        raise ValueError(f"{backup!r} is no backup: they are called as 20261122T031502Z.")
    spec: dict[str, Any] = cron_job["spec"]["jobTemplate"]["spec"]
    pod = spec["template"]["spec"]
    containers = {container["name"]: container for container in pod["containers"]}
    databases, events = containers["dump"], containers["main"]
    databases["name"] = "databases"
    databases["command"] = ["bash", "/run/acometida/scripts/restore.sh", f"/backup/{backup}"]
    for mount in databases["volumeMounts"]:
        if mount["mountPath"].startswith("/files/"):
            mount.pop("readOnly", None)
    events["command"] = ["sh", "-c", EVENTS, "events"]
    events["args"] = [f"/backup/{backup}/events.jsonl.gz"]
    # Nobody signs in: no service runs.
    events["volumeMounts"] = [mount for mount in events["volumeMounts"] if mount["name"] != "robot"]
    mounted = {mount["name"] for mount in (*databases["volumeMounts"], *events["volumeMounts"])}
    pod["volumes"] = [volume for volume in pod["volumes"] if volume["name"] in mounted]
    for volume in pod["volumes"]:
        volume.get("persistentVolumeClaim", {}).pop("readOnly", None)
    pod["initContainers"] = [databases]
    pod["containers"] = [events]
    spec["backoffLimit"] = 0  # whoever restores looks at why it failed
    metadata = {"name": f"restore-{backup.lower()}", "namespace": cron_job["metadata"]["namespace"]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("Say which backup: restore_job.py 20261122T031502Z, with the CronJob as JSON on standard input.")
    try:
        print(json.dumps(restore_job(json.load(sys.stdin), sys.argv[1])))
    except ValueError as wrong:
        sys.exit(str(wrong))


if __name__ == "__main__":
    main()
