"""What `huiyan doctor` says last."""

from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.cli import doctor
from huiyan.cli.app import run
from huiyan.messages import Text


@pytest.mark.parametrize(
    ("text", "last"),
    [
        (Text("doctor.not_running", {}), "All is well; start it with: huiyan start"),
        (
            Text("doctor.running", {"url": "http://127.0.0.1:1", "state": "ready"}),
            "All is well, and it is running: http://127.0.0.1:1",
        ),
    ],
)
def test_only_who_has_none_running_is_told_to_start(
    text: Text, last: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finding = doctor.Finding(key="doctor.layer.launcher", state="ok", text=text)
    monkeypatch.setattr(doctor, "examine", lambda settings: iter([finding]))
    assert run(["doctor", "--lang", "en", "--data-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == last
