"""The second calculation of an invoice shares nothing with the first: whoever doubts the one need not trust it in the other."""

import sys
from pathlib import Path

import pytest

from tests.unit.rules.test_boundaries import ROOT, SERVICES, imports, sources

VERIFIER = SERVICES / "staff" / "verify"
OWN = "services.staff.verify"
MOST_LINES = 2_000
"""What a stranger reads in an hour."""


def test_it_imports_the_standard_library_and_itself_alone() -> None:
    found = {path.relative_to(ROOT): imports(path) for path in sources(VERIFIER)}
    wrong = [
        f"{path} imports {module}"
        for path, modules in found.items()
        for module in modules
        if not module.startswith(f"{OWN}.") and module.split(".")[0] not in sys.stdlib_module_names
    ]
    assert len(found) > 10 and not wrong


@pytest.mark.parametrize("package", [SERVICES, SERVICES / "staff", VERIFIER])
def test_what_is_run_on_the_way_to_it_imports_nothing(package: Path) -> None:
    assert not imports(package / "__init__.py")


def test_nobody_that_issues_invoices_uses_it() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources(SERVICES / "billing")
        for module in imports(path)
        if module.startswith(OWN)
    ]
    assert not wrong


def test_it_can_be_read_in_an_hour() -> None:
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in sources(VERIFIER)) <= MOST_LINES
