"""One call that a model asked for: known, allowed, confirmed, made, and told of."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, Literal, Protocol, TypeVar

import msgspec

from huiyan.errors import (
    ForbiddenError,
    HuiyanError,
    ToolArgumentsError,
    ToolLimitError,
    ToolNotFoundError,
)
from huiyan.gateway.errors import unexpected
from huiyan.gateway.limits import Lease, Limiter, Refused
from huiyan.gateway.run import Asked
from huiyan.gateway.tool_client import ToolClient
from huiyan.gateway.tool_loop.consent import ConsentBook
from huiyan.gateway.tool_loop.events import (
    CallBegun,
    CallConfirm,
    CallDecided,
    CallError,
    CallFailed,
    CallProgress,
    CallResult,
    Reason,
    ToolEvent,
)
from huiyan.gateway.tool_loop.offer import Offer, Offered, reasons
from huiyan.gateway.tool_loop.results import for_model, for_page, harmless
from huiyan.gateway.tool_loop.shelf import Shelf
from huiyan.gateway.tool_loop.stream import Wanted
from huiyan.log import get_logger
from huiyan.tools.catalogue import ToolProgress, ToolResult
from huiyan.tools.manifest import Title

_log = get_logger(__name__)

#: Of what the model wrote, as it is shown.
_MAX_SHOWN: Final = 16_000
#: Progress is told no more often than this.
_PROGRESS_S: Final = 0.25

_T = TypeVar("_T")
Made = tuple[str, Wanted, dict[str, Any]]


class CallServices(Protocol):
    """What calls need of their gateway."""

    loop: asyncio.AbstractEventLoop
    tools: ToolClient
    limiter: Limiter
    consents: ConsentBook
    keep_alive_s: float


class Calls:
    """Of one request. told: hears every event. silent: called now and then while nothing is said."""

    #: Of one step; those beyond are answered with a refusal.
    MAX_AT_ONCE: Final = 8

    def __init__(
        self,
        services: CallServices,
        asked: Asked,
        offer: Offer,
        shelf: Shelf,
        *,
        told: Callable[[ToolEvent], None],
        silent: Callable[[], None],
        max_result_bytes: int,
    ) -> None:
        """asked: only where it is streamed is there somebody who can be asked for consent."""
        assert asked.admitted.tool_use is not None
        self._services = services
        self._principal = asked.principal
        self._request_id = asked.request_id
        self._confirm_timeout_s = asked.admitted.tool_use.confirm_timeout_s
        self._can_ask = asked.admitted.stream
        self._offer = offer
        self._shelf: Shelf | None = shelf
        self._told = told
        self._silent = silent
        self._max_result_bytes = max_result_bytes

    def let_go(self) -> None:
        """Of the files, which may be megabytes."""
        self._shelf = None

    def prepared(self, calls: Sequence[Wanted]) -> list[Made]:
        """Each with an id of its own and its arguments, {} where they are no JSON object."""
        return [(self._services.consents.new_id(), wanted, arguments_of(wanted)[0]) for wanted in calls]

    async def make(
        self, call: str, wanted: Wanted, arguments: dict[str, Any], *, step: int, beyond: bool
    ) -> str:
        """Make one call. The text for the model, whatever came of it; never an error of the loop."""
        offered = self._offer.get(wanted.name)
        name = wanted.name[:100] or "?"
        self._told(
            CallBegun(
                id=call,
                step=step,
                plugin="" if offered is None else offered.plugin.name,
                tool=name if offered is None else offered.info.name,
                title=Title(zh=name[:80], en=name[:80]) if offered is None else offered.info.title,
                arguments=wanted.arguments[:_MAX_SHOWN],
            )
        )
        outcome = "unforeseen"
        try:
            result = await self._made(call, wanted, arguments, beyond=beyond)
            outcome = "tool_error" if result.is_error else "ok"
            return self._brought(call, result)
        except HuiyanError as error:
            outcome = error.code
            return self._failed(call, error)
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except Exception:  # noqa: BLE001 - a tool's trouble, of whatever kind, is this call's alone
            _log.exception("a tool call failed", extra={"request_id": self._request_id})
            return self._failed(call, unexpected())
        finally:
            tool = name if offered is None else f"{offered.plugin.name}/{offered.info.name}"
            self._audit(call, "the model called %s: %s", tool, outcome)

    async def _made(
        self, call: str, wanted: Wanted, arguments: dict[str, Any], *, beyond: bool
    ) -> ToolResult:
        """Raises: HuiyanError."""
        offered = self._offer.get(wanted.name)
        if offered is None:
            names = ", ".join(self._offer.names())
            raise ToolNotFoundError(f"There is no tool {wanted.name[:100]!r}.", hint=f"These are: {names}.")
        if beyond:
            raise ToolLimitError(f"More than {self.MAX_AT_ONCE} calls at once.", hint="Call it again.")
        error = arguments_of(wanted)[1]
        if error is not None:
            raise error
        await self._allowed(call, offered)
        return await self._result(call, offered, arguments)

    def _brought(self, call: str, result: ToolResult) -> str:
        assert self._shelf is not None
        text, cut = for_model(result, self._shelf.put, max_bytes=self._max_result_bytes)
        self._told(
            CallResult(
                id=call,
                is_error=result.is_error,
                content=for_page(result),
                cut=cut,
                duration_s=result.duration_s,
            )
        )
        return text

    async def _allowed(self, call: str, offered: Offered) -> None:
        """Raises: ToolNotFoundError, ToolsUnavailableError, ForbiddenError (its user said no)."""
        now = self._services.tools.find(offered.plugin.name, offered.info.name)
        why = reasons((offered.plugin, offered.info), now)
        if not why:
            return
        by: Literal["user", "timeout", "nobody"] = "nobody"
        allowed = False
        if self._can_ask:
            answer = await self._answer(call, why)
            allowed, by = answer is True, "timeout" if answer is None else "user"
        self._told(CallDecided(id=call, allowed=allowed, by=by))
        tool = f"{offered.plugin.name}/{offered.info.name} ({', '.join(why)})"
        self._audit(call, "%s was %s by " + by, tool, "allowed" if allowed else "refused")
        if not allowed:
            raise ForbiddenError(
                "The user did not allow this call.",
                hint="Answer without it, or ask the user what to do instead.",
            )

    async def _answer(self, call: str, why: list[Reason]) -> bool | None:
        """What the user says; None: nothing, in the time that there is."""
        consents = self._services.consents
        answer = consents.ask(call, self._principal.id)
        try:
            self._told(CallConfirm(id=call, reasons=why, timeout_s=self._confirm_timeout_s))
            async with asyncio.timeout(self._confirm_timeout_s):
                return await self._heard(answer)
        except TimeoutError:
            return None
        finally:
            consents.drop(call)

    async def _result(self, call: str, offered: Offered, arguments: dict[str, Any]) -> ToolResult:
        """Raises: HuiyanError."""
        assert self._shelf is not None
        plugin, tool = offered.plugin.name, offered.info.name
        given = dict(arguments)
        files = await self._shelf.take(given, offered.info.files)
        lease = await leased(self._services.limiter, self._principal, 0)
        told_s = -_PROGRESS_S
        try:
            said = self._services.tools.call(plugin, tool, given, files)
            async with contextlib.aclosing(said):
                while True:
                    each = await self._heard(self._services.loop.create_task(_next(said)))
                    if isinstance(each, ToolResult):
                        return each
                    now_s = self._services.loop.time()
                    if now_s - told_s >= _PROGRESS_S:
                        told_s = now_s
                        self._told(_progress(call, each))
        finally:
            lease.finish()

    async def _heard(self, waiting: asyncio.Future[_T]) -> _T:
        """Its result, with a sign of life now and then."""
        try:
            while True:
                await asyncio.wait([waiting], timeout=self._services.keep_alive_s)
                if waiting.done():
                    return waiting.result()
                self._silent()
        finally:
            if not waiting.done():
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)

    def _audit(self, call: str, message: str, tool: str, outcome: str) -> None:
        extra = {"request_id": self._request_id, "key": self._principal.id, "call": call}
        _log.info(message, tool, outcome, extra=extra)

    def _failed(self, call: str, error: HuiyanError) -> str:
        self._told(
            CallFailed(
                id=call,
                error=CallError(code=error.code, message=error.message[:1000], hint=error.hint[:1000]),
            )
        )
        return harmless(f"The call failed: {error.message[:1000]} {error.hint[:1000]}".strip())


async def leased(limiter: Limiter, caller: Any, size_bytes: int) -> Lease:
    """A call counts as a request of its key. Raises: QueueFullError."""
    answered: asyncio.Future[Lease | Refused] = asyncio.get_running_loop().create_future()

    def told(answer: Lease | Refused) -> None:
        if not answered.done():
            answered.set_result(answer)
        elif not isinstance(answer, Refused):
            answer.finish()  # the client left while this was asked

    limiter.begin(caller, body_bytes=size_bytes, done=told)
    answer = await answered
    if isinstance(answer, Refused):
        answer.error.headers = answer.headers
        raise answer.error
    return answer


def arguments_of(wanted: Wanted) -> tuple[dict[str, Any], ToolArgumentsError | None]:
    """What a model wrote, and what is wrong with it. Nothing at all means no arguments."""
    try:
        value = msgspec.json.decode(wanted.arguments.encode("utf-8", "replace") or b"{}")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value, None
    return {}, ToolArgumentsError("The arguments are no JSON object.", hint="Call it again with an object.")


async def _next(said: AsyncIterator[ToolProgress | ToolResult]) -> ToolProgress | ToolResult:
    return await anext(said)


def _progress(call: str, said: ToolProgress) -> CallProgress:
    return CallProgress(id=call, progress=said.progress, total=said.total, message=said.message)
