"""What makes a gateway one of several workers: queue, limits and kept answers are the coordinator's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from huiyan.errors import QueueFullError
from huiyan.gateway.access.principal import Principal
from huiyan.gateway.limits import FREE, NO_LIMITS, Lease, Refused
from huiyan.gateway.service import Gateway
from huiyan.gateway.workers.client import CoordinatorClient, RemoteLease
from huiyan.gateway.workers.shared_answers import SharedAnswerBook


class SharedLimiter:
    """As `limits.Limiter`, over all workers. Keys without limits cost no message."""

    def __init__(self, client: CoordinatorClient) -> None:
        self._client = client

    def begin(
        self, principal: Principal, *, body_bytes: int, done: Callable[[Lease | RemoteLease | Refused], None]
    ) -> None:
        if principal.limits == NO_LIMITS:
            done(FREE)
            return

        def told(result: RemoteLease | QueueFullError) -> None:
            done(Refused(result, result.headers) if isinstance(result, QueueFullError) else result)

        self._client.begin(principal, body_bytes=body_bytes, done=told)


async def join(
    gateway: Gateway, coordinator: Path, worker: int, *, lost: Callable[[], None]
) -> CoordinatorClient:
    """Give the gateway the coordinator's queue, limits and answers. Before it serves.

    coordinator: its socket. lost: it is gone, and with it the reason to go on. Raises: OSError.
    """
    options, traffic = gateway.options, gateway.options.traffic
    client = await CoordinatorClient.connect(
        coordinator, worker, timeout_s=traffic.queue_timeout_s, lost=lost
    )
    client.queue.slots = gateway.queue.slots
    # They have the same methods; one class of each is what the hot path is written for.
    gateway.queue = client.queue  # type: ignore[assignment]
    if options.access.limits_url is None:
        gateway.limiter = SharedLimiter(client)  # type: ignore[assignment]
    answers = SharedAnswerBook(
        client,
        grace_s=options.answer_grace_s,
        keep_s=options.answer_keep_s,
        max_bytes=max(1024, options.answers_max_bytes // traffic.workers),
    )
    gateway.answers = answers
    client.serve_answers(answers)
    client.serve_numbers(gateway.metrics)
    client.serve_consents(gateway.consents)
    gateway.shared = client
    return client
