"""A feed on this machine gives what lies beside it, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.errors import ReleaseFeedError
from huiyan.updates.place import LocalPlace


@pytest.fixture
def place(tmp_path: Path) -> LocalPlace:
    beside = tmp_path / "feed"
    (beside / "files").mkdir(parents=True)
    (beside / "components.toml").write_text("schema = 1\n")
    (beside / "files" / "adapter.json").write_bytes(b"x" * 3_000_000)
    (beside / "link").symlink_to(tmp_path / "secret")
    (beside / "inner").symlink_to("files/adapter.json")
    (tmp_path / "secret").write_text("secret")
    return LocalPlace(beside)


def test_the_feed_and_what_lies_beside_it(place: LocalPlace, tmp_path: Path) -> None:
    assert place.feed().component == ()
    assert LocalPlace(tmp_path / "feed" / "components.toml").feed() == place.feed()
    assert sum(map(len, place.pieces("files/adapter.json"))) == 3_000_000
    assert sum(map(len, place.pieces("inner"))) == 3_000_000


@pytest.mark.parametrize(
    "url", ["../secret", "link", "files", "none", "https://example.org/x", "/etc/passwd", ""]
)
def test_nothing_else_is_given(place: LocalPlace, url: str) -> None:
    with pytest.raises(ReleaseFeedError) as caught:
        list(place.pieces(url))
    assert "secret" not in caught.value.message.replace("../secret", "")


def test_a_missing_feed_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(ReleaseFeedError, match="cannot be read") as caught:
        LocalPlace(tmp_path / "none").feed()
    assert "--feed" in caught.value.hint
