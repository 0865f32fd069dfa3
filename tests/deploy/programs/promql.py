"""Prometheus' grammar: a list of expressions in, what is wrong with each out.

Runs in the environment of requirements-deploy.lock.
"""

from __future__ import annotations

import json
import sys

import promql_parser


def complaint(expression: str) -> str | None:
    try:
        promql_parser.parse(expression)
    except ValueError as error:
        return str(error)
    return None


def main() -> None:
    json.dump([complaint(expression) for expression in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
