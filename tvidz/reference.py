"""The settings reference as Markdown, made from the class that reads the environment."""

from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from tvidz.options import BASE_DIR, Options, variable


def settings_table() -> str:
    """One row a variable: name, default, accepted values, meaning."""
    rows = ["| variable | default | accepted | meaning |", "|---|---|---|---|"]
    for name, info in Options.model_fields.items():
        rows.append(
            f"| `{variable(name)}` | {_default(info)} | {_accepted(info)} | {info.description} |"
        )
    return "\n".join(rows) + "\n"


def _default(info: FieldInfo) -> str:
    value = info.default
    if isinstance(value, Path):
        return f"`{value.relative_to(BASE_DIR)}`"
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    if isinstance(value, bool):
        value = str(value).lower()
    return f"`{value}`" if value not in ("", None) else "empty"


def _accepted(info: FieldInfo) -> str:
    kind: Any = info.annotation
    if get_origin(kind) is UnionType:
        kind = get_args(kind)[0]
    if get_origin(kind) is not None:
        values = [f"`{value}`" for value in get_args(kind) if isinstance(value, str)]
        return " or ".join(values) if values else "a list, comma between"
    words = {bool: "`true` or `false`", int: "whole number", float: "number"}
    word = words.get(kind, "text")
    bounds = [_bound(part) for part in info.metadata]
    return ", ".join([word, *(bound for bound in bounds if bound)])


def _bound(part: object) -> str:
    if isinstance(part, Ge):
        return f"from {part.ge}"
    if isinstance(part, Gt):
        return f"above {part.gt}"
    if isinstance(part, Le):
        return f"to {part.le}"
    if isinstance(part, Lt):
        return f"below {part.lt}"
    return ""
