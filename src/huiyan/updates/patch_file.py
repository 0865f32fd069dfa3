"""What a release carries of a changed shard: its head, and the bytes of the tensors that are new in it.

    the shard's first bytes, up to its first tensor | the changed tensors, in the order of the shard

The head is that of the new shard, so it says where everything belongs; what the patch does not bring is
taken from the shard that is here. Whether the result is the published shard, its SHA-256 decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from huiyan.errors import ComponentMismatchError
from huiyan.messages import refusal
from huiyan.store.tensors import PREFIX_BYTES, Header, Tensor, header_length, parse_header, read_header

_PIECE_BYTES: Final = 4 * 1024 * 1024

#: (offset in the new shard, bytes)
Write = Callable[[int, bytes], None]


def make(new: Path, names: Iterable[str]) -> Iterator[bytes]:
    """The patch of the shard at `new` with the tensors `names`. Raises: TensorHeaderError, OSError."""
    header = read_header(new)
    wanted = set(names)
    with new.open("rb") as file:
        yield from _copy(file, header.data_start)
        for tensor in header.tensors:
            if tensor.name in wanted:
                file.seek(tensor.start)
                yield from _copy(file, tensor.size_bytes)


def apply(patch: Path, old: Path, *, size_bytes: int, names: Iterable[str], write: Write) -> None:
    """Write the whole new shard of `size_bytes`: `names` from the patch, all else from `old`.

    Raises: ComponentMismatchError when the patch does not fit, TensorHeaderError, OSError, and what `write`
    raises.
    """
    wanted = set(names)
    with patch.open("rb") as fresh, old.open("rb") as kept:
        head, header = _head(fresh, size_bytes)
        here = read_header(old).by_name()
        write(0, head)
        for tensor in header.tensors:
            if tensor.name in wanted:
                _move(fresh, tensor, write)
            else:
                _check_form(tensor, here.get(tensor.name))
                kept.seek(here[tensor.name].start)
                _move(kept, tensor, write)
        if fresh.read(1):
            raise refusal(ComponentMismatchError, "fit.more_bytes")


def check_forms(new: Header, old: Header) -> None:
    """The same tensors in the same types and shapes. Raises: ComponentMismatchError, which names one."""
    here = old.by_name()
    for tensor in new.tensors:
        _check_form(tensor, here.pop(tensor.name, None))
    if here:
        raise refusal(ComponentMismatchError, "fit.tensor_missing", name=next(iter(here)))


def _check_form(new: Tensor, old: Tensor | None) -> None:
    if old is None:
        raise refusal(ComponentMismatchError, "fit.tensor_unknown", name=new.name)
    if not new.same_form(old):
        raise refusal(
            ComponentMismatchError,
            "fit.tensor_shape",
            name=new.name,
            new_dtype=new.dtype,
            new_shape=list(new.shape),
            dtype=old.dtype,
            shape=list(old.shape),
        )


def _head(patch: BinaryIO, size_bytes: int) -> tuple[bytes, Header]:
    prefix = patch.read(PREFIX_BYTES)
    head = prefix + patch.read(header_length(prefix, size_bytes=size_bytes) - PREFIX_BYTES)
    return head, parse_header(head, size_bytes=size_bytes)


def _move(source: BinaryIO, tensor: Tensor, write: Write) -> None:
    offset = tensor.start
    for piece in _copy(source, tensor.size_bytes):
        write(offset, piece)
        offset += len(piece)
    if offset != tensor.stop:
        raise refusal(ComponentMismatchError, "fit.cut_short", name=tensor.name)


def _copy(source: BinaryIO, size_bytes: int) -> Iterator[bytes]:
    while size_bytes > 0:
        piece = source.read(min(_PIECE_BYTES, size_bytes))
        if not piece:
            return
        size_bytes -= len(piece)
        yield piece
