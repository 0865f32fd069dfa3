"""TypeScript interfaces for the page: python scripts/typescript.py < schemas/openapi.json.

Every field is written as present: the gateway sends all of them, defaults included.
"""

import json
import sys
from typing import Any

Schema = dict[str, Any]  # a JSON schema

_HEAD = """/**
 * Generated from schemas/openapi.json by scripts/typescript.py. Do not edit: run `just gen`.
 */
"""

_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def type_of(schema: Schema) -> str:
    """The TypeScript type of a JSON schema, as msgspec writes them."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(type_of(option) for option in schema["anyOf"])
    if schema.get("type") == "array":
        inner = type_of(schema["items"])
        return f"({inner})[]" if " " in inner else f"{inner}[]"
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return f"Record<string, {type_of(values) if isinstance(values, dict) else 'unknown'}>"
    return _PLAIN.get(schema.get("type", ""), "unknown")


def comment(schema: Schema) -> str:
    text = " ".join(schema.get("description", "").split())
    return f"/** {text} */\n" if text else ""


def declaration(name: str, schema: Schema) -> str:
    """One `export interface` or `export type`."""
    if "properties" not in schema:
        return f"{comment(schema)}export type {name} = {type_of(schema)};\n"
    fields = "".join(f"  {field}: {type_of(inner)};\n" for field, inner in schema["properties"].items())
    return f"{comment(schema)}export interface {name} {{\n{fields}}}\n"


def main() -> None:
    schemas: dict[str, Schema] = json.load(sys.stdin)["components"]["schemas"]
    sys.stdout.write("\n".join([_HEAD, *(declaration(name, schema) for name, schema in schemas.items())]))


if __name__ == "__main__":
    main()
