# SPDX-License-Identifier: EUPL-1.2
"""All the work of a run, by name and in the order in which neighbours are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec

from bench import comparisons as c
from bench import limits
from bench.controls import Verifier, accepts
from bench.measure import Call, Work
from bench.node_peers import WIRINGS, NodePeers
from bench.ours import Ours, Presentation
from bench.python_peers import SDJWT, OpenID4VCI, OpenVC, TokenStatusList
from bench.world import CLAIMS, SHOWN, World, claims

_ORDER = (
    c.SIGN,
    *(c.ISSUE, c.ISSUE_50, c.ISSUE_200),
    c.TWO_SIGNATURES,
    *(c.VERIFY, c.VERIFY_WITHOUT_STATUS, c.VERIFY_WITH_LIST, c.VERIFY_ALL_12, c.VERIFY_ALL_200),
    *(c.PRESENT, c.PRESENT_50, c.PRESENT_200),
    c.FLIP,
)

Function = Callable[[int], object]


class Material(NamedTuple):
    """What the work is done on, made before any clock runs."""

    world: World
    ours: Ours
    with_status: list[Presentation]
    without_status: list[Presentation]
    all_of_12: list[Presentation]
    all_of_200: list[Presentation]

    @classmethod
    def make(cls) -> Material:
        """Make all of it."""
        world = World.make()
        ours = Ours(world)
        return cls(
            world,
            ours,
            with_status=ours.presentations(12, SHOWN, index=world.index),
            without_status=ours.presentations(12, SHOWN, index=None),
            all_of_12=ours.presentations(12, tuple(CLAIMS), index=world.index),
            all_of_200=ours.presentations(200, tuple(claims(200)), index=world.index),
        )


def make(material: Material, node: NodePeers | None) -> Mapping[str, Work]:
    """Return all work that this machine can do."""
    functions = _issuing(material) | _verifying(material) | _presenting(material) | _flipping(material)
    work: dict[str, Work] = {name: Call(function) for name, function in functions.items()}
    if node is not None:
        for wiring, who in WIRINGS.items():
            work[c.name(c.ISSUE, who)] = node.work(f"issue {wiring}")
            work[c.name(c.VERIFY, who)] = node.work(f"verify {wiring}")
        work[c.name(c.VERIFY_WITH_LIST, c.NPM_STATUS_LIST)] = node.work("verify with status best")
        work[c.name(c.FLIP, c.NPM_STATUS_LIST)] = node.work("flip")
    return dict(sorted(work.items(), key=lambda item: _ORDER.index(item[0].split(" / ")[0])))


def verifiers(material: Material, node: NodePeers | None) -> Sequence[Verifier]:
    """Return everybody who verifies, as they are asked about one presentation."""
    sd_jwt, openvc = SDJWT(material.world), OpenVC(material.world)
    found = [
        Verifier(c.OURS, accepts(material.ours.verify)),
        Verifier(c.SD_JWT, accepts(lambda each: sd_jwt.verify([each])(0))),
        Verifier(c.OPENVC, accepts(lambda each: openvc.verify([each])(0))),
    ]
    if node is not None:
        found.append(Verifier("@sd-jwt", lambda each: node.accepts("best", each)))
    return found


def _issuing(material: Material) -> dict[str, Function]:
    world, ours = material.world, material.ours
    sd_jwt = SDJWT(world)
    key, message = world.issuer.issuer_key.secret, material.with_status[0].text.rsplit(".", 3)[0].encode("ascii")
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("expected a P-256 key")
    functions: dict[str, Function] = {c.name(c.SIGN, c.PYCA): lambda _: limits.sign(key, message)}
    for task, size in ((c.ISSUE, 12), (c.ISSUE_50, 50), (c.ISSUE_200, 200)):
        functions[c.name(task, c.OURS)] = ours.issuing(size)
        functions[c.name(task, c.SD_JWT)] = sd_jwt.issue(size)
    functions[c.name(c.ISSUE, c.OPENID4VCI)] = OpenID4VCI(world).issue(12)
    functions[c.name(c.ISSUE, c.OPENVC)] = OpenVC(world).issue(12)
    return functions


def _verifying(material: Material) -> dict[str, Function]:
    ours, sd_jwt = material.ours, SDJWT(material.world)
    bare = [_bare(material.world, each, number) for number, each in enumerate(material.with_status)]

    def verify_both(turn: int) -> None:
        for signed in bare[turn % len(bare)]:
            signed.verify()

    return {
        c.name(c.TWO_SIGNATURES, c.PYCA): verify_both,
        c.name(c.VERIFY, c.OURS): ours.verifying(material.with_status),
        c.name(c.VERIFY, c.OPENVC): OpenVC(material.world).verify(material.with_status),
        c.name(c.VERIFY, c.SD_JWT): sd_jwt.verify(material.with_status),
        c.name(c.VERIFY_WITHOUT_STATUS, c.OURS): ours.verifying(material.without_status),
        c.name(c.VERIFY_ALL_12, c.OURS): ours.verifying(material.all_of_12),
        c.name(c.VERIFY_ALL_12, c.SD_JWT): sd_jwt.verify(material.all_of_12),
        c.name(c.VERIFY_ALL_200, c.OURS): ours.verifying(material.all_of_200),
        c.name(c.VERIFY_ALL_200, c.SD_JWT): sd_jwt.verify(material.all_of_200),
    }


def _bare(world: World, presentation: Presentation, holder: int) -> tuple[limits.Signed, limits.Signed]:
    issuer_jwt, key_binding = presentation.text.split("~", 1)[0], presentation.text.rsplit("~", 1)[1]
    return (
        limits.Signed.of(issuer_jwt, world.issuer.issuer_key.public_key),
        limits.Signed.of(key_binding, world.holders[holder].public_key),
    )


def _presenting(material: Material) -> dict[str, Function]:
    ours, sd_jwt = material.ours, SDJWT(material.world)
    functions: dict[str, Function] = {}
    for task, size in ((c.PRESENT, 12), (c.PRESENT_50, 50), (c.PRESENT_200, 200)):
        issued = [ours.issue(size, holder) for holder in material.world.holders]
        functions[c.name(task, c.OURS)] = ours.presenting(issued, SHOWN)
        functions[c.name(task, c.SD_JWT)] = sd_jwt.present(issued, SHOWN)
    return functions


def _flipping(material: Material) -> dict[str, Function]:
    return {
        c.name(c.FLIP, c.OURS): material.ours.flipping(),
        c.name(c.FLIP, c.TOKEN_STATUS_LIST): TokenStatusList(material.world).flip(),
        c.name(c.FLIP, c.OPENVC): OpenVC(material.world).flip(),
    }
