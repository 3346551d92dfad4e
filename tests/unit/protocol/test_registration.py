# SPDX-License-Identifier: EUPL-1.2
"""The statement of a registered procedure: round trip, and each member that is not as it must be."""

from __future__ import annotations

from typing import Any

import pytest

from protocol import jws
from protocol.clock import from_epoch
from protocol.errors import RequestError
from protocol.registration import Procedure, statement_digest


@pytest.fixture
def statement(world: Any) -> str:
    return str(world.parties["ajuntament"].procedures[0].statement)


def test_procedure_round_trips(world: Any, statement: str) -> None:
    claims = jws.parse(statement).claims()
    procedure = Procedure.parse(claims)
    assert procedure.to_claims(issued_at=from_epoch(claims["iat"])) == claims
    assert statement_digest(statement) != statement_digest(statement + " ")


@pytest.mark.parametrize(
    "change",
    [
        {"legal_basis": "curiosity"},
        {"legal_basis": None},
        {"name": []},
        {"name": [{"lang": "ca"}]},
        {"purpose": [{"lang": "ca", "value": 1}]},
        {"service": {"ca": "x"}},
        {"version": "1"},
        {"version": True},
        {"retention_days": 1.5},
        {"supervisory_authority": {"name": "APDCAT"}},
        {"credentials": []},
        {"exp": 10**20},
    ],
)
def test_statement_with_a_member_of_another_shape_is_refused(statement: str, change: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        Procedure.parse({**jws.parse(statement).claims(), **change})


@pytest.mark.parametrize(
    "name", ["sub", "name", "intended_use_id", "version", "credentials", "exp", "privacy_policy"]
)
def test_statement_without_a_member_is_refused(statement: str, name: str) -> None:
    claims = jws.parse(statement).claims()
    del claims[name]
    with pytest.raises(RequestError):
        Procedure.parse(claims)


def test_procedure_with_alternatives_round_trips(statement: str) -> None:
    claims = jws.parse(statement).claims()
    claims["credentials"][0] |= {"id": "one"}
    claims["credential_sets"] = [{"options": [["one"]]}]
    procedure = Procedure.parse(claims)
    assert procedure.query.to_json() == {name: claims[name] for name in ("credentials", "credential_sets")}
    assert procedure.to_claims(issued_at=from_epoch(claims["iat"])) == claims
