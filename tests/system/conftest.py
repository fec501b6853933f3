"""A small cooperative's month, undisturbed: what the disturbed ones are compared with."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.office import Office, open_office
from tests.support.stack import Stack, running_stack
from tests.system.chain import Outcome, run_chain


@dataclass
class Undisturbed:
    stack: Stack
    office: Office
    outcome: Outcome


@pytest.fixture(scope="package")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    """A stack on SQLite and the embedded event log that nobody disturbed, still running."""
    folder: Path = tmp_path_factory.mktemp("undisturbed")
    with running_stack(folder / "stack", demo=False) as stack:
        office = open_office(stack)
        yield Undisturbed(stack, office, run_chain(stack, office, folder))
