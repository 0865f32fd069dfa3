"""Which release of a feed a component would take, and why not another."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from huiyan import __version__
from huiyan.errors import DowngradeRefusedError, ReleaseFeedError, UpdateNotOfferedError, UpToDateError
from huiyan.launcher.updates.component import Replaceable
from huiyan.messages import refusal
from huiyan.updates.feed import Component, Feed
from huiyan.updates.journal import Journal, Step

#: What a state is called of which nobody wrote down a version.
_DIGEST_CHARS = 12


def label(component: Replaceable, state: str, journal: Journal) -> str:
    """The version of a state, for people. Raises: UpdateError when the journal is damaged."""
    own = component.version_of(state)
    if own is not None:
        return own
    version = ""
    for entry in journal.entries():
        if entry.component == component.name and entry.step is Step.COMMITTED and entry.after == state:
            version = entry.version
    return version or state[:_DIGEST_CHARS]


def previous(component: Replaceable, journal: Journal) -> str | None:
    """The state before the active one, where it is still here."""
    active = component.target.active()
    found = None
    for entry in journal.entries():
        if entry.component == component.name and entry.step is Step.COMMITTED and entry.after == active:
            found = entry.before
    return found if found is not None and found != active and component.has(found) else None


def choose(feed: Feed, component: Replaceable, *, installed: str, version: str | None) -> Component:
    """The newest release that fits, or the one that was asked for.

    installed: version of what is active. Raises: UpdateNotOfferedError, DowngradeRefusedError,
    ReleaseFeedError.
    """
    name = component.name
    if version is not None:
        release = feed.find(name, version)
        if release is None:
            known = ", ".join(each.version for each in feed.component if each.name == name) or "-"
            raise refusal(UpdateNotOfferedError, "update.no_version", name=name, version=version, known=known)
    else:
        release = feed.newest(name, huiyan=__version__)
    if release is None or Version(release.min_huiyan) > Version(__version__):
        waiting = release or next((each for each in feed.component if each.name == name), None)
        if waiting is None:
            known = ", ".join(feed.names()[:20]) or "-"
            raise refusal(UpdateNotOfferedError, "update.not_in_feed", name=name, known=known)
        raise refusal(
            UpdateNotOfferedError,
            "update.needs_huiyan",
            name=name,
            version=waiting.version,
            needed=waiting.min_huiyan,
            huiyan=__version__,
        )
    if release.kind != component.kind:
        raise refusal(
            ReleaseFeedError,
            "release_feed.other_kind",
            name=name,
            version=release.version,
            found=release.kind,
            wanted=component.kind,
        )
    _check_newer(release, installed)
    return release


def _check_newer(release: Component, installed: str) -> None:
    try:
        now = Version(installed)
    except InvalidVersion:
        return  # what came with huiyan or with the model: every release is newer
    words = {"name": release.name, "version": release.version, "installed": installed}
    if release.parsed_version == now:
        raise refusal(UpToDateError, "update.up_to_date", **words)
    if release.parsed_version < now:
        raise refusal(DowngradeRefusedError, "update.downgrade", **words)
