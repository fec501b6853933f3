"""What programs read on stdout is one document, whatever the parts that coopctl shares with the services have to say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from services.staff.cli import run


def test_log_lines_never_mix_with_the_document(tmp_path: Path) -> None:
    """With certificates, whose reading is logged; nobody answers at these addresses, which status says in its document."""
    assert run(["admin", "secrets", "--out", str(tmp_path / "secrets"), "--json"]) == 0
    nobody = {f"COOP_{name}_ADDRESS": "127.0.0.1:1" for name in
              ("IDENTITY", "SUPPLIES", "METERING", "BILLING", "NOTIFICATIONS")}  # fmt: skip
    environment = {
        **os.environ,
        **nobody,
        "COOP_TLS_DIR": str(tmp_path / "secrets" / "tls" / "office"),
        "COOP_CONFIG_DIR": str(tmp_path),
        "COOP_GATEWAY_URL": "http://127.0.0.1:1",
    }
    asked = subprocess.run(
        [sys.executable, "-m", "services.staff.cli", "status", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert asked.returncode == 1, asked.stderr
    assert not any(service["reachable"] for service in json.loads(asked.stdout)["services"])
