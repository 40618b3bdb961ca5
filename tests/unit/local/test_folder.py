"""The data folder: one holder, one key, one account of what runs."""

import json
import os
import stat
from pathlib import Path

import pytest

from contex.local.errors import FolderInUse
from contex.local.folder import DataFolder


def test_a_folder_has_one_holder_at_a_time(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path), DataFolder(tmp_path)
    first.acquire()
    with pytest.raises(FolderInUse, match=f"process {os.getpid()}") as raised:
        second.acquire()
    assert "--data" in raised.value.advice

    first.release()
    second.acquire()
    second.release()


def test_a_refused_stack_leaves_the_holders_run_file_alone(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path), DataFolder(tmp_path)
    first.acquire()
    first.write_run({"pid": 1})
    with pytest.raises(FolderInUse):
        second.acquire()
    second.release()
    assert json.loads(first.run_file.read_text()) == {"pid": 1}

    first.release()
    assert not first.run_file.exists()


def test_the_secret_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    key = DataFolder(tmp_path).secret_key()
    assert DataFolder(tmp_path).secret_key() == key
    mode = stat.S_IMODE((tmp_path / "secret.key").stat().st_mode)
    assert mode == 0o600, f"expected 0o600, got {mode:o}"
