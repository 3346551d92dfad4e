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
    pipeline = Pipeline(trust=trust, status_lists=MemoryStatusLists(trust), policies=POLICIES)
    try:
        pipeline.verify(b64url_decode(vector["response"]), expected=expected, now=now)
    except RefusedError as refused:
        return refused.check.value, refused.code
    except CouldNotCheckError:
        return "could-not-tell", None
    return "valid", None


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector_when_verified_then_comes_out_as_expected(path: Path) -> None:
    vector = json.loads(path.read_text("utf-8"))
    result, code = verify(vector)
    assert result == vector["expect"]
    assert vector["code"] in {None, code}


def test_vectors_when_listed_then_one_for_each_case() -> None:
    assert {path.stem for path in VECTORS} == {case.name for case in CASES}
