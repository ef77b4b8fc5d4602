"""Plain data as YAML that a person reads, and that gives back every text as it was."""

from __future__ import annotations

from typing import Any, Final

WIDTH: Final = 100  # characters of a line, where it can be broken


def yaml_text(value: Any) -> str:
    """The data as YAML: texts of several lines as blocks, those with characters that cannot be seen in double quotes.

    PyYAML (6.0) alone writes U+0085 bare, and reads it as the end of a line.
    """
    import yaml

    class Dumper(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)  # the dashes of a list stand below what they belong to

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        seen = value.replace("\n", "").isprintable()
        style = '"' if not seen else "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
