"""How updates stand, as launcher, gateway, page and command line tell each other."""

from __future__ import annotations

from typing import Literal

import msgspec

from huiyan.errors import HuiyanError
from huiyan.messages import of_error

UpdateState = Literal["running", "done", "failed", "cancelled"]


class UpdateFault(msgspec.Struct, frozen=True, kw_only=True):
    """Why an update did not come to pass, as errors have it; `_zh` the same in Chinese."""

    code: str
    message: str
    hint: str = ""
    message_zh: str = ""
    hint_zh: str = ""


def fault_of(error: HuiyanError) -> UpdateFault:
    """In both languages."""
    (message, hint), (message_zh, hint_zh) = of_error(error, "en"), of_error(error, "zh")
    return UpdateFault(code=error.code, message=message, hint=hint, message_zh=message_zh, hint_zh=hint_zh)


class UpdateStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One look at an update; sent whole at each change, at most four times a second.

    step: as the journal spells it (`updates.journal.Step`). total_bytes: 0 while it is not known, or nothing
    has to be fetched. pause_s: for how long requests had to wait so far; None before the switch.
    started_at: Unix time.
    """

    component: str
    kind: str
    version: str
    step: str
    state: UpdateState
    done_bytes: int = 0
    total_bytes: int = 0
    pause_s: float | None = None
    error: UpdateFault | None = None
    started_at: float


class ComponentInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A component as it is, and what the feed has for it.

    state: digest of what is active, "" for what comes with huiyan. available: the version that an update
    would bring; None: none, and `note` (in Chinese `note_zh`) says why where there is more to say. title: of
    that release, by language. size_bytes: to be fetched. pause_s: for how long requests are expected to wait.
    can_roll_back_to: a version.
    """

    name: str
    kind: str
    version: str
    state: str = ""
    available: str | None = None
    note: str | None = None
    note_zh: str | None = None
    title: dict[str, str] | None = None
    size_bytes: int | None = None
    pause_s: float | None = None
    can_roll_back_to: str | None = None


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The last step of one update. at: Unix time. detail: in English, detail_zh: in Chinese."""

    component: str
    kind: str
    version: str
    step: str
    at: float
    detail: str = ""
    detail_zh: str = ""


class PlannedChange(msgspec.Struct, frozen=True, kw_only=True):
    """diff: unified, for people."""

    name: str
    diff: str


class UpdatePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What taking a release would mean. how: `beside`, `restart`, `swap`, `next_request`, … (`update.how.*`).

    download_bytes: to be fetched; kept_bytes: of the component that stay as they are. pause_s: for how long
    new requests are expected to wait; None where nobody knows.
    """

    component: str
    kind: str
    installed: str
    version: str
    title: dict[str, str] = {}
    notes: dict[str, str] = {}
    download_bytes: int
    kept_bytes: int
    pause_s: float | None
    how: str
    changes: list[PlannedChange] = []


class UpdatesReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything at a look. history: newest first. feed: path or URL, as it was configured; None: none is."""

    components: list[ComponentInfo]
    running: UpdateStatus | None = None
    last: UpdateStatus | None = None
    history: list[HistoryEntry] = []
    feed: str | None = None
