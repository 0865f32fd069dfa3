"""start_all.sh: the real script on a small checkout, with a stand-in for uv that installs nothing."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

#: `uv venv` makes a folder with a python, `uv pip install …whl` a huiyan that says how it was called.
FAKE_UV = """#!/bin/bash
echo "$UV_DEFAULT_INDEX|$*" >>"$UV_CALLS"
case "$1 $2" in
"--version "*) echo "uv ${FAKE_UV_VERSION:-99.0.0} (stand-in)" ;;
"venv "*) mkdir -p "${!#}/bin" && ln -s "$(command -v python3.11)" "${!#}/bin/python" ;;
"build "*)
    if [ -n "$FAKE_UV_SLEEPS" ]; then sleep 30; fi
    if [ -n "$FAKE_UV_FAILS" ]; then echo "$FAKE_UV_FAILS"; exit 2; fi
    while [ "$1" != --out-dir ]; do shift; done
    mkdir -p "$2" && touch "$2/huiyan-0-py3-none-any.whl" ;;
"pip install")
    case "$*" in *.whl)
        printf '#!/bin/bash\\nprintf "[%%s]" "$@"; env | grep ^HUIYAN_; exit 7\\n' >"${4%/python}/huiyan"
        chmod +x "${4%/python}/huiyan" ;;
    esac ;;
