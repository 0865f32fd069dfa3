"""What a gateway needs before it serves: its certificate, and where others can come in, a first key."""

from __future__ import annotations

from huiyan.gateway import tls
from huiyan.gateway.options import GatewayOptions
from huiyan.launcher.addresses import urls_for_others
from huiyan.launcher.events import Event, Reporter
from huiyan.launcher.first_key import first_key
from huiyan.messages import Text
from huiyan.settings.model import Settings


def open_to_others(
    settings: Settings, reporter: Reporter, port: int
) -> tuple[GatewayOptions, tls.Certificate | None]:
    """The gateway's options with the port and the certificate that it serves (None: plain HTTP). Blocks.

    A first key is reported as an event of its own, once: see `events.Event.key`.
    Raises: SettingsError, CheckRefusedError, StoreError.
    """
    options = settings.gateway.model_copy(update={"port": port})
    certificate = tls.prepare(options.tls, directory=settings.data_dir / "tls", host=options.host)
    if certificate is not None:
        reporter.note(certificate.text)
        options = options.model_copy(update={"tls": certificate.options})
    made = first_key(settings)
    if made is not None:
        reporter.send(Event(kind="first_key", text=made, key=made.args["secret"]))
    others = urls_for_others(options.host, port, certificate)
    if others:
        reporter.note(Text("gateway.others", {"urls": "  ".join(others)}))
        if certificate is None:
            reporter.note(Text("gateway.plain", {}))
    return options, certificate
