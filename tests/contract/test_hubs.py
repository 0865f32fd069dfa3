"""The hubs' own clients, unchanged, against the fake hub: what they accept, the fake may say.

And the other way round: what our sources read from the fake is what these clients read from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from huiyan.sources.huggingface import HuggingFace
from huiyan.sources.modelscope import ModelScope
from huiyan.sources.offline import Network
from huiyan.sources.protocol import FileRequest
from huiyan.sources.transfer.documents import Documents
from huiyan.testing.hub import FakeHub
from huiyan.testing.hub_models import small_model

ID = "Qwen/Qwen3-VL-Test"


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub(page_size=4) as hub:
        hub.add(ID, {**small_model(), "nested/deeper/file.json": b"{}"})
        yield hub


@pytest.fixture
def modelscope(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MODELSCOPE_DOWNLOAD_INTRA_CLOUD", "false")
    from modelscope_hub import HubApi
    from modelscope_hub.config import HubConfig

    return HubApi(
        HubConfig(endpoint=hub.url, cache_dir=tmp_path / "cache", config_dir=tmp_path / "home", token="")
    )


def files_below(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and ".cache" not in path.parts
    }


def test_modelscope_lists(hub: FakeHub, modelscope: Any) -> None:
    files = [file for file in modelscope.list_repo_files(ID, "model") if file.type != "tree"]
    expected = hub.models[ID].at("master")
    assert {file.path: (file.size, file.sha256) for file in files} == {
        path: (len(data), hashlib.sha256(data).hexdigest()) for path, data in expected.items()
    }
    ours = ModelScope(Network(), hub.url).list(ID)
    assert {file.path: (file.size_bytes, file.sha256) for file in ours.files} == {
        file.path: (file.size, file.sha256) for file in files
    }


def by_client(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models for which the hub's client was asked."""
    asked: list[str] = []
    ask = ModelScope._by_client

    def counted(self: ModelScope, model_id: str, revision: str) -> Any:
        asked.append(model_id)
        return ask(self, model_id, revision)

    monkeypatch.setattr(ModelScope, "_by_client", counted)
    return asked


def test_a_plain_listing_is_what_the_client_says(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = by_client(monkeypatch)
    plain = ModelScope(Network(), hub.url).list(ID.lower())
    assert not asked
    assert plain.id == ID
    # Without a word about the model, the client asks in another way.
    hub.fail("status", path=r"/openapi/", times=1, status=503)
    assert ModelScope(Network(), hub.url).list(ID.lower()) == plain
    assert asked == [ID.lower()]


@pytest.mark.parametrize("count", [2_999, 3_000])
def test_a_list_that_may_be_cut_is_walked_by_the_client(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    asked = by_client(monkeypatch)
    hub.add("Qwen/Many", {f"{number:04}.json": b"{}" for number in range(count)})
    assert len(ModelScope(Network(), hub.url).list("Qwen/Many").files) == count
    assert bool(asked) == (count == 3_000)


@pytest.mark.parametrize("answer", [b"[]", b"{", b'{"data": {"id": "Other/Model"}, "success": true}'])
def test_answers_that_are_not_plain_are_left_to_the_client(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    asked = by_client(monkeypatch)
    expected = ModelScope(Network(), hub.url).list(ID)
    monkeypatch.setattr(Documents, "read", odd(Documents.read, "/openapi/", answer))
    assert ModelScope(Network(), hub.url).list(ID) == expected
    assert asked == [ID]


def odd(read: Callable[..., bytes], part: str, answer: bytes) -> Callable[..., bytes]:
    def answered(self: Documents, request: FileRequest, *, most_bytes: int) -> bytes:
        return answer if part in request.url else read(self, request, most_bytes=most_bytes)

    return answered


def test_modelscope_downloads_a_snapshot(hub: FakeHub, modelscope: Any) -> None:
    found = files_below(Path(modelscope.download_repo(ID, "model")))
    assert found == hub.models[ID].at("master")


def test_modelscope_resumes_a_cut_file(hub: FakeHub, modelscope: Any) -> None:
    hub.fail("cut", path="/cdn/", after_bytes=100_000)
    path = modelscope.download_file(ID, "model", "model.safetensors")
    assert Path(path).read_bytes() == hub.models[ID].at("master")["model.safetensors"]
    assert any(request.status == 206 for request in hub.file_requests("/cdn/"))


def test_modelscope_knows_what_is_missing(hub: FakeHub, modelscope: Any) -> None:
    from modelscope_hub.errors import NotExistError

    for model_id, revision in (("Qwen/None", "master"), (ID, "gone")):
        with pytest.raises(NotExistError):
            modelscope.list_repo_files(model_id, "model", revision=revision)


def test_modelscope_says_the_exact_case(modelscope: Any) -> None:
    info = modelscope.get_repo(ID.lower(), "model")
    assert f"{info.owner}/{info.name}" == ID


def test_huggingface_lists(hub: FakeHub) -> None:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    api = HfApi(endpoint=hub.url, token=False)
    info = api.model_info(ID.lower())
    assert (info.id, info.sha) == (ID, hub.models[ID].branches["main"])
    files = [file for file in api.list_repo_tree(ID, recursive=True) if isinstance(file, RepoFile)]
    expected = hub.models[ID].at("main")
    # More than one page of them.
    assert {file.path: file.size for file in files} == {path: len(data) for path, data in expected.items()}
    large = {file.path: file.lfs.sha256 for file in files if file.lfs}
    assert large["model.safetensors"] == hashlib.sha256(expected["model.safetensors"]).hexdigest()
    ours = HuggingFace(Network(), hub.url, token_path=Path("/nonexistent")).list(ID)
    assert {file.path: (file.size_bytes, file.sha256, file.git_oid) for file in ours.files} == {
        file.path: (file.size, file.lfs.sha256 if file.lfs else None, None if file.lfs else file.blob_id)
        for file in files
    }


def test_huggingface_downloads_a_snapshot(hub: FakeHub, tmp_path: Path) -> None:
    from huggingface_hub import snapshot_download

    found = snapshot_download(ID, endpoint=hub.url, token=False, cache_dir=tmp_path)
    commit = hub.models[ID].branches["main"]
    assert Path(found).name == commit
    assert files_below(Path(found)) == hub.models[ID].at("main")


def test_huggingface_reads_what_the_hub_says_of_a_file(hub: FakeHub) -> None:
    from huggingface_hub import get_hf_file_metadata

    commit = hub.models[ID].branches["main"]
    data = hub.models[ID].at("main")["model.safetensors"]
    found = get_hf_file_metadata(f"{hub.url}/{ID}/resolve/main/model.safetensors", token=False)
    assert (found.commit_hash, found.etag, found.size) == (
        commit,
        hashlib.sha256(data).hexdigest(),
        len(data),
    )
    assert found.location.startswith(hub.cdn_url)


def test_huggingface_knows_what_is_missing(hub: FakeHub, tmp_path: Path) -> None:
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

    api = HfApi(endpoint=hub.url, token=False)
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("Qwen/None")
    with pytest.raises(RevisionNotFoundError):
        api.model_info(ID, revision="gone")
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(ID, "none.json", endpoint=hub.url, token=False, cache_dir=tmp_path)


def test_huggingface_knows_a_gated_model(hub: FakeHub) -> None:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError

    hub.gated.add(ID)
    with pytest.raises(GatedRepoError):
        HfApi(endpoint=hub.url, token=False).model_info(ID)
