"""What goes into a backup, what comes back, and what is refused."""

from __future__ import annotations

import fcntl
import gzip
import io
import json
import shutil
import sqlite3
import stat
import tarfile
from pathlib import Path

import pytest

from services.chassis.clock import SystemClock
from services.chassis.errors import Refused
from services.staff.backup import create as creating
from services.staff.backup.check import check
from services.staff.backup.create import create
from services.staff.backup.restore import restore
from services.staff.cli import run

CLOCK = SystemClock()


def _content(folder: Path) -> dict[str, bytes]:
    """Files by path; databases by their dump, since their bytes differ after a copy."""
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix == ".db":
            connection = sqlite3.connect(file)
            found[str(file.relative_to(folder))] = "\n".join(connection.iterdump()).encode()
            connection.close()
        elif file.is_file() and not file.name.endswith(("-wal", "-shm")):
            found[str(file.relative_to(folder))] = file.read_bytes()
    return found


def test_everything_but_logs_comes_back(data_dir: Path, tmp_path: Path) -> None:
    before = _content(data_dir)
    taken = create(data_dir, tmp_path / "kept", CLOCK)
    assert set(taken.manifest.schemas) == {"identity", "supplies", "metering", "billing", "notifications"}
    assert stat.S_IMODE(taken.file.stat().st_mode) == 0o600
    shutil.rmtree(data_dir)

    done = restore(taken.file, data_dir, CLOCK)
    assert done.aside is None
    after = _content(data_dir)
    assert after == {path: content for path, content in before.items() if not path.startswith("logs")}
    assert stat.S_IMODE((data_dir / "keys" / "billing.key.pem").stat().st_mode) == 0o600
    assert check(taken.file).problems == []


