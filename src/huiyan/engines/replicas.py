"""The list of engines that somebody else runs and changes: what its source writes and the gateway reads.

    GET <url>                                  the list of now
    GET <url>?after=<revision>&wait_s=<20>     the next one, or after that time the same once more

It comes over the network, and what is in it ends in addresses, headers, logs and labels of metrics: whoever
decodes it into these types has it checked.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec

from huiyan.engines.status import EngineEndpoint

#: More engines than one gateway is meant for; and of bytes what so many need.
MAX_REPLICAS: Final = 512
MAX_LIST_BYTES: Final = 1024 * 1024

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Url = Annotated[
    str, msgspec.Meta(pattern=r"^http://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}/?$", max_length=300)
]
#: Visible ASCII: it is written into a header.
Secret = Annotated[str, msgspec.Meta(pattern=r"^[!-~]*$", max_length=512)]
Revision = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{0,64}$")]


class Replica(msgspec.Struct, frozen=True, kw_only=True):
    """One engine. slots: answers that it writes at the same time; None: it decides itself (vLLM)."""

    name: Name
    url: Url
    api_key: Secret = ""
    dialect: Literal["vllm", "llama_cpp"] = "vllm"
    slots: Annotated[int, msgspec.Meta(ge=1, le=65536)] | None = None

    def __repr__(self) -> str:
        return f"Replica({self.name}, {self.url})"

    def endpoint(self) -> EngineEndpoint:
        """Raises: ValueError for a port that there cannot be."""
        parts = urlsplit(self.url)
        return EngineEndpoint(
            host=parts.hostname or "",
            port=parts.port or 80,
            api_key=self.api_key,
            dialect=self.dialect,
            slots=self.slots,
        )


class ReplicaList(msgspec.Struct, frozen=True, kw_only=True):
    """revision: another one for another list; "" where the source cannot wait for changes."""

    replicas: Annotated[list[Replica], msgspec.Meta(max_length=MAX_REPLICAS)]
    revision: Revision = ""


def read_list(body: bytes) -> ReplicaList:
    """Raises: ValueError (msgspec's errors are of that kind) for what is no such list."""
    found = msgspec.json.decode(body, type=ReplicaList)
    names = [each.name for each in found.replicas]
    if len(set(names)) != len(names):
        raise ValueError("two engines have the same name")
    for each in found.replicas:
        each.endpoint()
    return found
