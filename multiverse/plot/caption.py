"""The caption of a specification curve: what it shows, how many universes were left out, what each sign means."""

from __future__ import annotations

import numpy as np

from multiverse.aggregate.intervals import NONE
from multiverse.aggregate.printing import count, percent, rounded
from multiverse.aggregate.verified import unverified
from multiverse.plot.curve_data import CurveData, ends, sides, verdicts
from multiverse.plot.decimate import DRAWN_MOST, drawn
from multiverse.plot.value_axis import value_span

COLOURS = ("blue", "grey", "orange")


def caption(data: CurveData, *, title_y: str | None = None, most: int = DRAWN_MOST) -> str:
    """The caption in sentences, for the journal and for the file beside the figure; one paragraph."""
    return " ".join(
        [
            *_universes(data, data.estimand if title_y is None else title_y),
            *_marks(data),
            *_reference(data),
            *_panel(data),
            *_left_undrawn(data, most),
        ]
    )


def _say(data: CurveData, value: float) -> str:
    low, high = value_span(data.universes, data.threshold)
    return rounded(value, high - low)


def _universes(data: CurveData, title: str) -> list[str]:
    counts, summary = data.summary.counts, data.summary
    middle = data.kinds.middle("posterior median", "estimate")
    out = []
    if counts.unanswered:
        answered = f"{counts.planned - counts.unanswered:,} of {count(counts.planned, 'universe')} answered"
        out.append(f"Partial: {answered}; the others may change every number.")
    out += [f"{title[:1].upper()}{title[1:]} in {count(len(data.universes), 'universe')}, sorted by {middle}."]
    if summary.n:
        low, high = _say(data, summary.low), _say(data, summary.high)
        out.append(f"Over universes the median is {_say(data, summary.median)} (dashed line), from {low} to {high}.")
    else:
        out.append("No universe passes the gate: nothing is counted.")
    if counts.space is not None:
        out.append(f"They are a part of {counts.whole}.")
    if counts.red:
        of = f"Of {count(counts.planned, 'universe')}, {counts.green:,} pass the gate"
        fail = "1 fails it and is" if counts.red == 1 else f"{counts.red:,} fail it and are"
        out.append(f"{of}; {fail} left out of every number.")
    if summary.with_red is not None:
        red = summary.with_red
        low, high = _say(data, red.low), _say(data, red.high)
        out.append(
            f"Counted with them, as far as they have numbers, it is {_say(data, red.median)}, from {low} to {high}."
        )
    if said := unverified(counts.verified_by):
        out.append(said)
    if counts.blank:
        out.append(f"Without numbers and not drawn: {counts.blank:,}.")
    if 0 < summary.n < counts.green:
        out.append(f"Universes that differ only in parameterization count once, which leaves {summary.n:,}.")
    if counts.duplicates:
        shares = "shares" if counts.duplicates == 1 else "share"
        out.append(f"{counts.duplicates:,} of them {shares} the answer of an exact duplicate, and each counts.")
    return out


def _marks(data: CurveData) -> list[str]:
    seen, kinds = sides(data.universes, data.threshold), data.kinds
    found = [
        f"{words} ({colour}, {int((seen == side).sum()):,})"
        for side, words, colour in zip((-1, 0, 1), verdicts(data.threshold), COLOURS, strict=True)
        if (seen == side).any()
    ]
    by = "95% interval or, without one, by the number" if kinds.told and kinds.none else "95% interval"
    out = [*_points(data), f"Colour, by the {by if kinds.told else 'estimate'}: {', '.join(found)}."]
    low, high = value_span(data.universes, data.threshold)
    if not low <= data.threshold <= high:
        where = "below" if data.threshold < low else "above"
        out.append(f"{'Zero' if data.threshold == 0 else 'The threshold'} lies {where} the axis.")
    reach, told = ends(data.universes), data.universes["interval"] != NONE
    beyond = (reach["q2_5"] < low) | (reach["q97_5"] > high)
    if cut := int((beyond & told).sum()):
        out.append(f"Intervals cut off at the edge of the axis: {cut:,}.")
    if moved := int((beyond & ~told).sum()):
        out.append(f"Numbers beyond the axis, drawn at its edge: {moved:,}.")
    if len(data.density):
        out.append(f"At the side: density of the {kinds.middle('medians', 'estimates')} that pass the gate.")
    return out