def test_the_folder_holds_whole_backups_only(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "kept"
    create(data_dir, kept, CLOCK)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(creating.os, "fsync", full)
    with pytest.raises(Refused, match="No space left on device"):
        create(data_dir, kept, CLOCK)
    assert len(list(kept.iterdir())) == 1


def test_the_newest_are_kept(data_dir: Path, tmp_path: Path) -> None:
    files = [create(data_dir, tmp_path / "kept", CLOCK, keep=2).file for _ in range(3)]
    assert sorted((tmp_path / "kept").iterdir()) == files[1:]
    noted = json.loads((data_dir / "last-backup.json").read_text())
    assert noted["file"] == str(files[-1])


def test_a_backup_beside_the_data_does_not_swallow_itself(data_dir: Path) -> None:
    first = create(data_dir, data_dir / "backups", CLOCK)
    second = create(data_dir, data_dir / "backups", CLOCK)
    assert len(first.manifest.members) + 1 >= len(second.manifest.members)
    assert not any("backups" in member.path for member in second.manifest.members)
    with pytest.raises(Refused, match="each backup would hold the earlier ones"):
        create(data_dir, data_dir / "elsewhere", CLOCK)


def test_a_disk_without_room_is_said_before_anything_is_written(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creating.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))
    with pytest.raises(Refused, match="has 0 MB free and the backup may need"):
        create(data_dir, tmp_path / "kept", CLOCK)
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_backup_cut_anywhere_is_refused(data_dir: Path, tmp_path: Path) -> None:
    file = create(data_dir, tmp_path / "kept", CLOCK).file
    whole = file.read_bytes()
    for part in (0, 10, len(whole) // 3, len(whole) - 2000):
        file.write_bytes(whole[:part])
        with pytest.raises(Refused, match=r"[Tt]ake another backup"):
            check(file)
        with pytest.raises(Refused):
            restore(file, tmp_path / "empty", CLOCK)
    assert not (tmp_path / "empty").exists()
    assert not list(tmp_path.glob(".empty*"))


def _altered(file: Path, path: str, change: bytes | None) -> None:
    """Writes the archive again with another content of one member, or without it."""
    with tarfile.open(file, "r:gz") as opened:
        members = [(info, opened.extractfile(info)) for info in opened.getmembers()]
        content = [(info, handle.read() if handle else b"") for info, handle in members]
    with tarfile.open(file, "w:gz") as out:
        for info, said in content:
            if info.name == path and change is None:
                continue
            said = change if info.name == path and change is not None else said
            info.size = len(said)
            out.addfile(info, io.BytesIO(said))


@pytest.mark.parametrize(
    ("path", "change", "sentence"),
    [
        ("profile", b"demo-ar\n", "profile in .* is not what was backed up"),
        ("profile", None, "lacks profile"),
        ("manifest.json", None, "has no manifest"),
        ("manifest.json", b"[]", "manifest that cannot be read"),
        ("manifest.json", b'{"format": 9}', "has format 9"),
    ],
)
def test_an_altered_backup_is_refused(
    data_dir: Path, tmp_path: Path, path: str, change: bytes | None, sentence: str
) -> None:
    file = create(data_dir, tmp_path / "kept", CLOCK).file
    _altered(file, path, change)
    with pytest.raises(Refused, match=sentence):
        check(file)


def test_an_archive_never_writes_outside(tmp_path: Path) -> None:
    file = tmp_path / "evil.tar.gz"
    with tarfile.open(file, "w:gz") as out:
        info = tarfile.TarInfo("../outside")
        info.size = 4
        out.addfile(info, io.BytesIO(b"evil"))
    with pytest.raises(Refused, match=r"'\.\./outside', which no backup of ours holds"):
        restore(file, tmp_path / "var", CLOCK)
    assert not (tmp_path / "outside").exists()
    file.write_bytes(gzip.compress(b"no tar at all"))
    with pytest.raises(Refused, match=r"cannot be read to its end|has no manifest"):
        check(file)


def test_what_is_whole_and_not_sound_is_found(data_dir: Path, tmp_path: Path) -> None:
    """A document that is gone from the disk, books that do not balance, a group that has read what nobody wrote."""
    (stored,) = (data_dir / "documents").glob("*/*")
    stored.unlink()
    billing = sqlite3.connect(data_dir / "data" / "billing.db")
    columns = [row[1] for row in billing.execute("PRAGMA table_info(ledger_posting)")]
    values = {"amount": 1}
    billing.execute("PRAGMA foreign_keys=OFF")
    billing.execute(
        f"INSERT INTO ledger_posting ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
        [values.get(column, 7) for column in columns],
    )
    billing.commit()
    billing.close()
    log = sqlite3.connect(data_dir / "data" / "eventlog.db")
    log.execute("INSERT INTO group_offset VALUES ('billing.readings', 1, 40)")
    log.commit()
    log.close()
    file = create(data_dir, tmp_path / "kept", CLOCK).file
    problems = "\n".join(check(file).problems)
    assert "document names the file" in problems
    assert "ledger entry 7 does not sum to zero but to 1" in problems
    assert "names a row of ledger_entry that is not there" in problems
    assert "billing.readings has read coop.billing.invoice.v1[0] up to 40, past its end" in problems
    with pytest.raises(Refused, match="what it holds is not sound"):
        restore(file, tmp_path / "empty", CLOCK)


def test_data_that_are_there_are_only_put_aside(data_dir: Path, tmp_path: Path) -> None:
    file = create(data_dir, tmp_path / "kept", CLOCK).file
    (data_dir / "newer").write_text("since then")
    with pytest.raises(Refused, match="holds data: name an empty folder"):
        restore(file, data_dir, CLOCK)
    done = restore(file, data_dir, CLOCK, replace=True)
    assert done.aside is not None
    assert (done.aside / "newer").read_text() == "since then"
    assert not (data_dir / "newer").exists()


def test_a_folder_in_use_is_left_alone(data_dir: Path, tmp_path: Path) -> None:
    file = create(data_dir, tmp_path / "kept", CLOCK).file
    with (data_dir / "running.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Refused, match="stop it before restoring"):
            restore(file, data_dir, CLOCK, replace=True)


def test_a_backup_of_a_newer_version_is_refused(data_dir: Path, tmp_path: Path) -> None:
    billing = sqlite3.connect(data_dir / "data" / "billing.db")
    billing.execute("UPDATE alembic_version SET version_num = '9999'")
    billing.commit()
    billing.close()
    file = create(data_dir, tmp_path / "kept", CLOCK).file
    with pytest.raises(Refused, match="schema 9999 of billing this version does not know"):
        restore(file, tmp_path / "empty", CLOCK)


def test_the_commands(data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "kept"
    assert run(["backup", "create", str(kept), "--data-dir", str(data_dir), "--json"]) == 0
    taken = json.loads(capsys.readouterr().out)
    assert run(["backup", "verify", taken["file"], "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["problems"], said["events"], said["profile"]) == ([], 1, "demo-es")
    assert run(["backup", "restore", taken["file"], "--data-dir", str(tmp_path / "new"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["instant"] == taken["instant"]
    assert run(["backup", "create", str(kept), "--data-dir", str(tmp_path / "nothing")]) == 1
    assert "holds no database of Acometida" in capsys.readouterr().err
    assert run(["backup", "verify", str(tmp_path / "missing")]) == 2
