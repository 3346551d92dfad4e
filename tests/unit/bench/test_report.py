# SPDX-License-Identifier: EUPL-1.2
"""What `make bench` prints, on figures that are made up. The measuring itself needs the peers, and is not tested."""

import json

import pytest

from bench.comparisons import COMPARISONS, Comparison, Kind, Quantity
from bench.limits import Speed, parse_speed
from bench.measure import Batch, Call, Measured, Results, Series, measure
from bench.report import Machine, Run, as_json, line, text


def results(**rounds: list[float]) -> Results:
    return Results({name: Series(repeat=1, wall=values, cpu=values) for name, values in rounds.items()})


def test_line_when_the_target_is_reached_then_says_so_with_its_own_ratio():
    found = results(ours=[205e-6, 205e-6], theirs=[507e-6, 507e-6])
    comparison = Comparison("verify 3 of 12", Quantity("ours", "ours"), Quantity("sd-jwt", "theirs"), target=2)
    assert line(comparison, found) == "verify 3 of 12: ours 205 µs, sd-jwt 507 µs, 2.47x (target 2x: reached)"


def test_line_when_the_target_is_missed_then_gives_the_reason():
    found = results(ours=[100e-6], theirs=[150e-6])
    sides = Quantity("ours", "ours"), Quantity("sd-jwt", "theirs")
    missed = line(Comparison("issue", *sides, target=2, because="of the weather"), found)
    assert missed == "issue: ours 100 µs, sd-jwt 150 µs, 1.5x (target 2x: missed, because of the weather)"


def test_line_without_target_has_no_verdict():
    found = results(ours=[2e-2], theirs=[2.5])
    comparison = Comparison("flip", Quantity("ours", "ours"), Quantity("npm", "theirs"))
    assert line(comparison, found) == "flip: ours 20.0 ms, npm 2500.0 ms, 125x"


def test_share_of_the_bare_signatures_is_a_percentage_and_more_is_better():
    found = results(ours=[200e-6], bare=[150e-6])
    comparison = Comparison(
        "verify", Quantity("ours", "ours"), Quantity("bare", "bare"), kind=Kind.SHARE, target=0.65, because="…"
    )
    assert line(comparison, found) == "verify: ours 200 µs, bare 150 µs, 75 % (target 65 %: reached)"


@pytest.mark.parametrize(("ours", "verdict"), [(1.15, "reached"), (1.16, "missed")])
def test_at_most_is_reached_at_its_limit_and_missed_over_it(ours: float, verdict: str):
    found = results(ours=[ours], other=[1.0])
    comparison = Comparison(
        "with", Quantity("with", "ours"), Quantity("without", "other"), kind=Kind.AT_MOST, target=1.15, because="…"
    )
    assert f"target at most 1.15x: {verdict}" in line(comparison, found)


def test_one_more_claim_is_the_difference_of_two_sizes_round_by_round():
    found = results(large=[21e-6, 41e-6, 31e-6], small=[1e-6, 1e-6, 1e-6])
    assert Quantity("ours", "large", less="small", per=10).measured(found).middle == pytest.approx(3e-6)


def test_ratio_is_taken_within_each_round():
    # the machine was four times slower in the second round; the ratio did not change
    found = results(ours=[1e-6, 4e-6], theirs=[3e-6, 12e-6])
    ratio = Comparison("x", Quantity("ours", "ours"), Quantity("theirs", "theirs")).ratio(found)
    assert (ratio.low, ratio.middle, ratio.high) == pytest.approx((3, 3, 3))


def test_measured_is_the_median_between_the_quartiles():
    assert Measured.of([5, 1, 4, 2, 3]) == Measured(3, 2, 4)


def test_measuring_interleaves_and_turns_round():
    order: list[str] = []

    class Noted:
        def __init__(self, name: str) -> None:
            self.name = name

        def run(self, repeat: int) -> Batch:
            order.append(self.name)
            # one batch is enough to be warm
            return Batch(wall=float(repeat), cpu=float(repeat))

    found = measure({"a": Noted("a"), "b": Noted("b")}, rounds=2)
    assert order[-4:] == ["a", "b", "b", "a"]
    assert list(found.rounds("a")) == [1.0, 1.0]


def test_call_is_given_the_number_of_its_turn():
    turns: list[int] = []
    Call(turns.append).run(3)
    assert turns == [0, 1, 2]


def test_openssl_speed_is_read_from_its_table():
    printed = (
        "                              sign    verify    sign/s verify/s\n"
        " 256 bits ecdsa (nistp256)   0.0000s   0.0001s  40000.0  12500.0\n"
    )
    assert parse_speed("OpenSSL 3.0.19", printed) == Speed("OpenSSL 3.0.19", 1 / 40000, 1 / 12500)
    assert parse_speed("LibreSSL", "speed: unknown option") is None


def test_report_without_nodejs_names_its_peers_as_absent_and_leaves_their_lines_out():
    names = {each for comparison in COMPARISONS for each in comparison.ours.needs | comparison.other.needs}
    given = sorted(name for name in names if "@sd-jwt" not in name)
    found = results(**{name: [place * 1e-6, place * 2e-6] for place, name in enumerate(given, start=1)})
    run = Run(
        date="2026-11-21",
        rounds=2,
        machine=Machine(processor="a processor", cores=2, python="3.11", openssl="OpenSSL 4", node=None),
        versions={"sd-jwt": "0.10.4"},
        absent=["@sd-jwt/sd-jwt-vc: Node.js is not installed"],
        accepted={"an expired credential": ["sd-jwt"], "another nonce": []},
        speed=None,
        results=found,
        comparisons=COMPARISONS,
    )
    printed = text(run)
    assert "absent: @sd-jwt/sd-jwt-vc: Node.js is not installed" in printed
    assert "an expired credential: sd-jwt\n" in printed
    assert "another nonce: nobody" in printed
    lines = json.loads(json.dumps(as_json(run)))["comparisons"]
    assert lines
    assert not [each for each in lines if "@sd-jwt" in each["line"]]
    assert all(each["line"] in printed for each in lines)


def test_each_comparison_with_a_target_has_a_reason_ready():
    assert all(each.because for each in COMPARISONS if each.target is not None)
