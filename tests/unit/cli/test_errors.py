"""Exit codes: every error of the tree has one, and people read the error in their language."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from huiyan import errors as tree
from huiyan.cli import errors
from huiyan.messages import refusal


def leaves(kind: type[tree.HuiyanError]) -> Iterator[type[tree.HuiyanError]]:
    below = [each for each in kind.__subclasses__() if each.__module__ == "huiyan.errors"]
    if not below:
        yield kind
    for each in below:
        yield from leaves(each)


#: What people and scripts rely on, written out so that a change of the table is a change here.
EXPECTED = {
    "SettingsError": 2,
    "PullInterruptedError": 4,
    "OfflineError": 3,
    "SourceNotFoundError": 3,
    "SourceDeniedError": 3,
    "FeedError": 3,
    "SnapshotIncompleteError": 3,
    "TensorHeaderError": 3,
    "ModelFileMissingError": 3,
    "DigestMismatchError": 3,
    "DiskFullError": 3,
    "LockError": 3,
    "ModelNotInStoreError": 3,
    "ArchiveRefusedError": 3,
    "ReleaseFeedError": 3,
    "ComponentMismatchError": 3,
    "UpdateRunningError": 3,
    "ComponentUnknownError": 3,
    "NoFeedError": 3,
    "UpToDateError": 3,
    "DowngradeRefusedError": 3,
    "NoRollbackError": 3,
    "BackupRefusedError": 3,
    "MachineCheckError": 3,
    "PortInUseError": 3,
    "AlreadyRunningError": 3,
    "NotOursError": 3,
    "NotRunningError": 3,
    "ServiceManagerError": 3,
    "EngineNotInstalledError": 3,
    "StartFailedError": 3,
}


@pytest.mark.parametrize("kind", list(leaves(tree.HuiyanError)))
def test_every_leaf_has_its_exit_code(kind: type[tree.HuiyanError]) -> None:
    error = kind.__new__(kind)
    assert any(row in kind.__mro__ for row in errors.EXIT_CODES if row is not tree.HuiyanError), (
        f"no row above {kind.__name__} but the root"
    )
    assert errors.exit_code(error) == EXPECTED.get(kind.__name__, errors.FAILED)


@pytest.mark.parametrize("kind", [kind for kind in errors.EXIT_CODES if kind is not tree.HuiyanError])
def test_every_row_is_still_needed(kind: type[tree.HuiyanError]) -> None:
    above = next(row for row in kind.__mro__[1:] if row in errors.EXIT_CODES)
    assert above is tree.HuiyanError or errors.EXIT_CODES[kind] != errors.EXIT_CODES[above]


def run(command: Any, **arguments: Any) -> int:
    with pytest.raises(typer.Exit) as caught:
        errors.guarded(command)(**arguments)
    return int(caught.value.exit_code)


def refuse(*, lang: str | None = None, as_json: bool = False) -> int:
    raise refusal(tree.PortInUseError, "port.in_use", port=8000, flag="--port", free=8001)


def test_an_error_is_what_failed_and_what_mends_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(refuse, lang="en", as_json=False) == 3
    said = capsys.readouterr()
    assert said.out == ""
    first, second = said.err.splitlines()
    assert "8000" in first
    assert "--port 8001" in second


def test_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(refuse, lang="zh", as_json=False) == 3
    said = capsys.readouterr().err
    assert said.startswith("出错：")
    assert "怎么办：" in said


def test_as_json_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(refuse, lang="zh", as_json=True) == 3
    said = capsys.readouterr()
    assert said.err == ""
    error = json.loads(said.out)["error"]
    assert (error["code"], error["param"]) == ("port_in_use", None)
    assert "--port 8001" in error["hint"]


def test_an_interruption_is_4(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> int:
        raise KeyboardInterrupt

    assert run(interrupt) == 4


def test_a_result_is_the_exit_code() -> None:
    assert run(lambda: None) == 0
    assert run(lambda: 4) == 4


def test_a_bug_is_not_hidden() -> None:
    def bug() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        errors.guarded(bug)()


def test_the_tree_is_the_one_in_the_docstring() -> None:
    drawn = tree.__doc__ or ""
    for kind in leaves(tree.HuiyanError):
        assert kind.__name__ in drawn
    assert sys.modules["huiyan.errors"] is tree
