# SPDX-License-Identifier: EUPL-1.2
"""The vectors of the verification pipeline, as written down: read like another program would."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from protocol import jws
from protocol.encoding import b64url_decode
from protocol.registration import Procedure
from protocol.trust import SignedTrustList
from protocol.x509 import Anchors
from tests.fakes.presentations import CASES
from tests.fakes.status_lists import MemoryStatusLists
from verifier.checklist import CouldNotCheckError, RefusedError
from verifier.policy import POLICIES, DocumentRule
from verifier.verification import Expected, Pipeline

FOLDER = Path(__file__).parent / "presentation"
WORLD = json.loads((FOLDER / "world.json").read_text("utf-8"))
VECTORS = sorted(path for path in FOLDER.glob("*.json") if path.name != "world.json")
# which of docs/negative-cases.md a vector shows; those that are ours alone have no number
MARKS = {
    "bound-to-a-private-key": pytest.mark.case("S14"),
    "changed-payload": pytest.mark.case("V9"),
    "credential-not-valid-yet": pytest.mark.case("V14"),
    "disclosure-given-twice": pytest.mark.case("S4"),
    "disclosure-removed-after-binding": pytest.mark.case("V8"),
    "expired-credential": pytest.mark.case("V14"),
    "foreign-key-binding": pytest.mark.case("V2"),
    "issuer-identifier-not-in-certificate": pytest.mark.case("V10"),
    "issuer-not-authorised-for-this-type": pytest.mark.case("V11"),
    "key-binding-from-the-future": pytest.mark.case("V7"),
    "key-binding-from-the-past": pytest.mark.case("V7"),
    "malformed-disclosure": pytest.mark.case("S10"),
    "missing-disclosure": pytest.mark.case("V15"),
    "no-key-binding": pytest.mark.case("V1"),
    "not-an-sd-jwt": pytest.mark.case("S11"),
    "old-nonce": pytest.mark.case("V5", "V21"),
    "one-of-two-documents": pytest.mark.case("V15"),
    "other-audience": pytest.mark.case("V6"),
    "revoked": pytest.mark.case("T8"),
    "signed-by-another-key": pytest.mark.case("V9"),
    "status-index-negative": pytest.mark.case("T5"),
    "status-index-out-of-range": pytest.mark.case("T5"),
    "status-list-by-an-untrusted-authority": pytest.mark.case("T3"),
    "status-list-cut-short": pytest.mark.case("T7"),
    "status-list-does-not-answer": pytest.mark.case("T10"),
    "status-list-expired": pytest.mark.case("T4"),
    "status-list-of-another-issuer": pytest.mark.case("T3"),
    "status-list-of-three-bits": pytest.mark.case("T6"),
    "status-list-of-wrong-typ": pytest.mark.case("T2"),
    "status-list-signed-by-another-key": pytest.mark.case("T3"),
    "status-list-that-is-a-bomb": pytest.mark.case("T7"),
    "status-list-that-is-not-zlib": pytest.mark.case("T7"),
    "status-list-under-another-address": pytest.mark.case("T1"),
    "status-of-unknown-meaning": pytest.mark.case("T8"),
    "status-that-cannot-be-checked": pytest.mark.case("T10"),
    "suspended": pytest.mark.case("T8"),
    "two-for-one": pytest.mark.case("V16"),
    "type-that-was-not-asked": pytest.mark.case("V13"),
    "unknown-query-identifier": pytest.mark.case("V16"),
    "unreferenced-disclosure": pytest.mark.case("S5"),
    "untrusted-issuer": pytest.mark.case("V10"),
    "vp-token-as-array": pytest.mark.case("V16"),
    "vp-token-empty": pytest.mark.case("V16"),
    "vp-token-with-text-instead-of-array": pytest.mark.case("V16"),
}


def verify(vector: dict[str, Any]) -> tuple[str, str | None]:
    """Return `valid`, `could-not-tell`, or the check that failed, with its code."""
    now = datetime.fromisoformat(WORLD["now"])
    anchors = Anchors([x509.load_pem_x509_certificate(WORLD["authority"].encode())])
    asked = vector["asked"]
    statement = WORLD["statements"][asked["administration"]][asked["procedure"]]
    expected = Expected(
        client_id=asked["client_id"],
        nonce=asked["nonce"],
        state=asked["state"],
        procedure=Procedure.parse(jws.parse(statement).claims()),
        document_rules={
            rule["vct"]: DocumentRule(
                rule["vct"],
                carries_status=rule["carries_status"],
                longest_validity=timedelta(days=rule["longest_validity_days"]),
            )
            for rule in WORLD["document_rules"]
        },
    )
    trust = SignedTrustList.verify(WORLD["trust_list"], anchors, now=now)
    lists = {**WORLD["status_lists"], **vector.get("status_lists", {})}
    pipeline = Pipeline(trust=trust, status_lists=MemoryStatusLists(trust, lists), policies=POLICIES)
    try:
        pipeline.verify(b64url_decode(vector["response"]), expected=expected, now=now)
    except RefusedError as refused:
        return refused.check.value, refused.code
    except CouldNotCheckError:
        return "could-not-tell", None
    return "valid", None


@pytest.mark.parametrize(
    "path", [pytest.param(path, marks=MARKS.get(path.stem, ()), id=path.stem) for path in VECTORS]
)
def test_vector_when_verified_then_comes_out_as_expected(path: Path) -> None:
    vector = json.loads(path.read_text("utf-8"))
    result, code = verify(vector)
    assert result == vector["expect"]
    assert vector["code"] in {None, code}


def test_vectors_when_listed_then_one_for_each_case() -> None:
    assert {path.stem for path in VECTORS} == {case.name for case in CASES}
    assert MARKS.keys() <= {case.name for case in CASES}
