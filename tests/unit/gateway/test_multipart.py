"""Forms as clients send them, cut into pieces anywhere, and forms that are wrong."""

from __future__ import annotations

import gc
import weakref

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from huiyan.errors import InvalidFormError, PayloadTooLargeError, RequestError
from huiyan.gateway.multipart import FormLimits, MultipartReader, Part

LIMITS = FormLimits(
    max_total_bytes=100_000,
    max_file_bytes=50_000,
    max_request_bytes=60_000,
    max_text_bytes=1_000,
    max_files=3,
    max_texts=5,
)
TYPE = b"multipart/form-data; boundary=XX"


def part(name: str, data: bytes, *, filename: str | None = None, more: str = "") -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        head += f'; filename="{filename}"'
    return b"--XX\r\n" + head.encode() + b"\r\n" + more.encode() + b"\r\n" + data + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--XX--\r\n"


def read(body: bytes, *, step: int | None = None, limits: FormLimits = LIMITS) -> list[Part]:
    reader = MultipartReader(TYPE, limits)
    for at in range(0, len(body), step or len(body) or 1):
        reader.feed(body[at : at + (step or len(body))])
    return reader.finish()


@pytest.mark.parametrize("step", [1, 2, 7, 64, None])
def test_parts_come_out_whole_however_they_were_cut(step: int | None) -> None:
    data = bytes(range(256)) * 4 + b"\r\n--X\r\n--XY\r\n--"
    body = form(
        part("prompt", "这是什么？".encode()),
        part("image", data, filename="图.jpg", more="Content-Type: image/jpeg\r\n"),
        part("image", b"", filename=""),
    )
    assert read(body, step=step) == [
        Part("prompt", None, "", "这是什么？".encode()),
        Part("image", "图.jpg", "image/jpeg", data),
        Part("image", "", "", b""),
    ]


def test_a_part_of_an_image_type_is_a_file_also_without_a_file_name() -> None:
    (found,) = read(form(part("image", b"x", more="Content-Type: Image/PNG\r\n")))
    assert found.is_file


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "ends before"),
        (b"--XX\r\n", "ends before"),
        (form(part("a", b"1"))[:-8], "ends before"),
        (b"no boundary at all", "cannot be read"),
        (b"--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n--XX--", "no name"),
        (b'--XX\r\nContent-Disposition: attachment; name="a"\r\n\r\nx\r\n--XX--', "no name"),
        (b"--XX\r\n\r\nx\r\n--XX--", "no name"),
        (form(part("a" * 300, b"1")), "300 bytes"),
        (form(part("a", b"1", more="X-Long: " + "y" * 5000 + "\r\n")), "cannot be read"),
        (form(part("a", b"1", more="X-A: 1\r\n" * 2)), "twice"),
        (form(part("a", b"1", more="".join(f"X-{n}: 1\r\n" for n in range(20)))), "cannot be read"),
        (form(part("a", b"1", more="Content-Transfer-Encoding: base64\r\n")), "base64"),
        (form(part("a\x01", b"1")), "control characters"),
        (form(*[part(f"t{n}", b"1") for n in range(6)]), "more than 5 parts"),
    ],
)
def test_broken_forms_are_named(body: bytes, word: str) -> None:
    with pytest.raises(InvalidFormError, match=word) as caught:
        read(body)
    assert caught.value.hint


@pytest.mark.parametrize(
    "body",
    [
        form(part("prompt", bytes(9_000))),
        form(part("image", bytes(90_000), filename="a")),
        form(part("request", bytes(90_000))),
        form(*[part("image", bytes(40_000), filename="a")] * 3),
        form(*[part("image", b"1", filename="a")] * 4, part("image", bytes(9_000), filename="a")),
    ],
    ids=["text", "file", "request", "all together", "number of files"],
)
def test_what_is_too_large_is_refused_before_it_has_all_arrived(body: bytes) -> None:
    reader = MultipartReader(TYPE, LIMITS)
    with pytest.raises(PayloadTooLargeError) as caught:  # noqa: PT012  # which feed raises is the point
        for at in range(0, len(body), 500):
            reader.feed(body[at : at + 500])
    assert caught.value.hint
    assert at < len(body) - 5_000
    with pytest.raises(RequestError):
        reader.feed(b"more")


@pytest.mark.parametrize(
    "content_type",
    [
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b"multipart/form-data; boundary=" + b"x" * 71,
        b'multipart/form-data; boundary="a\x00b"',
    ],
)
def test_a_boundary_is_needed(content_type: bytes) -> None:
    with pytest.raises(InvalidFormError, match="boundary"):
        MultipartReader(content_type, LIMITS)


def test_a_form_that_is_over_holds_nothing_until_the_garbage_collector_comes() -> None:
    gc.disable()
    try:
        reader = MultipartReader(TYPE, LIMITS)
        reader.feed(form(part("image", bytes(1000), filename="a")))
        assert reader._parser is not None
        gone = weakref.ref(reader._parser)
        assert len(reader.finish()) == 1
        assert gone() is None
    finally:
        gc.enable()


@seed(20_260_103)
@settings(max_examples=150, deadline=None, database=None)
@given(
    parts=st.lists(
        st.tuples(
            st.text(
                st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"\\;'), min_size=1
            ),
            st.binary(max_size=300),
        ),
        max_size=3,
    ),
    step=st.integers(1, 400),
)
def test_any_form_is_read_as_it_was_written(parts: list[tuple[str, bytes]], step: int) -> None:
    parts = [(name, data) for name, data in parts if b"\r\n--XX" not in b"\r\n" + data and len(name) < 200]
    if not parts:
        return
    found = read(form(*[part(name, data, filename="f") for name, data in parts]), step=step)
    assert [(one.name, one.data) for one in found] == parts


@seed(20_260_104)
@settings(max_examples=400, deadline=None, database=None)
@given(
    pieces=st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from(
                [
                    *(b"--XX", b"--XX--", b"\r\n", b"\r", b"\n", b": ", b'name="a"', b"; ", b"\x00"),
                    b"Content-Disposition: form-data",
                    b'Content-Disposition: form-data; name="request"\r\n\r\n',
                    part("image", b"1", filename="a"),
                    part("prompt", b"1"),
                ]
            ),
        ),
        max_size=12,
    ),
    step=st.integers(1, 50),
)
def test_whatever_arrives_is_read_or_refused_with_our_errors(pieces: list[bytes], step: int) -> None:
    body = b"".join(pieces)
    try:
        whole = read(body)
    except RequestError as error:
        with pytest.raises(type(error)):
            read(body, step=step)
    else:
        assert read(body, step=step) == whole
