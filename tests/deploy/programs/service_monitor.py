"""Published models of the Prometheus operator: a list of ServiceMonitors in, what is wrong with each out.

Runs in the environment of requirements-deploy.lock. The models take fields that they do not know without a
word, so what comes back is compared with what went in.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from cloudcoil.models.prometheus_operator.v1 import ServiceMonitor
from pydantic import ValidationError


def complaint(document: dict[str, Any]) -> str | None:
    try:
        read = ServiceMonitor.model_validate(document)
    except ValidationError as error:
        return str(error)
    written = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return None if written == document else f"not all of it was understood: {written}"


def main() -> None:
    json.dump([complaint(document) for document in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
