"""HTTPS: a certificate that somebody brings, or one that is made and renewed here.

Why at all: over plain HTTP from another machine, browsers withhold crypto.subtle, the clipboard, service
workers and storage.persist. The launcher prepares the files (`prepare`), the gateway reads them (`context`).
"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from huiyan.errors import SettingsError
from huiyan.messages import Text, refusal


class TlsOptions(BaseModel):
    """Frozen; unknown names are refused. Without any of them the gateway speaks plain HTTP."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cert: Path | None = Field(None, description="Certificate file (PEM, with its intermediates).")
    key: Path | None = Field(None, description="The certificate's private key (PEM, without password).")
    self_signed: bool = Field(False, description="Make a certificate, and renew it before it expires.")

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key belong together")
        if self.cert is not None and self.self_signed:
            raise ValueError("either cert and key, or self_signed")
        return self

    @property
    def on(self) -> bool:
        return self.cert is not None or self.self_signed


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Files that can be served, and what a person is told of them.

    fingerprint: SHA-256 of the certificate, as browsers show it. made: it was made at this start.
    """

    cert: Path
    key: Path
    fingerprint: str
    names: tuple[str, ...]
    expires_unix_s: float
    self_signed: bool = False
    made: bool = False

    @property
    def options(self) -> TlsOptions:
        """For the gateway's process, which makes nothing itself."""
        return TlsOptions(cert=self.cert, key=self.key, self_signed=False)

    @property
    def text(self) -> Text:
        """What the start prints: until when it holds, and its fingerprint to compare."""
        when = time.strftime("%Y-%m-%d", time.localtime(self.expires_unix_s))
        arguments = {"cert": self.cert, "when": when, "fingerprint": self.fingerprint}
        return Text("tls.made", arguments) if self.made else Text("tls.used", arguments)


def prepare(options: TlsOptions, *, directory: Path, host: str) -> Certificate | None:
    """Look at the certificate, or make one in `directory` for `host`, this machine's names and addresses.

    None: plain HTTP. Raises: SettingsError, CheckRefusedError, DiskFullError, StoreError.
    """
    if options.cert is not None and options.key is not None:
        from huiyan.gateway.certificates import inspect

        found = inspect(options.cert, options.key)
        context(options)
        return found
    if options.self_signed:
        from huiyan.gateway.certificates import local_names, self_signed

        return self_signed(directory, local_names(host))
    return None


def context(options: TlsOptions) -> ssl.SSLContext:
    """For the server's side: TLS 1.2 and newer, HTTP/1.1. Raises: SettingsError."""
    assert options.cert is not None
    assert options.key is not None
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    found.set_alpn_protocols(["http/1.1"])
    # An encrypted key would ask for its password on the terminal, where there may be none.
    try:
        found.load_cert_chain(options.cert, options.key, password=lambda: b"")
    except ssl.SSLError as error:
        raise refusal(SettingsError, "tls.pair", cert=options.cert, key_file=options.key) from error
    except OSError as error:
        raise refusal(SettingsError, "tls.unreadable", path=options.cert, reason=error.strerror) from error
    return found
