"""`multipart/form-data` (RFC 7578) as it streams in: parts bounded while they arrive, files as bytes.

python-multipart's callback parser does the splitting. Its callbacks are bound methods of the reader that
holds it, a reference cycle with megabytes on it: the parser is dropped as soon as the form has ended or
failed, so that nothing waits for the garbage collector.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from huiyan.errors import InvalidFormError, PayloadTooLargeError

_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")  # RFC 2046, 5.1.1

#: What a part's bytes may be encoded as: not at all (RFC 7578, 4.7).
_PLAIN = (b"", b"binary", b"8bit", b"7bit")


@dataclass(frozen=True, slots=True)
class FormLimits:
    """max_text_bytes: of one part that is no file, the part `request` apart (max_request_bytes)."""

    max_total_bytes: int = 96 * 1024 * 1024
    max_file_bytes: int = 32 * 1024 * 1024
    max_request_bytes: int = 96 * 1024 * 1024
    max_text_bytes: int = 1024 * 1024
    max_files: int = 16
    max_texts: int = 64
    max_name_bytes: int = 200
    max_header_bytes: int = 4096
    max_headers: int = 8


@dataclass(frozen=True, slots=True)
class Part:
    """One part. filename: None where the client gave none; never a path to anything here."""

    name: str
    filename: str | None
    media_type: str
    data: bytes

    @property
    def is_file(self) -> bool:
        return self.filename is not None or self.media_type.startswith("image/")


@dataclass(slots=True)
class _Open:
    """The part that is being read."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    field_name: bytes = b""
    field_value: bytes = b""
    name: str = ""
    filename: str | None = None
    media_type: str = ""
    max_bytes: int = 0
    size_bytes: int = 0
    pieces: list[bytes] = field(default_factory=list)


class MultipartReader:
    """`feed` the body as it arrives, then `finish`. Both raise InvalidFormError, PayloadTooLargeError.

    After an error nothing more may be fed.
    """

    __slots__ = ("_ended", "_files", "_limits", "_open", "_parser", "_parts", "_texts", "_total_bytes")

    def __init__(self, content_type: bytes, limits: FormLimits) -> None:
        """content_type: the header's value, with its boundary. Raises: InvalidFormError."""
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if not _BOUNDARY.fullmatch(boundary):
            raise InvalidFormError(
                "The form's Content-Type has no valid boundary.",
                hint="Let the client library write this header; do not set it by hand.",
            )
        self._limits = limits
        self._parts: list[Part] = []
        self._files = 0
        self._texts = 0
        self._total_bytes = 0
        self._open: _Open | None = None
        self._ended = False
        self._parser: MultipartParser | None = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
            max_header_count=limits.max_headers,
            max_header_size=limits.max_header_bytes,
        )

    def feed(self, data: bytes) -> None:
        """A piece of the body, cut anywhere."""
        self._total_bytes += len(data)
        if self._total_bytes > self._limits.max_total_bytes:
            self.drop()
            raise PayloadTooLargeError(
                f"The form is larger than the limit of {self._limits.max_total_bytes:,} bytes.",
                hint="Send fewer or smaller pictures.",
            )
        if self._parser is None:
            raise InvalidFormError("The form was given up before its end.")
        try:
            self._parser.write(data)
        except FormParserError as error:
            self.drop()
            raise InvalidFormError(f"The form cannot be read: {error}.") from None
        except BaseException:
            self.drop()
            raise

    def finish(self) -> list[Part]:
        """The form's parts in their order, once its last byte was fed."""
        parts, ended = self._parts, self._ended
        self.drop()
        if not ended:
            raise InvalidFormError("The form ends before its closing boundary.", hint="Send it again, whole.")
        return parts

    def drop(self) -> None:
        """Let go of the parser and of everything read."""
        self._parser = None
        self._open = None
        self._parts = []

    # What the parser reports.

    def _part_begin(self) -> None:
        self._open = _Open()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._part.field_name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._part.field_value += data[start:end]

    def _header_end(self) -> None:
        part = self._part
        name = part.field_name.lower()
        if name in part.headers:
            raise InvalidFormError(f"A part of the form has its header {name.decode('latin-1')!r} twice.")
        part.headers[name] = part.field_value
        part.field_name = part.field_value = b""

    def _headers_finished(self) -> None:
        part, limits = self._part, self._limits
        disposition, options = parse_options_header(part.headers.get(b"content-disposition"))
        name = options.get(b"name", b"")
        if disposition != b"form-data" or not name:
            raise InvalidFormError("A part of the form has no name.")
        if len(name) > limits.max_name_bytes:
            raise InvalidFormError(
                f"A part's name has {len(name):,} bytes; the limit is {limits.max_name_bytes}."
            )
        encoding = part.headers.get(b"content-transfer-encoding", b"").strip().lower()
        if encoding not in _PLAIN:
            raise InvalidFormError(
                f"A part is encoded as {encoding.decode('latin-1')!r}.",
                hint="Send files as they are, without Content-Transfer-Encoding.",
            )
        part.name = _text(name)
        filename = options.get(b"filename")
        part.filename = None if filename is None else _text(filename)
        part.media_type = _text(parse_options_header(part.headers.get(b"content-type"))[0]).lower()
        if part.name == "request":
            part.max_bytes = limits.max_request_bytes
        elif part.filename is not None or part.media_type.startswith("image/"):
            part.max_bytes = limits.max_file_bytes
            self._files += 1
            if self._files > limits.max_files:
                raise PayloadTooLargeError(
                    f"The form has more than {limits.max_files} files.",
                    hint="Send fewer pictures at once, or ask about them in several requests.",
                )
        else:
            part.max_bytes = limits.max_text_bytes
            self._texts += 1
            if self._texts > limits.max_texts:
                raise InvalidFormError(f"The form has more than {limits.max_texts} parts beside its files.")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        part.size_bytes += end - start
        if part.size_bytes > part.max_bytes:
            raise PayloadTooLargeError(
                f"The form's part {part.name!r} is larger than the limit of {part.max_bytes:,} bytes.",
                hint="Save the picture smaller, or as JPEG, and send it again.",
            )
        part.pieces.append(data[start:end])

    def _part_end(self) -> None:
        part, self._open = self._part, None
        data = part.pieces[0] if len(part.pieces) == 1 else b"".join(part.pieces)
        self._parts.append(Part(part.name, part.filename, part.media_type, data))

    def _end(self) -> None:
        self._ended = True

    @property
    def _part(self) -> _Open:
        if self._open is None:
            raise InvalidFormError("The form has data outside of its parts.")
        return self._open


def _text(value: bytes) -> str:
    """A header's value: UTF-8 as browsers and curl send it; control characters are nobody's name."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidFormError("A part's header is not UTF-8.") from None
    if not text.isprintable():
        raise InvalidFormError("A part's header has control characters.")
    return text
