"""What can be asked for: the OpenAPI document made true, and the same as a page to read."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from streams.serving.problems import PROBLEM_MEDIA_TYPE, Problem
from streams.serving.style import STYLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: What FastAPI says of every address with parameters, and this program never sends: its problems have other statuses.
_NEVER = "422"

_HEADERS = {
    "ETag": {"description": "Tag of these bytes; send it as If-None-Match.", "schema": {"type": "string"}},
    "Link": {"description": "Where the next page is, if there is one (rel=next).", "schema": {"type": "string"}},
}


def finish(document: dict[str, Any]) -> dict[str, Any]:
    """Return an OpenAPI document with what problems look like and with the headers of answers, and without what is never sent."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = Problem.model_json_schema()
    for address in document["paths"].values():
        responses = address["get"]["responses"]
        responses.pop(_NEVER, None)
        for response in responses.values():
            content = response.get("content", {})
            if PROBLEM_MEDIA_TYPE in content:
                content[PROBLEM_MEDIA_TYPE] = {"schema": {"$ref": "#/components/schemas/Problem"}}
                content["text/html"] = {"schema": {"type": "string"}}
            if "text/csv" in content:
                content["text/csv"] = {"schema": {"type": "string"}}
                response["headers"] = _HEADERS
    return document


def to_html(document: Mapping[str, Any], installations: Sequence[str]) -> str:
    """Return the page: each address, its parameters, its answers, and an example to follow."""
    return "".join(_iterate_parts(document, installations))


def _iterate_parts(document: Mapping[str, Any], installations: Sequence[str]) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>How to ask for figures</title>\n'
    yield f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>How to ask for figures</h1>\n"
    yield f"<p>{escape(document['info']['description'])} Everything is read with GET, in a browser or by a program; nothing "
    yield "can be changed. Add <code>format=csv</code> for a table that a spreadsheet opens.</p>\n"
    yield '<p class="meta"><a href="./">The figures</a> · <a href="openapi.json">The same for machines (OpenAPI 3.1)</a></p>\n'
    for path, methods in document["paths"].items():
        yield from _iterate_address(path, methods["get"], installations)
    yield "<h2>When something is wrong</h2>\n<p>The answer has a status from 400 on: in a browser a page with a sentence, for "
    yield "programs JSON with these fields; <em>detail</em> is the sentence, <em>reason</em> a code that does not change.</p>\n"
    yield from _iterate_fields(document["components"]["schemas"]["Problem"]["properties"])
    yield "</body>\n</html>\n"


def _iterate_address(path: str, asked: Mapping[str, Any], installations: Sequence[str]) -> Iterator[str]:
    told = asked["description"].removeprefix("Return ")
    yield f"<h2><code>{escape(path)}</code></h2>\n<p>{escape(told[:1].upper() + told[1:])}</p>\n"
    parameters = asked.get("parameters", [])
    if parameters:
        yield _begin_table("Parameter")
        for parameter in parameters:
            told = escape(_describe(parameter))
            yield f'<tr><th scope="row"><code>{escape(parameter["name"])}</code></th><td class="words">{told}</td></tr>\n'
        yield "</tbody>\n</table></div>\n"
    kinds = sorted({kind for response in asked["responses"].values() for kind in response.get("content", {})})
    yield f'<p class="note">Answers: {escape(", ".join(kinds))}.'
    if "{installation}" not in path or installations:
        address = path.replace("{installation}", installations[0] if installations else "").removeprefix("/") or "./"
        yield f' Try <a href="{escape(address)}">{escape(path.replace("{installation}", address.rpartition("/")[2]))}</a>.'
    yield "</p>\n"


def _describe(parameter: Mapping[str, Any]) -> str:
    schema = parameter["schema"]
    limits = f" From {schema['minimum']} to {schema['maximum']}." if "maximum" in schema else ""
    usual = f" If nothing is said: {schema['default']}." if "default" in schema else ""
    needed = " Always." if parameter.get("required") else ""
    return f"{parameter.get('description', '')}{limits}{usual}{needed}"


def _iterate_fields(fields: Mapping[str, Any]) -> Iterator[str]:
    yield _begin_table("Field")
    for name, field in fields.items():
        yield f'<tr><th scope="row"><code>{escape(name)}</code></th><td class="words">{escape(field["description"])}</td></tr>\n'
    yield "</tbody>\n</table></div>\n"


def _begin_table(what: str) -> str:
    heading = f'<tr><th scope="col">{what}</th><th scope="col" class="words">Says</th></tr>'
    return f'<div class="scroll"><table>\n<thead>{heading}</thead>\n<tbody>\n'
