"""Helm itself, as a library: [{chart, values, name, namespace}] in, what each gives out.

Runs in the environment of requirements-deploy.lock. `error` instead of `documents` where Helm refuses.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import helm_python
import yaml


def render(wish: dict[str, Any]) -> dict[str, Any]:
    values = wish["values"]
    try:
        chart = helm_python.Chart.load(wish["chart"])
        chart.validate_schema(values)
        texts = chart.render(values, name=wish["name"], namespace=wish["namespace"], is_install=True)
    except helm_python.HelmError as error:
        return {"error": str(error)}
    manifests = {path: text for path, text in texts.items() if path.endswith(".yaml")}
    documents = [found for text in manifests.values() for found in yaml.safe_load_all(text) if found]
    lint = helm_python.lint(wish["chart"], values, strict=True)
    # Severity 1 is advice, such as an icon.
    complaints = [str(message) for message in lint["messages"] if message["severity"] > 1]
    notes = "".join(text for path, text in texts.items() if path.endswith("NOTES.txt"))
    return {"documents": documents, "complaints": complaints, "notes": notes}


def main() -> None:
    json.dump([render(wish) for wish in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
