"""How far the fetch of a model is, as launcher, gateway and page tell each other."""

from __future__ import annotations

from typing import Literal

import msgspec

FetchState = Literal["running", "done", "failed", "cancelled"]


class FetchStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One look at a fetch; sent whole at each change, at most a few times a second.

    phase: what is being done now (`listing`, `fetching`, `checking`, …). file: the one that is being fetched.
    total_bytes: 0 while it is not known. rate_bytes_per_s: of the last seconds. eta_s: None where unknown.
    code, message, hint: why it failed, as errors have it; `_zh` the same in Chinese.
    next: what it takes until the model answers, once it is fetched.
    """

    id: str
    state: FetchState
    phase: str = ""
    file: str = ""
    done_bytes: int = 0
    total_bytes: int = 0
    rate_bytes_per_s: float = 0.0
    eta_s: float | None = None
    code: str = ""
    message: str = ""
    hint: str = ""
    message_zh: str = ""
    hint_zh: str = ""
    next: Literal["", "restart", "switch"] = ""


class StoredModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that is here. digest: of its lock. previous: one can go back to what was here before.

    pulled_at: UTC, ISO 8601; "" where it is not known. damaged: a pull mends it.
    """

    id: str
    digest: str
    size_bytes: int
    previous: bool
    pulled_at: str
    damaged: bool = False