def _points(data: CurveData) -> list[str]:
    """What points and bars are, and which kinds of interval are meant."""
    kinds, hollow = data.kinds, "" if data.universes["ok"].all() else "; hollow points fail the gate"
    points = f"Points are {kinds.middle('posterior medians', 'estimates')}"
    if not kinds.told:
        return [f"{points}, no bars: no universe told its uncertainty{hollow}."]
    adjective = f"{kinds.adjective} " if kinds.adjective else ""
    out = [f"{points}, thick and thin bars 50% and 95% {adjective}intervals{hollow}."]
    if kinds.mixed:
        told = {
            "circles have credible intervals": kinds.credible,
            "squares have confidence intervals": kinds.confidence,
            "triangles are numbers alone, whose uncertainty was not told": kinds.none,
        }
        some = "; ".join(f"{words} ({n:,})" for words, n in told.items() if n)
        out.append(f"{some[:1].upper()}{some[1:]}.")
    return out


def _reference(data: CurveData) -> list[str]:
    own = data.universes[data.universes["reference"]]
    if own.empty:
        return ["The reference universe has no numbers."]
    row = own.iloc[0]
    about = [] if row["ok"] else ["it fails the gate"]
    if row["interval"] != NONE:
        low, high = _say(data, row["q2_5"]), _say(data, row["q97_5"])
        about.insert(0, f"95% {row['interval']} interval {low} to {high}")
    said = f" ({'; '.join(about)})" if about else ""
    return [
        "Diamond and black ticks: the reference universe, the analysis that would have been published: "
        f"{_say(data, row['median'])}{said}."
    ]


def _panel(data: CurveData) -> list[str]:
    if data.heads.empty:
        return []
    out = ["Below: a tick where a universe has an option."]
    if data.universes[list(data.heads["decision"])].isna().any(axis=None):
        out.append("No tick: the decision does not apply.")
    shares = data.attribution.table
    told = (shares["share"] != 0) | ~shares["decision"].isin(data.fixed)
    known = shares[np.isfinite(shares["share"]) & told]
    if len(known):
        listed = ", ".join(f"{d} {percent(s)}" for d, s in zip(known["decision"], known["share"], strict=True))
        noisy = data.kinds.bayesian or (data.universes["mcse_mean"] > 0).any()
        less = ", Monte Carlo variance taken out" if noisy else ""
        left = data.attribution.left
        whole = f"; {percent(left)} is given to none" if left else ", so that shares add up to 100%"
        out.append(
            "Share: the part of the variance between universes that a decision accounts for (Shapley), interactions "
            f"shared out{whole}{less} ({listed})."
        )
        if known["decision"].str.contains(" + ", regex=False).any():
            out.append("Decisions that move together have one share, which stands beside each.")
    else:
        out.append("Universes differ too little, or are too few, to share out the variance between them.")
    middle = data.kinds.middle("median", "estimate")
    out.append(
        f"Shift: mean {middle} of universes with an option less that of universes with the decision's other options."
    )
    return out


def _left_undrawn(data: CurveData, most: int) -> list[str]:
    out = []
    if data.fixed:
        out.append(f"Decisions with one option, not drawn: {', '.join(data.fixed)}.")
    rows, n = drawn(data.universes, most), len(data.universes)
    if len(rows) < n:
        reds = f", {int((~rows['ok']).sum()):,} of {int((~data.universes['ok']).sum()):,} that fail the gate"
        out.append(
            f"Drawn: {len(rows):,} of {n:,} universes, evenly spaced by rank, with the extremes, the reference"
            f"{reds if (~data.universes['ok']).any() else ''}; all are counted."
        )
    return out
