"""A space, or a study, as ASTRA YAML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from multiverse.errors import Problem, SpaceError, near_miss
from multiverse.interchange.conditions import Condition, conditions_of, labels_by_decision, rule_of
from multiverse.interchange.ids import all_option_ids, decision_ids, each_its_own, slug
from multiverse.interchange.noted import option_notes, patterns, rules_of, value_notes
from multiverse.interchange.notes import MARK, Notes, write
from multiverse.interchange.pairs import Choice, Pairs, pairs
from multiverse.interchange.yaml_text import yaml_text
from multiverse.space.counted import counted
from multiverse.space.decision import Decision
from multiverse.space.option import KINDS
from multiverse.space.space import Space
from multiverse.study import ESTIMATE, Study

ASTRA: Final = "0.0.14"  # version of astra-spec that we write; alpha, so a later one may differ
FORMAT: Final = "ASTRA"

Ids = Mapping[str, Mapping[str, str]]


def to_astra(study_or_space: Study | Space, *, rationale: Mapping[str, str] | None = None) -> str:
    """A study, or its space, as the text of an `astra.yaml` (astra-spec 0.0.14), which `from_astra` reads back.

    rationale: decision -> why there is something to choose; beside what `Decision.rationale` says.

    Labels, reasons (`description`), references (`default`), kinds (`tags`), conditions (`when`) and pairs of options
    that never meet (`requires`, `incompatible_with`) are in ASTRA's own words. What it has no words for, as values,
    stands in comments that begin with `#:`. An option in no universe is `excluded`.
    Raises SpaceError where the space is not sound, and FormatError, naming them, for rules that ASTRA cannot say.
    """
    study = study_or_space if isinstance(study_or_space, Study) else None
    space = study_or_space.space if isinstance(study_or_space, Study) else study_or_space
    _check(space, rationale or {})
    names, options = decision_ids(space.decisions), all_option_ids(space.decisions)
    found, whens = in_astra(space)
    rules = rules_of(space)
    told: dict[str, Any] = {"version": ASTRA} | _about(study, names)
    told["decisions"] = {
        names[name]: _decision(name, decision, space, names, options, found, whens, rationale or {}, rules)
        for name, decision in space.decisions.items()
    }
    head = [
        f"# {counted(space.size, 'universe')} of {counted(len(space.decisions), 'decision')}.",
        f"# Lines that begin with `{MARK}` say in TOML what ASTRA has no words for; multiverse reads them back.",
        "",
    ]
    return "\n".join(head) + yaml_text(told) + "\n" + write(Notes(_noted(space, names, options, found), rules))


def in_astra(space: Space) -> tuple[Pairs, dict[str, tuple[Condition, ...]]]:
    """What ASTRA says of a space: the pairs of options that never meet, and when decisions apply."""
    whens = conditions_of(space)
    labels = labels_by_decision(space.decisions)
    found = pairs(space, FORMAT, {name: rule_of(asked, labels, whens) for name, asked in whens.items()})
    silent = {name for name, own in labels.items() if {Choice(name, label) for label in own} <= set(found.nowhere)}
    nowhere = tuple(choice for choice in found.nowhere if choice.decision not in silent)  # `when` says it for those
    return replace(found, nowhere=nowhere), whens


def _check(space: Space, rationale: Mapping[str, str]) -> None:
    strange = [name for name in rationale if name not in space.decisions]
    if strange:
        raise SpaceError(
            Problem(
                f"`rationale` names {name!r}, which is not a decision of the space.",
                f"one of: {', '.join(space.decisions)}",
                f"{near_miss(name, space.decisions)}Rename it.",
            )
            for name in strange
        )


def _about(study: Study | None, names: Mapping[str, str]) -> dict[str, Any]:
    """What an ASTRA file must say beside the decisions: name, inputs, outputs."""
    from multiverse.identity.describe import describe

    asked = list(study.questions) if study else [ESTIMATE]
    data, *outputs = each_its_own(["raw_data", *(slug(question, "estimand") for question in asked)])
    whence = {"description": f"Raw data: {describe(study.data)}"} if study else {"description": "Raw data"}
    return {
        "name": study.name if study else "A multiverse",
        "inputs": [{"id": data, "type": "data"} | whence],
        "outputs": [
            {
                "id": output,
                "label": question,
                "type": "metric",
                "format": "parquet",  # how a store holds estimates
                "inputs": [data],
                "decisions": list(names.values()),
            }
            for output, question in zip(outputs, asked, strict=True)
        ],
    }


def _decision(
    name: str,
    decision: Decision,
    space: Space,
    names: Mapping[str, str],
    options: Ids,
    found: Pairs,
    whens: Mapping[str, tuple[Condition, ...]],
    rationale: Mapping[str, str],
    rules: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    told: dict[str, Any] = {"label": name}
    if why := rationale.get(name, decision.rationale):
        told["rationale"] = why
    told["tags"] = [decision.kind]
    if name in whens:
        told["when"] = when_texts(whens[name], names, options)
    if Choice(name, decision.reference) not in found.nowhere:  # ASTRA has no excluded default: the notes say it
        told["default"] = options[name][decision.reference]
    told["options"] = {}
    for option in decision.options:
        choice = Choice(name, option.label)
        own: dict[str, Any] = {"label": option.label}
        told["options"][options[name][option.label]] = own
        if option.why:
            own["description"] = option.why
        for word, needed in (("requires", True), ("incompatible_with", False)):
            refs = [
                f"{names[limit.other]}.{options[limit.other][label]}"
                for limit in found.limits
                if limit.option == choice and limit.needed is needed
                for label in limit.labels
            ]
            if refs:
                own[word] = refs
        if choice in found.nowhere:
            own |= {"excluded": True, "excluded_reason": _why_nowhere(choice, rules)}
    return told


def when_texts(conditions: tuple[Condition, ...], names: Mapping[str, str], options: Ids) -> list[str]:
    """Conditions as they are written."""
    return [f"{'' if c.holds else '~'}{names[c.decision]}.{options[c.decision][c.label]}" for c in conditions]


def _why_nowhere(choice: Choice, rules: Sequence[Mapping[str, Any]]) -> str:
    """The reason of the rule that looks at this option alone, if there is one."""
    for rule in rules:
        found = patterns(rule["when"]) if "forbid" in rule else ()
        if any(list(p) == [choice.decision] and choice.label in p[choice.decision] for p in found or ()):
            return str(rule["forbid"])
    return "The rules of the space exclude it everywhere."


def _noted(space: Space, names: Mapping[str, str], options: Ids, found: Pairs) -> dict[str, dict[str, Any]]:
    """What is noted of each decision and its options, by name and label; ids only where they are not the name."""
    notes: dict[str, dict[str, Any]] = {}
    for name, decision in space.decisions.items():
        told: dict[str, Any] = {"written": names[name]} if names[name] != name else {}
        if decision.kind not in KINDS:
            told["kind"] = decision.kind
        if Choice(name, decision.reference) in found.nowhere:
            told["reference"] = decision.reference
        own = {}
        for option in decision.options:
            why = {"why": option.why} if option.why and option.why != option.why.strip() else {}
            value = value_notes(option.value, options[name][option.label])
            own[option.label] = value | why | option_notes(name, option, space)
        notes[name] = told | {"options": own}
    return {name: told for name, told in notes.items() if told.keys() > {"options"} or any(told["options"].values())}
