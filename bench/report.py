# SPDX-License-Identifier: EUPL-1.2
"""The report of a run: one line for each comparison, a table of all that was measured, and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.comparisons import ISSUE, OURS, VERIFY, Comparison, Kind, name
from bench.limits import Speed
from bench.measure import Measured, Results
from protocol.encoding import JSON

_MICRO = 1e6
# from here on a time reads better in milliseconds
_MILLISECONDS_FROM = 10_000


@dataclass(frozen=True)
class Machine:
    """Where it ran."""

    processor: str
    cores: int
    python: str
    openssl: str
    node: str | None


@dataclass(frozen=True)
class Run:
    """Everything that a run found out."""

    date: str
    rounds: int
    machine: Machine
    versions: Mapping[str, str]
    absent: Sequence[str]
    # by the name of the check that must refuse: who accepted it all the same
    accepted: Mapping[str, Sequence[str]]
    speed: Speed | None
    results: Results
    comparisons: Sequence[Comparison]


def time_text(seconds: float) -> str:
    """Return a time as people read it."""
    micro = seconds * _MICRO
    if micro >= _MILLISECONDS_FROM:
        return f"{micro / 1000:.1f} ms"
    return f"{micro:.0f} µs" if micro >= 100 else f"{micro:.1f} µs"  # noqa: PLR2004  # three figures


def line(comparison: Comparison, results: Results) -> str:
    """Return the one line of a comparison, its ratio and target in it."""
    ours, other = (each.measured(results).middle for each in (comparison.ours, comparison.other))
    ratio = _ratio_text(comparison.kind, comparison.ratio(results).middle)
    text = (
        f"{comparison.label}: {comparison.ours.who} {time_text(ours)}, "
        f"{comparison.other.who} {time_text(other)}, {ratio}"
    )
    return f"{text} ({_verdict(comparison, results)})" if comparison.target is not None else text


def _verdict(comparison: Comparison, results: Results) -> str:
    target = _ratio_text(comparison.kind, comparison.target or 0)
    words = f"target {'at most ' if comparison.kind is Kind.AT_MOST else ''}{target}"
    if comparison.is_reached(results):
        return f"{words}: reached"
    ratio = comparison.ratio(results)
    is_near = ratio.low <= (comparison.target or 0) <= ratio.high
    reason = "it lies within the spread of the rounds" if is_near else comparison.because
    return f"{words}: missed, because {reason}"


def _ratio_text(kind: Kind, ratio: float) -> str:
    if kind is Kind.SHARE:
        return f"{ratio:.0%}".replace("%", " %")
    return f"{ratio:.0f}x" if ratio >= 20 else f"{ratio:.3g}x"  # noqa: PLR2004  # three figures


def text(run: Run) -> str:
    """Return the whole report."""
    return "\n".join([*_head(run), "", *_lines(run), "", *_table(run.results), "", *_fairness(run)])


def _head(run: Run) -> list[str]:
    machine = run.machine
    raw = "openssl speed, P-256: there is no openssl command here that knows it"
    if run.speed is not None:
        sign, verify = time_text(run.speed.sign), time_text(run.speed.verify)
        raw = f"openssl speed, P-256 ({run.speed.version}): sign {sign}, verify {verify}"
    where = f"{machine.processor}, {machine.cores} cores, Python {machine.python}"
    return [
        f"{run.date}: {where}, cryptography on {machine.openssl}, {machine.node or 'no Node.js'}",
        "peers: " + ", ".join(f"{name} {version}" for name, version in run.versions.items()),
        *(f"absent: {each}" for each in run.absent),
        f"{run.rounds} interleaved rounds; CPU time per operation, medians; each ratio is taken round by round",
        raw,
    ]


def _lines(run: Run) -> list[str]:
    lines = [line(each, run.results) for each in run.comparisons if each.is_possible(run.results)]
    return [*_raw_lines(run), *lines]


def _raw_lines(run: Run) -> list[str]:
    """Return our share of the raw speed; it is measured beside the rounds, not in them."""
    if run.speed is None:
        return []
    verify, issue = (run.results.cpu(name(task, OURS)).middle for task in (VERIFY, ISSUE))
    raw_verify, raw_sign = 2 * run.speed.verify, run.speed.sign
    verify_share, sign_share = (
        _ratio_text(Kind.SHARE, raw_verify / verify),
        _ratio_text(Kind.SHARE, raw_sign / issue),
    )
    raw = f"{time_text(raw_verify)}, {verify_share}", f"{time_text(raw_sign)}, {sign_share}"
    return [
        f"{VERIFY}, all checks, of openssl speed: ours {time_text(verify)}, two raw verifications {raw[0]}",
        f"{ISSUE}, of openssl speed: ours {time_text(issue)}, one raw signature {raw[1]}",
    ]


def _table(results: Results) -> list[str]:
    rows = [f"{'CPU, median':>12} {'middle half of the rounds':>26} {'wall clock':>12}  work"]
    for work in results.names():
        cpu = results.cpu(work)
        spread = f"{time_text(cpu.low)} to {time_text(cpu.high)}"
        rows.append(f"{time_text(cpu.middle):>12} {spread:>26} {time_text(results.wall(work).middle):>12}  {work}")
    return rows


def _fairness(run: Run) -> list[str]:
    return [
        "what each accepts although it must be refused (tried in this run):",
        *(f"  {what}: {', '.join(who) if who else 'nobody'}" for what, who in run.accepted.items()),
    ]


def as_json(run: Run) -> dict[str, JSON]:
    """Return the report for programs; all times in seconds."""
    results, machine = run.results, run.machine
    return {
        "date": run.date,
        "rounds": run.rounds,
        "machine": {
            "processor": machine.processor,
            "cores": machine.cores,
            "python": machine.python,
            "openssl": machine.openssl,
            "node": machine.node,
        },
        "versions": dict(run.versions),
        "absent": [*run.absent],
        "accepted": {what: [*who] for what, who in run.accepted.items()},
        "openssl_speed": None
        if run.speed is None
        else {"version": run.speed.version, "sign": run.speed.sign, "verify": run.speed.verify},
        "work": {
            name: {"cpu": _spread(results.cpu(name)), "wall": _spread(results.wall(name))}
            for name in results.names()
        },
        "comparisons": [
            {
                "line": line(each, results),
                "label": each.label,
                "kind": each.kind.value,
                "ratio": _spread(each.ratio(results)),
                "target": each.target,
                "aim": each.aim,
                "reached": each.is_reached(results),
            }
            for each in run.comparisons
            if each.is_possible(results)
        ],
    }


def _spread(measured: Measured) -> dict[str, JSON]:
    return {"median": measured.middle, "low": measured.low, "high": measured.high}
