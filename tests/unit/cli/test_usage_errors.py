"""Command lines that are not understood: what a person reads, and what a program."""

from __future__ import annotations

import json

import pytest

from huiyan.cli.app import run


@pytest.mark.parametrize(
    ("line", "said", "command"),
    [
        ("updat", "There is no command updat. Did you mean update?", "huiyan"),
        ("keys creat", "There is no command creat. Did you mean create?", "huiyan keys"),
        ("status --jsonn", "There is no option --jsonn. Did you mean --json?", "huiyan status"),
        ("keys create", "NAME is missing.", "huiyan keys create"),
        ("ask", "[IMAGE]… QUESTION is missing.", "huiyan ask"),
        ("start --port", "--port needs a value after it.", "huiyan start"),
        ("stop this", "This is too much: this", "huiyan stop"),
        ("start --port 99999", "The value of --port does not fit:", "huiyan start"),
    ],
)
def test_what_is_wrong_and_what_to_do(
    line: str, said: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*line.split(), *([] if line == "start --port" else ["--lang=en"])]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert first.startswith(f"Error: {said}")
    assert second == f"What to do: {command} --help"


def test_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "create", "--lang", "zh"]) == 2
    err = capsys.readouterr().err
    assert "缺少 NAME" in err
    assert "怎么办：huiyan keys create --help" in err
    assert "Missing" not in err


def test_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stop", "this", "--json", "--lang", "en"]) == 2
    out, err = capsys.readouterr()
    assert err == ""
    error = json.loads(out)["error"]
    assert (error["code"], error["message"]) == ("usage", "This is too much: this")
    assert "huiyan stop --help" in error["hint"]


def test_no_arguments_show_the_help_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    out, err = capsys.readouterr()
    assert "start" in out + err
    assert "Error" not in out + err


def test_a_failure_keeps_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ask", "no-such-picture.png", "what?", "--lang", "en"]) == 1
    assert "no-such-picture.png" in capsys.readouterr().err
    assert run(["--version"]) == 0
