"""Documents by the hash of their content."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from services.chassis.blobs import BlobStore, DamagedBlob
from services.chassis.errors import NotFound


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_was_put_is_given_back_and_kept_once(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "documents")
    content = b"%PDF-1.7 bytes \x00\xff"
    sha256 = store.put(content)
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert store.put(content) == sha256
    assert BlobStore(tmp_path / "documents").get(sha256) == content
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("name", ["0" * 64, "../../etc/passwd", "", "A" * 64])
def test_what_was_never_put(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound):
        BlobStore(tmp_path).get(name)


def test_changed_bytes_are_refused(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    sha256 = store.put(b"right")
    files(tmp_path)[0].write_bytes(b"wrong")
    with pytest.raises(DamagedBlob, match="restore"):
        store.get(sha256)


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = BlobStore(tmp_path)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("services.chassis.blobs.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.put(b"content")
    assert files(tmp_path) == []
