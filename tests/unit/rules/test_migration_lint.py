"""No revision holds up or breaks a release that is still serving, unless it says why."""

from pathlib import Path

import pytest

from services.chassis import migration_lint
from services.chassis.migration_lint import SERVICES, dangers_of, lint
from services.chassis.schema_history import History
from tests.support.revisions import revision

HEAD = "import sqlalchemy as sa\nfrom alembic import op\nfrom services.chassis import schema_steps as steps\n"
REASON = "The table has forty rows and nobody writes to it by day."


def test_the_platforms_revisions_are_harmless_or_say_why() -> None:
    assert [str(finding) for finding in lint(History(service) for service in SERVICES)] == []


def dangers(body: str, module: str = "") -> list[str]:
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return [sentence for _, sentence, _ in dangers_of(f"{HEAD}{module}\ndef upgrade():\n{lines}\n")]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('op.drop_column("note", "words")', "older code uses note.words"),
        ('op.drop_table("note")', "older code uses note: say in supports"),
        ('op.rename_table("note", "remark")', "make the new one beside it"),
        ('op.alter_column("note", "words", new_column_name="text")', "add the new column beside it"),
        ('op.alter_column("note", "words", type_=sa.Text())', "may rewrite the table"),
        ('op.alter_column("note", "words", nullable=False)', "is locked while words is looked through"),
        ('op.add_column("note", sa.Column("at", sa.Date, nullable=False))', "older code does not fill note.at"),
        ('op.add_column("note", sa.Column("at", sa.Date, server_default=sa.text("now()")))', "computed rewrites note"),
        ('op.create_index("ix", "note", ["words"])', "use steps.create_index"),
        ('op.create_index(op.f("ix"), "note", ["words"], unique=True)', "use steps.create_index"),
        ('op.create_unique_constraint("uq", "note", ["words"])', "build a unique index"),
        ('op.create_check_constraint("ck", "note", "id > 0")', "postgresql_not_valid=True and validate"),
        ('op.create_foreign_key("fk", "note", "page", ["page"], ["id"])', "postgresql_not_valid=True and validate"),
        (
            'op.create_check_constraint("ck", "note", "id > 0", postgresql_not_valid=True)',
            "older code may write to note",
        ),
        (
            'with op.batch_alter_table("note") as batch_op:\n    batch_op.drop_column("words")',
            "older code uses note.words",
        ),
        ('op.execute("UPDATE note SET words = 1")', "UPDATE of note in one statement"),
        ('op.get_bind().execute(sa.text("DELETE FROM note"))', "DELETE of note in one statement"),
        ('op.execute("INSERT INTO note SELECT * FROM page")', "INSERT of note in one statement"),
        ('op.execute("ALTER TABLE note ADD COLUMN x int")', "ALTER TABLE note is written out"),
        ('op.execute("CREATE INDEX ix ON note (words)")', "use steps.create_index"),
        ('op.execute("TRUNCATE note")', "TRUNCATE note is written out"),
        ('op.execute("LOCK TABLE note")', "LOCK TABLE note is written out"),
        ('op.execute("VACUUM note")', "nothing is known of 'VACUUM'"),
        ("op.execute(somewhere.statement)", "cannot be read"),
        (
            'op.execute("CREATE TRIGGER t BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION f()")',
            "this trigger refuses",
        ),
        ('steps.create_index("ix", "note", ["words"])', "say transactional = False"),
        ('if sqlite:\n    pass\nelse:\n    op.drop_table("note")', "older code uses note"),
        ('for table in ("note", "page"):\n    op.execute(f"DELETE FROM {table}")', "DELETE of {table}"),
        ("_rest()", "older code uses note"),
    ],
)
def test_a_danger_is_named_with_a_way_around_it(body: str, sentence: str) -> None:
    (found,) = dangers(body, 'def _rest():\n    op.drop_table("note")\n')
    assert sentence in found


@pytest.mark.parametrize(
    "body",
    [
        'op.create_table("note", sa.Column("id", sa.Integer))\nop.create_index("ix", "note", ["id"])\n'
        'op.execute("CREATE TRIGGER t BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION f()")',
        'for table in NEW:\n    op.execute(f"CREATE TRIGGER t BEFORE UPDATE ON {table} EXECUTE FUNCTION f()")\n'
        'op.create_table("first")\nop.create_table("second")',
        'op.add_column("note", sa.Column("at", sa.Date))',
        'op.add_column("note", sa.Column("n", sa.Integer, nullable=False, server_default="0"))',
        'op.drop_index("ix", table_name="note")\nop.drop_constraint("ck", "note")',
        'op.execute("ALTER TABLE note VALIDATE CONSTRAINT ck")',
        'if op.get_bind().dialect.name == "sqlite":\n    op.execute("DELETE FROM note")',
        'if not sqlite:\n    pass\nelse:\n    op.drop_table("note")',
    ],
)
def test_what_holds_nobody_up_passes(body: str) -> None:
    assert dangers(body, 'NEW = ("first", "second")') == []


def test_steps_pass_in_a_revision_without_a_transaction_which_has_nothing_else() -> None:
    unbound = "transactional = False"
    assert dangers('steps.create_index("ix", "note", ["words"])', unbound) == []
    (found,) = dangers('op.add_column("note", sa.Column("at", sa.Date))', unbound)
    assert "fails when the revision is run again" in found


def findings(tmp_path: Path, upgrade: str, **attributes: object) -> list[str]:
    revision(tmp_path, "0001", None, 'op.create_table("note")')
    revision(tmp_path, "0002", "0001", upgrade, **attributes)
    return [finding.sentence for finding in lint([History("notes", tmp_path)])]


def test_a_reason_or_the_code_that_does_without_it_is_answer_enough(tmp_path: Path) -> None:
    drop = 'op.drop_column("note", "words")'
    assert "older code uses" in findings(tmp_path / "a", drop)[0]
    assert findings(tmp_path / "b", drop, supports="0001") == []
    assert findings(tmp_path / "c", drop, dangerous=REASON) == []
    # Whom it holds up is not answered by who still runs.
    assert findings(tmp_path / "d", 'op.execute("DELETE FROM note")', supports="0001") != []
    assert "write a sentence" in findings(tmp_path / "e", drop, dangerous="because")[0]
    assert "take it away" in findings(tmp_path / "f", "pass", dangerous=REASON)[0]
    assert "supports = '0009'" in findings(tmp_path / "g", "pass", supports="0009")[0]


def test_a_reason_that_was_kept_for_nothing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(migration_lint.LANDED, "notes", {"0007": REASON})
    assert findings(tmp_path, "pass") == ["a reason is kept for a revision that is not there: remove it."]
