"""Every error type has a status and a body that says what to do."""

import msgspec
import pytest

from huiyan import errors as tree
from huiyan.gateway.errors import body_of, headers_of, status_of


def _leaves(cls: type[tree.HuiyanError]) -> list[type[tree.HuiyanError]]:
    below = cls.__subclasses__()
    return [cls] if not below else [leaf for sub in below for leaf in _leaves(sub)]


def _make(cls: type[tree.HuiyanError]) -> tree.HuiyanError:
    if cls is tree.EngineRefusedError:
        return tree.EngineRefusedError("no", status=422)
    if issubclass(cls, (tree.QueueFullError, tree.EngineStartingError)):
        return cls("no", retry_after_s=1.2)
    return cls("no")


LEAVES = _leaves(tree.HuiyanError)


@pytest.mark.parametrize("cls", LEAVES, ids=lambda cls: cls.__name__)
def test_every_leaf_has_a_status(cls: type[tree.HuiyanError]) -> None:
    assert 400 <= status_of(_make(cls)) <= 599


def test_codes_are_unique_and_all_classes_are_drawn_in_the_tree() -> None:
    codes = [cls.code for cls in LEAVES]
    assert len(codes) == len(set(codes))
    assert all(cls.__name__ in (tree.__doc__ or "") for cls in LEAVES)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (tree.InvalidImageError("x"), 400),
        (tree.ImageTimeoutError("x"), 400),
        (tree.ImageDecoderError("x"), 400),
        (tree.ForbiddenError("x"), 403),
        (tree.ModelNotFoundError("x"), 404),
        (tree.ConflictError("x"), 409),
        (tree.ImageMissingError("x", hashes=["a"]), 409),
        (tree.PayloadTooLargeError("x"), 413),
        (tree.UnsupportedMediaTypeError("x"), 415),
        (tree.QueueFullError("x", retry_after_s=3), 429),
        (tree.EngineDiedError("x"), 502),
        (tree.EngineStartingError("x"), 503),
        (tree.EngineTimeoutError("x"), 504),
        (tree.EngineRefusedError("x", status=418), 418),
    ],
)
def test_statuses(error: tree.HuiyanError, status: int) -> None:
    assert status_of(error) == status


def test_the_body_is_openais_with_request_id_and_hint() -> None:
    error = tree.ModelNotFoundError("no such model", hint="take nano", param="model")
    assert msgspec.json.decode(body_of(error, "r-1")) == {
        "error": {
            "message": "no such model",
            "type": "invalid_request_error",
            "code": "model_not_found",
            "param": "model",
            "request_id": "r-1",
            "hint": "take nano",
        }
    }


def test_retry_after_is_rounded_up_to_whole_seconds() -> None:
    assert headers_of(tree.QueueFullError("x", retry_after_s=1.2)) == [(b"retry-after", b"2")]
    assert headers_of(tree.EngineDiedError("x")) == []