esac
"""

#: A Python whose pip is configured and reaches nothing.
FAKE_PYTHON = f"""#!/bin/bash
case "$1 $2 $3" in
"-m pip config") echo "${{CONFIGURED_INDEX:-}}" ;;
"-m pip install") echo "pip|$*" >>"$UV_CALLS"; echo "ERROR: … (from versions: none)"; exit 1 ;;
"-m pip "*) ;;
*) exec "{sys.executable}" "$@" ;;
esac
"""


class Checkout:
    """A small copy of the repository and an empty home."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "check out"
        self.script = self.root / "start_all.sh"
        self.calls = folder / "uv-calls"
        self.home = folder / "home"
        tools = folder / "tools"
        tools.mkdir()
        self.home.mkdir()
        (tools / "uv").write_text(FAKE_UV)
        (tools / "uv").chmod(0o755)
        (tools / "python3.11").write_text(FAKE_PYTHON)
        (tools / "python3.11").chmod(0o755)
        shutil.copytree(ROOT / "scripts", self.root / "scripts")
        for name in ("start_all.sh", "requirements.lock", "requirements-build.lock", "pyproject.toml"):
            shutil.copy(ROOT / name, self.root)
        (self.root / "hatch_build.py").touch()
        (self.root / "web").mkdir()
        (self.root / "src" / "huiyan").mkdir(parents=True)
        (self.root / "src" / "huiyan" / "cli.py").write_text("first")
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{tools}:/usr/bin:/bin",
            "UV_CALLS": str(self.calls),
        }

    def start(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        """Return exit code, standard output, standard error."""
        done = subprocess.run(
            [str(self.script), *arguments],
            cwd="/",
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def uv_calls(self) -> list[str]:
        """What uv was called for, without the version question; the list is emptied."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return [line for line in lines if not line.endswith("|--version")]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_first_run_prepares_and_hands_over(checkout: Checkout) -> None:
    code, output, words = checkout.start("--no-browser", "two words")
    assert (code, output) == (7, "[start][--no-browser][two words]")
    assert "Preparing" in words
    installs = [call for call in checkout.uv_calls() if "pip install" in call]
    assert "--require-hashes" in installs[0]
    assert "--no-deps" in installs[1]


def test_the_first_run_says_where_the_program_is(checkout: Checkout) -> None:
    program = f'"{checkout.root}/.venv/bin/huiyan"'
    assert f"Where a hint says huiyan: {program}" in checkout.start()[2]
    assert program not in checkout.start()[2]  # a start that prepares nothing says nothing


def test_second_run_does_nothing_but_start(checkout: Checkout) -> None:
    checkout.start()
    checkout.uv_calls()
    assert checkout.start("again") == (7, "[start][again]", "")
    assert checkout.uv_calls() == []


@pytest.mark.parametrize(
    "changed", ["requirements.lock", "pyproject.toml", "hatch_build.py", "src/huiyan/cli.py", "web/new.ts"]
)
def test_a_change_of_the_sources_prepares_anew(checkout: Checkout, changed: str) -> None:
    checkout.start()
    checkout.uv_calls()
    with (checkout.root / changed).open("a") as file:
        file.write("\n# changed\n")
    checkout.start()
    assert any(" build " in f" {call.partition('|')[2]} " for call in checkout.uv_calls())


@pytest.mark.parametrize(
    "made", ["web/node_modules/a.js", "src/huiyan/__pycache__/a.pyc", "src/huiyan/static/a.js"]
)
def test_what_tools_make_is_no_change(checkout: Checkout, made: str) -> None:
    checkout.start()
    (checkout.root / made).parent.mkdir(parents=True)
    (checkout.root / made).touch()
    checkout.uv_calls()
    checkout.start()
    assert checkout.uv_calls() == []


def test_variables_become_options_before_the_given_ones(checkout: Checkout) -> None:
    _, output, _ = checkout.start(
        "--port", "9", MODEL_ID="Qwen/Qwen3-VL-8B-Instruct", MODEL_PATH="/a b", WEB_PORT="8", ENGINE_PORT="7"
    )
    assert output == (
        "[start][--model][Qwen/Qwen3-VL-8B-Instruct][--model-path][/a b]"
        "[--port][8][--engine-port][7][--port][9]"
    )


def test_called_through_a_relative_link(checkout: Checkout) -> None:
    links = checkout.home / "links"
    links.mkdir()
    (links / "start").symlink_to("../../check out/start_all.sh")
    checkout.script = links / "start"
    assert checkout.start()[0] == 7


def test_environment_elsewhere_and_the_program_does_not_see_the_variable(checkout: Checkout) -> None:
    place = checkout.home / "my place"
    code, output, _ = checkout.start(HUIYAN_VENV=str(place))
    assert (code, output) == (7, "[start]")
    assert (place / "huiyan.stamp").is_file()
    assert not (checkout.root / ".venv").exists()


def test_an_environment_of_somebody_else_is_used_as_it_is(checkout: Checkout) -> None:
    program = checkout.root / ".venv" / "bin" / "huiyan"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/bash\necho theirs\n")
    program.chmod(0o755)
    code, output, words = checkout.start()
    assert (code, output) == (0, "theirs\n")
    assert "as it is" in words
    assert checkout.uv_calls() == []


def test_a_folder_of_somebody_else_is_not_touched(checkout: Checkout) -> None:
    (checkout.root / ".venv").mkdir()
    (checkout.root / ".venv" / "precious").touch()
    code, _, words = checkout.start()
    assert code == 3
    assert "HUIYAN_VENV" in words
    assert (checkout.root / ".venv" / "precious").exists()


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        ("error: Failed to fetch: `https://…`", "PIP_INDEX_URL"),
        ("npm error code ENOTFOUND", "npm_config_registry"),
        ("write error: No space left on device", "disk is full"),
        ("Hash mismatch for `pillow`", "lock file records"),
        ("something else", "exit code 2"),
    ],
)
def test_a_failed_step_shows_its_output_and_a_remedy(checkout: Checkout, output: str, remedy: str) -> None:
    code, _, words = checkout.start(FAKE_UV_FAILS=output)
    assert code == 1
    assert output in words
    assert remedy in words
    assert f"{checkout.root}/.venv.log" in words
    assert not (checkout.root / ".venv").exists()


def test_a_failed_update_keeps_the_old_environment(checkout: Checkout) -> None:
    checkout.start()
    (checkout.root / "src" / "huiyan" / "cli.py").write_text("second")
    assert checkout.start(FAKE_UV_FAILS="broken")[0] == 1
    assert (checkout.root / ".venv" / "bin" / "huiyan").exists()
    assert [path.name for path in checkout.root.glob(".venv.new*")] == []
    assert checkout.start()[0] == 7


def test_chinese_where_the_user_reads_it(checkout: Checkout) -> None:
    _, _, words = checkout.start(LANG="zh_CN.UTF-8")
    assert "正在准备" in words
    assert "Preparing" not in words


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopped_half_way_leaves_nothing_running_and_can_be_run_again(
    checkout: Checkout, sent: signal.Signals
) -> None:
    process = subprocess.Popen(
        [str(checkout.root / "start_all.sh")],
        env=checkout.environment | {"FAKE_UV_SLEEPS": "1"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("[3/4]"):
            break
    deadline = time.monotonic() + 20
    while not any("|build" in line for line in checkout.calls.read_text().splitlines()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(sent)
    words = process.stderr.read()  # ends when the last process with this pipe has
    process.stderr.close()
    assert process.wait(timeout=20) == 4
    assert "safe" in words
    assert [path.name for path in checkout.root.glob(".venv.*") if path.is_dir()] == []
    assert checkout.start()[0] == 7


def test_two_at_once_prepare_once(checkout: Checkout) -> None:
    both = [
        subprocess.Popen(
            [str(checkout.root / "start_all.sh"), name],
            env=checkout.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for name in ("one", "two")
    ]
    assert [process.communicate(timeout=60)[0] for process in both] == ["[start][one]", "[start][two]"]
    assert sum("|venv" in call for call in checkout.uv_calls()) == 1


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ({"PIP_INDEX_URL": "http://pip.test/index"}, "http://pip.test/index"),
        ({"UV_DEFAULT_INDEX": "http://uv.test/index"}, "http://uv.test/index"),
        (
            {"UV_DEFAULT_INDEX": "http://uv.test/index", "PIP_INDEX_URL": "http://pip.test/index"},
            "http://uv.test/index",
        ),
        ({"CONFIGURED_INDEX": "http://pip.conf/index"}, "http://pip.conf/index"),
    ],
)
def test_mirrors_reach_uv(checkout: Checkout, given: dict[str, str], used: str) -> None:
    checkout.start(**given)
    assert {call.partition("|")[0] for call in checkout.uv_calls()} == {used}


def test_uv_that_is_too_old_is_not_used(checkout: Checkout) -> None:
    """Then the locked one is fetched with pip, which reaches nothing here."""
    code, _, words = checkout.start(FAKE_UV_VERSION="0.9.30")
    assert code == 1
    assert "PIP_INDEX_URL" in words
    (call,) = checkout.uv_calls()
    assert "--require-hashes" in call
    assert call.endswith("scripts/bootstrap.lock")


def test_no_python_says_what_to_install(checkout: Checkout, tmp_path: Path) -> None:
    tools = tmp_path / "bare"
    tools.mkdir()
    for name in (
        "bash",
        "cat",
        "cksum",
        "cut",
        "dirname",
        "find",
        "head",
        "id",
        "mkdir",
        "sha256sum",
        "sort",
        "uname",
        "wc",
    ):
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    code, _, words = checkout.start(PATH=str(tools))
    assert code == 3
    assert "Python 3.11" in words
    assert "python3" in words
