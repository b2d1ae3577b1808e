"""Writes the subset of TOML that postern.toml needs: tables of scalars and lists, and arrays of tables."""

import json


def dumps(config: dict) -> str:
    plain, tables = [], []
    for name, value in config.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for record in value:
                tables += ["", f"[[{name}]]", *_rows(record)]
        elif isinstance(value, dict):
            tables += _table(name, value)
        elif value != []:
            plain.append(f"{name} = {_value(value)}")
    return "\n".join(plain + tables) + "\n"


def _table(name: str, table: dict) -> list[str]:
    nested = {key: value for key, value in table.items() if isinstance(value, dict)}
    own = {key: value for key, value in table.items() if key not in nested}
    lines = ["", f"[{name}]", *_rows(own)] if own else []
    for key, value in nested.items():
        lines += _table(f"{name}.{key}", value)
    return lines


def _rows(record: dict) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in record.items()]


def _value(value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(str(value))
