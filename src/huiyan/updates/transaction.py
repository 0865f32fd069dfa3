"""Replace one component: stage, switch, prove, commit; or back to what was before.

Knows no component: a `Target` does the work of its kind. The journal is written before each step, so that
`recover`, at the next start, can tell what a kill has interrupted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from huiyan import log
from huiyan.errors import HuiyanError, RollbackFailedError, UpdateError
from huiyan.messages import Text, advice_of, cause_of, refusal
from huiyan.updates.journal import Entry, Journal, Step

_log = log.get_logger(__name__)

#: What the journal says of an update that a kill has ended.
INTERRUPTED: Final = Text("component.interrupted_word", {})


class Target(Protocol):
    """One component of this system, and how it is replaced. States are named by digests; "": none."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    def active(self) -> str:
        """What the next start would take."""

    def select(self, state: str) -> None:
        """Make the next start take `state`, atomically and durably; again is harmless.

        Raises: StoreError, UpdateError.
        """

    async def apply(self, state: str) -> None:
        """Make the running system use `state`; without one, nothing. Raises: HuiyanError."""

    async def prove(self, state: str) -> None:
        """Ask the running system a question whose answer is known. Raises: HuiyanError."""


class Staging(Protocol):
    """Brings a release onto this machine; nothing that runs is touched."""

    async def stage(self) -> str:
        """Fetch, verify, compose; returns the state's digest; again continues. Raises: HuiyanError."""


OnStep = Callable[[Entry], None]


async def replace(
    journal: Journal,
    target: Target,
    staging: Staging,
    *,
    version: str,
    on_step: OnStep = lambda _: None,
    examined: bool = True,
) -> Entry:
    """Replace what `target` is by what `staging` brings; returns the last entry.

    examined: False where nothing runs that could be asked; the journal says so for the next start.
    Raises: UpdateError when the new state failed and the old one is back, RollbackFailedError when that
    failed too; what `stage` raises, before anything was touched. A cancelled task rolls back as well.
    """
    before = target.active()
    entry = journal.begin(component=target.name, kind=target.kind, version=version, before=before, after="")
    on_step(entry)

    def note(step: Step, *, after: str | None = None, detail: Text | str = "") -> None:
        nonlocal entry
        entry = journal.note(entry, step, after=after, detail=detail)
        on_step(entry)

    note(Step.STAGING)
    try:
        after = await staging.stage()
    except (HuiyanError, asyncio.CancelledError) as error:
        note(Step.ABANDONED, detail=_told(error))
        raise
    if after == before:
        note(Step.ABANDONED, after=after, detail=Text("component.same_word", {}))
        return entry
    try:
        note(Step.SWITCHING, after=after)
        await target.apply(after)
        note(Step.PROVING)
        await target.prove(after)
        target.select(after)
        entry = journal.note(entry, Step.COMMITTED, unproven=not examined)
        on_step(entry)
    except (HuiyanError, asyncio.CancelledError) as error:
        await _back(journal, target, entry, error, on_step)
        if isinstance(error, asyncio.CancelledError):
            raise
        raise _not_taken(target, version, error) from error
    return entry


async def _back(
    journal: Journal, target: Target, entry: Entry, cause: BaseException, on_step: OnStep
) -> None:
    _log.warning("%s: rolling back: %s", target.name, _said(cause))
    entry = journal.note(entry, Step.ROLLING_BACK, detail=_told(cause))
    on_step(entry)
    try:
        target.select(entry.before)
        await target.apply(entry.before)
    except HuiyanError as error:
        raise refusal(
            RollbackFailedError,
            "component.not_back",
            name=target.name,
            failed=_told(cause),
            cause=cause_of(error),
        ) from error
    on_step(journal.note(entry, Step.ROLLED_BACK, detail=_told(cause)))


async def roll_back(
    journal: Journal, target: Target, *, to: str, version: str, on_step: OnStep = lambda _: None
) -> Entry:
    """Go to an earlier state on somebody's wish: an update of its own, proven and undone like any other.

    Raises: as `replace`.
    """

    class Known:
        async def stage(self) -> str:
            return to

    return await replace(journal, target, Known(), version=version, on_step=on_step)


def recover(journal: Journal, targets: Mapping[str, Target]) -> list[Entry]:
    """End what a kill interrupted, before anything is started; returns what was ended.

    An update that had touched something goes back to the state before it; one that had not is abandoned, and
    running it again continues with the bytes that are there. Raises: StoreError, UpdateError.
    """
    ended = []
    for entry in journal.unfinished():
        target = targets.get(entry.component)
        if entry.touched and target is not None:
            target.select(entry.before)
            ended.append(journal.note(entry, Step.ROLLED_BACK, detail=INTERRUPTED))
        else:
            ended.append(journal.note(entry, Step.ABANDONED, detail=INTERRUPTED))
        _log.warning(
            "the update of %s to %s was interrupted: %s", entry.component, entry.version, ended[-1].step
        )
    return ended


def _not_taken(target: Target, version: str, cause: HuiyanError) -> UpdateError:
    return refusal(
        UpdateError,
        "update.not_taken",
        name=target.name,
        version=version,
        cause=cause_of(cause),
        advice=advice_of(cause) or Text("update.as_before", {}),
    )


def _told(error: BaseException) -> Text | str:
    return cause_of(error) if isinstance(error, HuiyanError) else Text("component.cancelled_word", {})


def _said(error: BaseException) -> str:
    return error.message if isinstance(error, HuiyanError) else "cancelled"
