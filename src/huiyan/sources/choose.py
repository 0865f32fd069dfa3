"""From what `--hub` says to the sources that are asked, in order."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from huiyan.errors import SettingsError
from huiyan.messages import Text, refusal
from huiyan.sources.huggingface import HuggingFace
from huiyan.sources.huiyan import HuiyanStore
from huiyan.sources.local import LocalDirectory
from huiyan.sources.mirror import Mirror
from huiyan.sources.modelscope import ModelScope
from huiyan.sources.offline import Network
from huiyan.sources.options import StoreOptions
from huiyan.sources.protocol import Source
from huiyan.sources.transfer import TransferOptions

#: A hub that fails is followed by the other; what somebody named themselves is not replaced by anything.
_FALLBACK: Final = {"modelscope": ("modelscope", "huggingface"), "huggingface": ("huggingface", "modelscope")}

_MAX_KEY_BYTES: Final = 4096


def choose(hub: str, options: StoreOptions, network: Network, *, fallback: bool = True) -> list[Source]:
    """hub: one, or several comma-separated, which are tried in the order given.

    fallback: whether one hub named alone is followed by the other. Raises: SettingsError.
    """
    names = [part.strip() for part in hub.split(",") if part.strip()]
    if not names:
        raise refusal(SettingsError, "sources.hub", hub=repr(hub))
    if fallback and len(names) == 1:
        names = list(_FALLBACK.get(names[0].lower(), names))
    return [_source(name, options, network) for name in names]


def _source(name: str, options: StoreOptions, network: Network) -> Source:
    if name.lower() == "modelscope":
        return ModelScope(network, options.modelscope_endpoint, list_timeout_s=_list_timeout_s(options))
    if name.lower() == "huggingface":
        return HuggingFace(network, options.huggingface_endpoint, list_timeout_s=_list_timeout_s(options))
    try:
        parts = urlsplit(name)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise refusal(SettingsError, "sources.hub", hub=repr(name)) from error
    scheme = parts.scheme.lower()
    if scheme == "file" and parts.netloc in ("", "localhost") and parts.path.startswith("/"):
        return LocalDirectory(Path(unquote(parts.path)))
    # A password in the URL would end up in locks and logs.
    if host and parts.username is None and not parts.query and not parts.fragment:
        transfer = TransferOptions.of(options)
        if scheme in ("http", "https"):
            return Mirror(network, name, transfer)
        if scheme in ("huiyan+http", "huiyan+https"):
            token = "" if options.key_file is None else _key(options.key_file)
            return HuiyanStore(network, name[len("huiyan+") :], transfer, token=token)
    raise refusal(SettingsError, "sources.hub", hub=repr(name))


def _list_timeout_s(options: StoreOptions) -> float:
    """A connection and one silence: the hubs' own clients would try for minutes."""
    return options.connect_timeout_s + options.read_timeout_s


def _key(path: Path) -> str:
    """What the file holds, one line. Raises: SettingsError."""
    try:
        with path.expanduser().open("rb") as file:
            key = file.read(_MAX_KEY_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise refusal(SettingsError, "sources.key_file", path=path, reason=str(error)) from error
    if not key or not key.isprintable():
        raise refusal(SettingsError, "sources.key_file", path=path, reason=Text("reason.no_key", {}))
    return key
