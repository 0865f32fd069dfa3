"""How an update of a running huiyan stands, as the control socket and the page are told it."""

from __future__ import annotations

from typing import Literal

import msgspec

from huiyan.updates.status import UpdateFault, UpdateStatus


class UpgradeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """step: of the journal. detail: what it is doing, in English. pause_s: how long new requests waited."""

    component: str
    kind: str
    version: str
    step: str
    state: Literal["running", "done", "failed", "cancelled"] = "running"
    detail: str = ""
    done_bytes: int = 0
    total_bytes: int = 0
    pause_s: float | None = None
    error: UpdateFault | None = None
    started_at: float = 0.0


def as_update(status: UpgradeStatus) -> UpdateStatus:
    """As updates of other components are told."""
    return UpdateStatus(
        component=status.component,
        kind=status.kind,
        version=status.version,
        step=status.step,
        state=status.state,
        pause_s=status.pause_s,
        error=status.error,
        started_at=status.started_at,
    )
