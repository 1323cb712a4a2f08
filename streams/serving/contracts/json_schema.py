"""JSON Schema of a noun as its readers see it: draft 7, and open to fields that a newer writer adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schemas.noun import Noun

DIALECT = "http://json-schema.org/draft-07/schema#"

#: Bounds of validators of ours, as pydantic writes them down, in the words of JSON Schema.
_BOUNDS = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}

#: ``discriminator`` is OpenAPI's word; ``title`` only repeats the field's name.
_LEFT_OUT = {"discriminator", "title", "additionalProperties"}


def to_json_schema(noun: type[Noun], *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the schema of what is on the wire.

    Missing is absent there, never null; what has one possible value is always written; unknown fields are to be ignored.

    Parameters
    ----------
    without
        Fields that tell the noun from its like in the program, and are not on the wire.
    """
    schema = _mend(noun.model_json_schema(mode="serialization", ref_template="#/definitions/{model}"))
    for name in without:
        schema["properties"].pop(name)
        schema["required"].remove(name)
    definitions = schema.pop("$defs", {})
    opening = {"$schema": DIALECT, "title": noun.__name__}
    return opening | schema | ({"definitions": dict(sorted(definitions.items()))} if definitions else {})


def _mend(node: dict[str, Any]) -> dict[str, Any]:
    """Return a schema in the words of draft 7, without null."""
    mended: dict[str, Any] = {}
    for name, value in node.items():
        if name in {"properties", "$defs"}:
            mended[name] = {key: _mend(child) for key, child in value.items()}
        elif name == "anyOf":
            kept = [_mend(child) for child in value if child.get("type") != "null"]
            mended |= kept[0] if len(kept) == 1 else {"anyOf": kept}
        elif name == "additionalProperties" and isinstance(value, dict):
            mended[name] = _mend(value)
        elif name == "default" and value is None:
            continue
        elif name not in _LEFT_OUT:
            mended[_BOUNDS.get(name, name)] = _mend_value(value)
    if "prefixItems" in mended:
        mended["items"] = mended.pop("prefixItems")
    return _require_constants(mended)


def _mend_value(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return _mend(value)
    if isinstance(value, list):
        return [_mend(child) if isinstance(child, dict) else child for child in value]
    return " ".join(value.split()) if isinstance(value, str) and "\n" in value else value


def _require_constants(schema: dict[str, Any]) -> dict[str, Any]:
    """Demand the fields by which shapes are told apart: they have a default, and are written all the same."""
    fixed = [name for name, child in schema.get("properties", {}).items() if "const" in child]
    required = [*schema.get("required", []), *(name for name in fixed if name not in schema.get("required", []))]
    return schema | {"required": required} if required else schema
