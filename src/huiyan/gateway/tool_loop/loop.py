"""The loop itself: the engine is asked, its tool calls are made, and it is asked again, until it answers.

It stands where a `Run` stands: whoever keeps or reads its answer sees one answer. Each step is a run of its
own with its own limits, budget, turn and record of usage, and each tool call counts as a request.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from huiyan.engines.status import ModelCard
from huiyan.errors import ContextExceededError, EngineTimeoutError, ForbiddenError, HuiyanError
from huiyan.gateway import sse
from huiyan.gateway.access.principal import Scope
from huiyan.gateway.admission import admit_chat
from huiyan.gateway.errors import unexpected
from huiyan.gateway.relay import Sink
from huiyan.gateway.run import Asked, Run, Services
from huiyan.gateway.tool_loop.call import Calls, CallServices, Made
from huiyan.gateway.tool_loop.events import LoopLimit
from huiyan.gateway.tool_loop.offer import Offer
from huiyan.gateway.tool_loop.outlet import Outlet
from huiyan.gateway.tool_loop.prompt import Conversation
from huiyan.gateway.tool_loop.shelf import ReadFiles, Shelf
from huiyan.gateway.tool_loop.stream import EngineAnswer
from huiyan.log import get_logger

_log = get_logger(__name__)

_MAX_WHOLE_BYTES: Final = 16 * 1024 * 1024


class LoopServices(Services, CallServices, Protocol):
    """What a loop needs of its gateway."""

    model: ModelCard
    max_images: int

    def file_reader(self, asked: Asked) -> ReadFiles:
        """For the files of this request; of its caller."""


class ToolLoop:
    """As `run.Run`: `start`, `cancel`, `pause`, `resume`. asked: a chat whose `tool_use` is set."""

    def __init__(self, services: LoopServices, asked: Asked, sink: Sink) -> None:
        """Raises: ForbiddenError, InvalidJsonError."""
        admitted = asked.admitted
        assert admitted.tool_use is not None
        if Scope.TOOLS not in asked.principal.scopes:
            raise ForbiddenError(
                f"The key {asked.principal.name!r} does not have the scope 'tools'.",
                hint="Use a key that has it, or leave `huiyan.tools` out.",
            )
        self._services = services
        self._asked = asked
        self._sink = sink
        self._use = use = admitted.tool_use
        self._files = admitted.files
        self._stream = admitted.stream
        shelf = Shelf(admitted.images, use.files, admitted.files, services.file_reader(asked))
        context_bytes = max(2048, services.model.context_tokens)
        self._offer = Offer(services.tools.tools, use, files=shelf.sentence(), max_bytes=context_bytes)
        self._conversation = Conversation(admitted.body, self._offer.definitions() if self._offer else None)
        self._with_usage = self._conversation.with_usage
        self._affinity = admitted.affinity
        self._outlet = Outlet(sink, stream=self._stream, identity=asked.request_id, model=services.model.id)
        self._calls = Calls(
            services,
            asked,
            self._offer,
            shelf,
            told=self._outlet.event,
            silent=self._keep_alive,
            max_result_bytes=context_bytes // 2,
        )
        self._step = 0
        self._run: Run | None = None
        self._answer = EngineAnswer(self._outlet.delta, self._outlet.comment)
        self._body = bytearray()
        self._status = 0
        self._texts: list[str] = []
        self._task: asyncio.Task[None] | None = None
        self._paused = False
        self._over = False
        self._began = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Ask the engine for the first time. Raises the refusal if there is one already."""
        self._ask()
        self._timer = self._services.loop.call_later(self._use.timeout_s, self._time_over)

    def cancel(self) -> None:
        """Stop the work on it, a tool's as well as the engine's; the sink hears nothing more."""
        self._end()

    def pause(self) -> None:
        self._paused = True
        if self._run is not None:
            self._run.pause()

    def resume(self) -> None:
        self._paused = False
        if self._run is not None:
            self._run.resume()

    # Sink: what the engine answers in this step.

    def on_head(self, status: int, block: bytes, length: int | None) -> None:
        self._outlet.head(status, block)
        if not self._began:
            self._began = True
            self._outlet.event(self._offer.event())

    def on_body(self, data: bytes) -> None:
        if self._over:
            return
        try:
            if self._stream:
                self._answer.feed(data)
            elif len(self._body) <= _MAX_WHOLE_BYTES:
                self._body += data
        except HuiyanError as error:
            self._fail(error)

    def on_end(self) -> None:
        if self._over:
            return
        self._run = None
        try:
            self._stepped()
        except HuiyanError as error:
            self._fail(error)
        except Exception:  # noqa: BLE001 - a task boundary: the client gets an answer whatever happened
            _log.exception("unforeseen", extra={"request_id": self._asked.request_id})
            self._fail(unexpected())

    def on_error(self, error: HuiyanError) -> None:
        if isinstance(error, ContextExceededError) and self._shortened():
            self._again()
        else:
            self._fail(error)

    # The steps.

    def _ask(self) -> None:
        """Raises: HuiyanError."""
        self._step += 1
        first, last = self._step == 1, self._step > self._use.max_steps
        if last:
            self._outlet.event(LoopLimit(reason="steps"))
        admitted = admit_chat(
            self._conversation.body(first=first, last=last),
            self._services.model,
            max_images=self._services.max_images,
        )
        admitted.files = self._files
        # All steps go to the engine that has the conversation in its cache.
        admitted.affinity = self._affinity
        asked = self._asked
        loop = self._services.loop
        step = Asked(
            asked.path,
            admitted,
            asked.principal,
            asked.request_id,
            # What was sent once is counted once.
            asked.received_bytes if first else 0,
            asked.started_s if first else loop.time(),
            asked.deadline_s,
        )
        self._answer = EngineAnswer(self._outlet.delta, self._outlet.comment)
        self._body.clear()
        self._outlet.step()
        self._run = run = Run(self._services, step, self)
        run.start()
        if self._paused:
            run.pause()

    def _again(self) -> None:
        """The next step, from where nobody could hear its refusal."""
        try:
            self._ask()
        except HuiyanError as error:
            if isinstance(error, ContextExceededError) and self._shortened():
                self._again()
            else:
                self._fail(error)

    def _shortened(self) -> bool:
        """The results so far have filled the context: keep their beginnings. False: nothing to cut."""
        if self._over or self._step < 2 or not self._conversation.shorten():
            return False
        self._step -= 1
        self._outlet.event(LoopLimit(reason="context"))
        return True

    def _stepped(self) -> None:
        """The engine has answered. Raises: HuiyanError."""
        answer = self._answer
        whole = None if self._stream else answer.whole(bytes(self._body))
        self._outlet.used(answer.usage)
        text = "".join(answer.text)
        if text:
            self._texts.append(text)
        if answer.calls and self._offer and self._step <= self._use.max_steps and self._is_whole(answer):
            made = self._calls.prepared(answer.calls)
            self._conversation.asked(text, made)
            self._task = self._services.loop.create_task(self._work(made))
            return
        # Calls that nobody will make are no reason to end with.
        reason = "length" if answer.calls else (answer.finish_reason or "stop")
        if whole is not None:
            whole["choices"][0]["message"]["content"] = "\n\n".join(self._texts)
            self._close()
            self._outlet.whole(whole, reason)
        elif self._is_whole(answer):
            self._close()
            self._outlet.finish(reason, answer.finish or {}, with_usage=self._with_usage)
        else:
            # The engine ended without a word: so does this, without [DONE].
            self._close()
            self._sink.on_end()

    def _is_whole(self, answer: EngineAnswer) -> bool:
        return answer.complete or answer.finish_reason is not None

    async def _work(self, made: list[Made]) -> None:
        """Make the calls, one after another, and go on."""
        try:
            for number, (call, wanted, arguments) in enumerate(made):
                text = await self._calls.make(
                    call, wanted, arguments, step=self._step, beyond=number >= self._calls.MAX_AT_ONCE
                )
                self._conversation.answered(call, text)
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001 - a task boundary
            _log.exception("unforeseen", extra={"request_id": self._asked.request_id})
            self._fail(unexpected())
            return
        self._task = None
        if not self._over:
            self._again()

    def _keep_alive(self) -> None:
        self._outlet.comment(sse.KEEP_ALIVE)

    # The end.

    def _time_over(self) -> None:
        began = self._began
        self._end()
        if not began:
            self._sink.on_error(
                EngineTimeoutError(f"There was no answer within {self._use.timeout_s:.0f} s.")
            )
            return
        self._outlet.event(LoopLimit(reason="time"))
        if self._stream:
            self._outlet.finish("length", {}, with_usage=self._with_usage)
        else:
            self._outlet.whole(self._outlet.empty("\n\n".join(self._texts)), "length")

    def _fail(self, error: HuiyanError) -> None:
        if not self._over:
            self._end()
            self._sink.on_error(error)

    def _close(self) -> None:
        """Nothing runs any more, and nothing may begin."""
        self._over = True
        self._calls.let_go()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        self._close()
        run, self._run = self._run, None
        if run is not None:
            run.cancel()
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
