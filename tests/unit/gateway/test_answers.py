"""Answers that are kept: replay, one run, grace, stop, room. The run is a recording stand-in."""

import asyncio
from typing import cast

from huiyan.errors import EngineDiedError, HuiyanError
from huiyan.gateway.answers import Answer, AnswerBook
from huiyan.gateway.run import Run


class FakeRun:
    """Stands in for a run on the engine; only told to cancel."""

    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Client:
    """A sink that records."""

    def __init__(self) -> None:
        self.head: tuple[int, bytes, int | None] | None = None
        self.body = b""
        self.ended = False
        self.error: HuiyanError | None = None

    def on_head(self, status: int, block: bytes, length: int | None) -> None:
        self.head = (status, block, length)

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_end(self) -> None:
        self.ended = True

    def on_error(self, error: HuiyanError) -> None:
        self.error = error


def _book(*, grace_s: float = 60, keep_s: float = 60, max_bytes: int = 1_000) -> AnswerBook:
    return AnswerBook(grace_s=grace_s, keep_s=keep_s, max_bytes=max_bytes)


def _open(book: AnswerBook, key: str = "k") -> tuple[Answer, FakeRun]:
    run = FakeRun()
    return book.open(key, b"f", lambda _: cast("Run", run)), run


async def test_a_second_reader_gets_everything_from_the_beginning_and_then_the_rest() -> None:
    answer, _ = _open(_book())
    first = Client()
    answer.attach(first)
    answer.on_head(200, b"a: b\r\n", None)
    answer.on_body(b"one ")
    late = Client()
    answer.attach(late)
    await asyncio.sleep(0)
    assert late.body == b"one "
    answer.on_body(b"two")
    answer.on_end()
    for client in (first, late):
        assert (client.head, client.body, client.ended) == ((200, b"a: b\r\n", None), b"one two", True)


async def test_a_finished_answer_can_be_read_again_until_it_is_forgotten() -> None:
    book = _book(keep_s=0.02)
    answer, _ = _open(book)
    answer.on_head(200, b"", None)
    answer.on_body(b"x")
    answer.on_end()
    again = Client()
    assert book.get("k") is answer
    answer.attach(again)
    await asyncio.sleep(0)
    assert again.ended
    await asyncio.sleep(0.05)
    assert book.get("k") is None


async def test_without_a_reader_the_run_is_cancelled_after_the_grace_not_before() -> None:
    book = _book(grace_s=0.05)
    answer, run = _open(book)
    reader = answer.attach(Client())
    await asyncio.sleep(0.08)
    seen = [run.cancelled]
    reader.cancel()
    await asyncio.sleep(0)
    seen.append(run.cancelled)
    await asyncio.sleep(0.1)
    assert [*seen, run.cancelled] == [False, False, True]
    assert book.get("k") is None


async def test_a_reader_that_comes_back_in_time_keeps_it_going() -> None:
    book = _book(grace_s=0.05)
    answer, run = _open(book)
    answer.attach(Client()).cancel()
    answer.attach(Client())
    await asyncio.sleep(0.1)
    assert not run.cancelled


async def test_a_failed_answer_is_told_and_forgotten_so_that_the_key_may_run_again() -> None:
    book = _book()
    answer, _ = _open(book)
    client = Client()
    answer.attach(client)
    answer.on_error(EngineDiedError("gone"))
    await asyncio.sleep(0)
    assert isinstance(client.error, EngineDiedError)
    assert book.get("k") is None


async def test_a_slow_reader_catches_up_and_never_holds_the_others_up() -> None:
    answer, _ = _open(_book())
    slow, fast = Client(), Client()
    slow_reader = answer.attach(slow)
    answer.attach(fast)
    answer.on_head(200, b"", None)
    slow_reader.pause()
    answer.on_body(b"abc")
    answer.on_end()
    await asyncio.sleep(0)
    assert (slow.body, slow.ended) == (b"", False)
    assert (fast.body, fast.ended) == (b"abc", True)
    slow_reader.resume()
    assert (slow.body, slow.ended) == (b"abc", True)


async def test_stop_ends_the_run_at_once_and_keeps_what_is_written() -> None:
    book = _book()
    answer, run = _open(book)
    client = Client()
    answer.attach(client)
    answer.on_head(200, b"", None)
    answer.on_body(b"half")
    assert book.cancel("k")
    assert run.cancelled
    assert (client.body, client.ended) == (b"half", True)
    assert not book.cancel("no such key")


async def test_stop_of_a_body_with_a_promised_length_is_an_error_not_a_short_body() -> None:
    book = _book()
    answer, _ = _open(book)
    client = Client()
    answer.attach(client)
    answer.on_head(200, b"", 10)
    assert book.cancel("k")
    await asyncio.sleep(0)
    assert client.error is not None


async def test_finished_answers_make_room_oldest_first() -> None:
    book = _book(max_bytes=100)
    for number in range(6):
        answer, _ = _open(book, f"k{number}")
        answer.on_head(200, b"", None)
        answer.on_body(b"x" * 20)
        answer.on_end()
    assert [book.get(f"k{number}") is not None for number in range(6)] == [
        False,
        True,
        True,
        True,
        True,
        True,
    ]


async def test_one_answer_cannot_take_all_the_room() -> None:
    book = _book(max_bytes=100)
    answer, run = _open(book)
    client = Client()
    answer.attach(client)
    answer.on_head(200, b"", None)
    answer.on_body(b"x" * 26)
    await asyncio.sleep(0)
    assert client.error is not None
    assert run.cancelled
    assert book.get("k") is None
