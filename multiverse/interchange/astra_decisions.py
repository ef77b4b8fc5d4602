"""The decisions of an ASTRA file: options, defaults, reasons, conditions, and what options ask of each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from multiverse.errors import near_miss
from multiverse.interchange.astra_nodes import Node, known_names
from multiverse.interchange.conditions import Condition
from multiverse.interchange.draft import OTHER_KIND, Draft, DraftDecision, DraftOption, Placed
from multiverse.interchange.pairs import Choice, Limit
from multiverse.space.option import KINDS

# astra-spec 0.0.14, classes Decision and Option; `notes` is in its reference and not in its schema.
DECISION = ("id", "from", "when", "label", "rationale", "tags", "default", "options")
OPTION = (
    "id",
    "label",
    "description",
    "notes",
    "insights",
    "requires",
    "incompatible_with",
    "excluded",
    "excluded_reason",
)

Told = dict[str, Any]


class Declared(NamedTuple):
    """A decision where it is declared. labels: id of an option -> its label."""

    node: Node
    id: str
    told: Told
    labels: dict[str, str]

    def where(self, *inside: str) -> str:
        """A place inside the decision, for messages."""
        return self.node.where("decisions", self.id, *inside)


def decisions(draft: Draft, nodes: list[Node]) -> dict[str, tuple[Condition, ...]]:
    """Add the decisions of all analyses to the draft.  Returns name -> the conditions under which each applies."""
    found: dict[str, Declared] = {}
    for node in nodes:
        for id_, told in draft.table(node.told.get("decisions"), node.where("decisions")).items():
            at = partial(node.where, "decisions", id_)
            table = draft.table(told, at(), DECISION, at)
            if "from" not in table:
                found[node.names[id_]] = _decision(draft, node, id_, table)
    for name, one in found.items():
        for id_, label in one.labels.items():
            _limits(draft, one, name, id_, label, found)
    return {name: tuple(_conditions(draft, one, name, found)) for name, one in found.items()}


def _decision(draft: Draft, node: Node, id_: str, told: Told) -> Declared:
    name, where = node.names[id_], node.where("decisions", id_)
    options = draft.table(told.get("options"), node.where("decisions", id_, "options"))
    one = Declared(node, id_, told, {})
    if not options:
        draft.broken.add(name)
        draft.wrong(where, "it has no options.", "`options` by id, each with a `label`", "Add them, or remove it.")
        return one
    read = {
        o: draft.table(inner, one.where("options", o), OPTION, partial(one.where, "options", o))
        for o, inner in options.items()
    }
    one.labels.update(_labels(draft, one, read))
    tags = _texts(draft, told.get("tags"), one.where("tags"))
    kind = next((tag for tag in tags if tag in KINDS), OTHER_KIND)
    decision = DraftDecision(name, where, kind, rationale=_text(draft, told, "rationale", one.where))
    for o, inner in read.items():
        decision.options.append(_option(draft, one, o, inner))
    draft.decisions[name] = decision
    out = {o for o, inner in read.items() if inner.get("excluded") is True}
    default = str(told.get("default", next((o for o in read if o not in out), "")))
    if len(out) == len(read):
        draft.wrong(where, "all of its options are excluded.", "one that is not, at least", "Keep one of them.")
    elif default not in read or default in out:
        draft.wrong(
            one.where("default"),
            f"the default {default!r} is {'excluded' if default in out else 'no option'}.",
            f"one of: {', '.join(o for o in read if o not in out)}",
            f"{near_miss(default, read)}Write the id of an option that is not excluded.",
        )
    else:
        decision.reference = one.labels[default]
    return one


def _labels(draft: Draft, one: Declared, read: dict[str, Told]) -> dict[str, str]:
    """Id -> label; with the id behind it where two options have the same."""
    asked = ((o, inner, partial(one.where, "options", o)) for o, inner in read.items())
    labels = {o: inner["label"] if _text(draft, inner, "label", at) else o for o, inner, at in asked}
    count = Counter(labels.values())
    return {o: label if count[label] == 1 else f"{label} ({o})" for o, label in labels.items()}


def _option(draft: Draft, one: Declared, id_: str, told: Told) -> DraftOption:
    at = partial(one.where, "options", id_)
    choice = Choice(one.node.names[one.id], one.labels[id_])
    reasons = [_text(draft, told, "description", at), _text(draft, told, "notes", at)]
    reasons += [_claim(draft, one, ref, id_) for ref in _texts(draft, told.get("insights"), at("insights"))]
    if told.get("excluded") is True:
        if reason := _text(draft, told, "excluded_reason", at):
            draft.nowhere[choice] = reason
        else:
            draft.wrong(at(), "it is excluded without a reason.", "`excluded_reason`", "Say why it was rejected.")
    elif "excluded_reason" in told:
        draft.wrong(at(), "`excluded_reason` without `excluded`.", "both or none", "Write `excluded: true`.")
    return DraftOption(choice.label, id_, at(), why=" ".join(filter(None, reasons)) or None)


def _claim(draft: Draft, one: Declared, ref: str, option: str) -> str | None:
    """A prior insight in words, with where it was published."""
    node: Node | None = one.node
    for _ in range(ref.count("../")):
        node = node.above if node else None
    insights = draft.table(node.told.get("prior_insights") if node else None, "prior_insights")
    name = ref.rpartition("/")[2]
    told = insights.get(name)
    if not isinstance(told, dict) or not isinstance(told.get("claim"), str):
        draft.wrong(
            one.where("options", option, "insights"),
            f"{ref!r} is no prior insight with a `claim`.",
            f"one of: {', '.join(insights) or 'none'}",
            f"{near_miss(name, insights)}Rename it, or add it to `prior_insights`.",
        )
        return None
    evidence = told.get("evidence")
    papers = [str(e["doi"]) for e in evidence or () if isinstance(e, dict) and e.get("doi")]
    return str(told["claim"]).strip() + (f" (doi:{', doi:'.join(papers)})" if papers else "")


def _limits(draft: Draft, one: Declared, name: str, id_: str, label: str, found: dict[str, Declared]) -> None:
    """What an option requires and what it is incompatible with; goes to the draft."""
    told = one.told["options"][id_]
    for word in ("requires", "incompatible_with") if isinstance(told, dict) else ():
        for ref in _texts(draft, told.get(word), one.where("options", id_, word)):
            where = one.where("options", id_, word)
            if other := _ref(draft, one, ref, where, found):
                draft.limits.append(
                    Placed(Limit(Choice(name, label), other.decision, (other.label,), word == "requires"), where)
                )


def _conditions(draft: Draft, one: Declared, name: str, found: dict[str, Declared]) -> Iterator[Condition]:
    where = one.where("when")
    for text in _texts(draft, one.told.get("when"), where):
        if (other := _ref(draft, one, text.removeprefix("~"), where, found)) is None:
            continue
        if other.decision == name:
            draft.wrong(where, f"{text!r} is an option of the decision itself.", "an option of another", "Remove it.")
        else:
            yield Condition(other.decision, other.label, not text.startswith("~"))


def _ref(draft: Draft, one: Declared, ref: str, where: str, found: dict[str, Declared]) -> Choice | None:
    """The option that `decision.option` names."""
    names = known_names(one.node)
    decision, dot, option = ref.partition(".")
    if not dot or "." in option:
        draft.wrong(
            where, f"{ref!r} names no option.", "`decision.option`, by their ids", "Write for example `model.svm`."
        )
    elif decision not in names or names[decision] not in found:
        if names.get(decision) not in draft.broken:
            draft.wrong(
                where,
                f"{ref!r}: {decision!r} is no decision of this analysis.",
                f"one of: {', '.join(names) or 'none'}",
                f"{near_miss(decision, names)}Rename it, or declare it.",
            )
    elif option not in (labels := found[names[decision]].labels):
        if names[decision] not in draft.broken:
            draft.wrong(
                where,
                f"{ref!r}: {option!r} is no option of {decision!r}.",
                f"one of: {', '.join(labels)}",
                f"{near_miss(option, labels)}Write the id of the option.",
            )
    else:
        return Choice(names[decision], labels[option])
    return None


def _text(draft: Draft, told: Told, word: str, at: Callable[[str], str]) -> str | None:
    """A text of the file without the blanks around it; None where it is not there."""
    value = told.get(word)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str):
        return value.strip()
    draft.wrong(at(word), f"`{word}` is {value!r}.", "a text", f'Write it in quotes: `{word}: "..."`.')
    return None


def _texts(draft: Draft, value: Any, where: str) -> list[str]:
    """A list of texts of the file; one text is a list of one."""
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    if all(isinstance(item, str) for item in items):
        return items
    draft.wrong(
        where, f"it is {value!r}.", "a list of texts", "Write `[model.svm]`, or each behind a dash on its line."
    )
    return []
