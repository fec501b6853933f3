"""Certificates and a database's password changed while members stay signed in; no pod is started anew."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.k8s.chain.conftest import Cooperative
from tests.k8s.chain.installation import NAMESPACE, OVERLAY, SECRETS, Installation
from tests.k8s.chain.report import note
from tests.k8s.chain.traffic import traffic
from tests.support.stack import ROOT

COOPCTL = Path(os.environ.get("COOPCTL", ROOT / ".venv" / "bin" / "coopctl"))
PORT = 15432
SERIAL = (
    "import ssl, socket, hashlib, pathlib\n"
    "folder = pathlib.Path('/run/acometida/tls')\n"
    "context = ssl.create_default_context(cafile=folder / 'ca.crt')\n"
    "context.load_cert_chain(folder / 'tls.crt', folder / 'tls.key')\n"
    "context.set_alpn_protocols(['h2'])\n"
    "with socket.create_connection(('billing', 8001), 5) as plain:\n"
    "    with context.wrap_socket(plain, server_hostname='billing') as secure:\n"
    "        print(hashlib.sha256(secure.getpeercert(binary_form=True)).hexdigest())\n"
)


def _restarts(installation: Installation) -> dict[str, int]:
    """How often each pod was started anew; those that are about to end do not count."""
    return {
        str(pod["metadata"]["uid"]): sum(
            status["restartCount"] for status in pod["status"].get("containerStatuses", [])
        )
        for pod in installation.objects("pods", "app.kubernetes.io/part-of=acometida")
        if pod["metadata"]["labels"].get("app.kubernetes.io/component") in ("serve", "work", "gateway")
        and "deletionTimestamp" not in pod["metadata"]
    }


def _assert_none_started_anew(installation: Installation, before: dict[str, int]) -> None:
    """Every pod is one of those before, as often started. There may be fewer: the overlay says how many there are."""
    after = _restarts(installation)
    assert after, "no pod is left"
    assert after.items() <= before.items()


def _offered(installation: Installation) -> str:
    """SHA-256 of the certificate that billing shows now."""
    return installation.lab.exec(NAMESPACE, "deployment/office", "python", "-c", SERIAL).strip()


def test_certificates_are_renewed_in_place(cooperative: Cooperative) -> None:
    installation = cooperative.installation
    before, pods = _offered(installation), _restarts(installation)
    with traffic(cooperative.gateway, cooperative.session, cooperative.pages) as members:
        renew = [str(COOPCTL), "admin", "secrets", "--out", str(SECRETS), "--renew", "tls", "--namespace", NAMESPACE]
        subprocess.run(renew, check=True, capture_output=True, timeout=60)
        installation.lab.apply(OVERLAY)
        # The kubelet writes changed Secrets into mounted folders about once a minute.
        installation.lab.until(lambda: _offered(installation) != before, "billing shows its new certificate", 180)
    note("certificates renewed", members.summary())
    assert members.failures == []
    _assert_none_started_anew(installation, pods)


def test_a_database_password_is_rotated_in_place(cooperative: Cooperative) -> None:
    """A second login takes over; once every pod has it, the first is closed and nobody notices."""
    installation = cooperative.installation
    pods = _restarts(installation)
    logins = "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'billing' AND usename LIKE 'billing_app%'"
    (before,) = installation.sql("postgres", logins)
    with traffic(cooperative.gateway, cooperative.session, cooperative.pages) as members:
        _administered(installation, "--rotate", "billing")
        url = (SECRETS / "databases" / "billing.app.url").read_text()
        after = url.split("://")[1].split(":")[0]
        assert after != before
        installation.lab.apply(OVERLAY)
        installation.lab.until(
            lambda: _seen_by(installation, "billing") == url.strip(), "billing's pods have the new login's file", 180
        )
        # The old login is locked out and its connections end when they are idle; each pod opens its next with the new file.
        installation.lab.until(lambda: _retired(installation, logins) == [after], "only the new login is used", 120)
    note("database password rotated", members.summary())
    assert members.failures == []
    _assert_none_started_anew(installation, pods)


def _retired(installation: Installation, logins: str) -> list[str]:
    _administered(installation, "--retire", "billing", "--unseen")
    return installation.sql("postgres", logins)


def _administered(installation: Installation, *words: str) -> None:
    """`coopctl admin databases apply` as the server's administrator, by a forwarded port as docs/deploy.md shows."""
    url = (SECRETS / "database-admin" / "url").read_text().strip().replace("@postgres:5432", f"@127.0.0.1:{PORT}")
    script = f"""
        set -eu
        kubectl --namespace {NAMESPACE} port-forward pod/postgres-0 {PORT}:5432 >/dev/null &
        trap "kill $!" EXIT
        until (exec 3<>/dev/tcp/127.0.0.1/{PORT}) 2>/dev/null; do sleep 0.2; done
        COOP_ADMIN_DATABASE_URL='{url}' {COOPCTL} admin databases apply --urls {SECRETS / "databases"} {" ".join(words)}
    """
    done = installation.lab.run("bash", "-c", script, timeout_s=90)
    assert done.returncode == 0, done.stderr


def _seen_by(installation: Installation, service: str) -> str:
    """The login file as the service's pods see it, "" while they differ."""
    seen = {
        installation.lab.exec(NAMESPACE, f"pod/{pod}", "cat", "/run/acometida/database/url").strip()
        for pod in installation.pods(f"{service}-serve", f"{service}-work")
    }
    return seen.pop() if len(seen) == 1 else ""
