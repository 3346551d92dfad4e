# SPDX-License-Identifier: EUPL-1.2
"""An issuer, a verifier, a ledger and a VÀLid for the wallet's tests: honest, or with exactly one thing wrong."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from flask import Flask, Response, jsonify, request

from ledger import promise as promises
from ledger import record as records
from ledger import signatures
from ledger.receipt import ConsentReceipt, check_receipt
from ledger.record import ClaimReference, ProcedureReference, RecordType
from protocol import jwe, key_binding, sd_jwt_vc
from protocol.encoding import JSON, b64url_decode, b64url_encode
from protocol.keys import PrivateKey
from protocol.oauth.metadata import ServerMetadata
from protocol.openid4vci.claims import Claim
from protocol.openid4vci.configuration import CredentialConfiguration, ProofType
from protocol.openid4vci.credential_request import CredentialRequest
from protocol.openid4vci.display import displays_of
from protocol.openid4vci.metadata import IssuerMetadata
from protocol.openid4vci.offer import PRE_AUTHORIZED, CredentialOffer, PreAuthorizedGrant, TxCode
from protocol.openid4vci.proof import verify_proof
from protocol.openid4vci.token import PreAuthorizedRequest
from protocol.openid4vp import PresentationRequest, PresentationResponse, RequestLink, sign_request
from protocol.sd_jwt import UnverifiedSDJWT
from tests.fakes.holder import CLAIMS, VCT
from tests.fakes.requests import client_metadata, verifier_info

TX_CODE = "123456"
ISSUER, WALLET = "http://localhost:8101", "http://localhost:8102"
VERIFIER, LEDGER, SANDBOX = "http://localhost:8103", "http://localhost:8104", "http://localhost:8105"
LOG = "localhost:8104/2026"


@dataclass
class FakeIssuer:
    """One administration's issuer. Replace `mint` to issue something wrong."""

    world: Any
    party_id: str = "universitat"
    kind: str = "university-degree"
    batch_size: int = 3
    nonces: list[str] = field(default_factory=list)
    stale_nonces: int = 0
    notifications: list[dict[str, JSON]] = field(default_factory=list)
    mint: Callable[..., str] | None = None
    wrong_metadata: bool = False

    @property
    def party(self) -> Any:
        return self.world.parties[self.party_id]

    def link(self) -> str:
        return f"{WALLET}/receive?credential_offer_uri={self.party.issuer_identifier}/offers/x"

    def issue(self, key: Any, **changes: Any) -> str:
        now = self.world.clock.now()
        values: dict[str, Any] = {
            "claims": CLAIMS[self.kind],
            "signer": self.party.issuer_key,
            "x5c": self.party.issuer_chain,
            "issuer": self.party.issuer_identifier,
            "vct": VCT.format(self.kind),
            "key": key,
        } | changes
        return sd_jwt_vc.issue(
            values["claims"],
            values["signer"],
            selective=[(name,) for name in values["claims"] if name not in values.get("clear", ())],
            status=values.get("status"),
            x5c=values["x5c"],
            issuer=values["issuer"],
            vct=values["vct"],
            holder_key=values["key"],
            issued_at=now,
            expires_at=now + timedelta(days=90),
        )

    def metadata(self) -> IssuerMetadata:
        base = self.party.issuer_identifier
        claims = tuple(
            Claim((name,), display=displays_of({"en": name.replace("_", " ").capitalize()}))
            for name in CLAIMS[self.kind]
        )
        configuration = CredentialConfiguration(
            id=self.kind,
            vct=VCT.format(self.kind),
            scope=self.kind,
            binding_methods=("jwk",),
            proof_types={"jwt": ProofType(("ES256",))},
            display=displays_of({"en": "University degree"}),
            claims=claims,
        )
        return IssuerMetadata(
            issuer=base + ("/other" if self.wrong_metadata else ""),
            nonce_endpoint=f"{base}/nonce",
            credential_endpoint=f"{base}/credential",
            notification_endpoint=f"{base}/notification",
            batch_size=self.batch_size,
            display=displays_of({"en": self.party.data.name["en"]}),
            configurations={self.kind: configuration},
        )

    def server(self) -> ServerMetadata:
        base = self.party.issuer_identifier
        return ServerMetadata(issuer=base, token_endpoint=f"{base}/token", grant_types=(PRE_AUTHORIZED,))

    def install(self, app: Flask) -> None:
        path = f"/{self.party_id}"
        grant = PreAuthorizedGrant("pre-code", TxCode(length=6))
        offer = CredentialOffer(self.party.issuer_identifier, (self.kind,), grant)
        app.add_url_rule(f"{path}/offers/x", f"{path}offer", lambda: jsonify(offer.to_json()))
        app.add_url_rule(
            f"/.well-known/openid-credential-issuer{path}",
            f"{path}meta",
            lambda: jsonify(self.metadata().to_json()),
        )
        app.add_url_rule(
            f"/.well-known/oauth-authorization-server{path}",
            f"{path}server",
            lambda: jsonify(self.server().to_json()),
        )
        app.add_url_rule(f"{path}/token", f"{path}token", self._token, methods=["POST"])
        app.add_url_rule(f"{path}/nonce", f"{path}nonce", self._nonce, methods=["POST"])
        app.add_url_rule(f"{path}/credential", f"{path}credential", self._credential, methods=["POST"])
        app.add_url_rule(f"{path}/notification", f"{path}notify", self._notify, methods=["POST"])

    def _token(self) -> Any:
        wanted = PreAuthorizedRequest.parse(request.form.to_dict(flat=False))
        if (wanted.code, wanted.tx_code) != ("pre-code", TX_CODE):
            return jsonify(error="invalid_grant"), 400
        return jsonify(access_token="token", token_type="Bearer", expires_in=300)

    def _nonce(self) -> Any:
        self.nonces.append(secrets.token_urlsafe(16))
        return jsonify(c_nonce=self.nonces[-1])

    def _credential(self) -> Any:
        if self.stale_nonces:
            self.stale_nonces -= 1
            return jsonify(error="invalid_nonce"), 400
        wanted = CredentialRequest.parse(request.get_json(), is_encrypted=False)
        proofs = [
            verify_proof(
                token,
                expected_audience=self.party.issuer_identifier,
                expected_client_id=None,
                attestation_policy=None,
                now=self.world.clock.now(),
            )
            for token in wanted.get_proofs().tokens
        ]
        assert all(proof.nonce == self.nonces[-1] for proof in proofs)
        mint = self.mint or (lambda _index, key: self.issue(key))
        issued = [{"credential": mint(index, proof.key)} for index, proof in enumerate(proofs)]
        return jsonify(credentials=issued, notification_id="note-1")

    def _notify(self) -> Any:
        self.notifications.append(request.get_json())
        return "", 204


@dataclass
class FakeVerifier:
    """Asks in one procedure, checks receipt and key binding, answers. `received` counts what arrived."""

    world: Any
    party_id: str = "ajuntament"
    procedure: str = "borsa-treball"
    log: str = LOG
    due: str = "2026-12-21"
    lose_answers: int = 0
    result: str = "accepted"
    change: Callable[[PresentationRequest], PresentationRequest] = lambda r: r
    signer: PrivateKey | None = None
    brings_back_nonce: bool = True
    acceptance_signer: PrivateKey | None = None
    received: list[bytes] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    withdrawals: list[dict[str, JSON]] = field(default_factory=list)
    answers: list[dict[str, JSON]] = field(default_factory=list)
    answered: dict[bytes, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key = PrivateKey.generate()
        self.nonce = secrets.token_urlsafe(24)
        self.response: PresentationResponse | None = None

    @property
    def party(self) -> Any:
        return self.world.parties[self.party_id]

    @property
    def registered(self) -> Any:
        return next(p for p in self.party.procedures if p.data.procedure.id == self.procedure)

    def request(self) -> PresentationRequest:
        now = self.world.clock.now() if not hasattr(self, "_at") else self._at
        self._at = now
        made = PresentationRequest(
            client_id=self.party.client_id,
            response_uri=f"{VERIFIER}/{self.party_id}/response/1",
            nonce=self.nonce,
            state="state-1",
            query=self.registered.data.procedure.query,
            metadata=client_metadata(self.key.public_key, "k1"),
            verifier_info=verifier_info(self.registered.statement, f"{VERIFIER}/{self.party_id}/withdrawals"),
            issued_at=now,
            expires_at=now + timedelta(minutes=5),
        )
        return self.change(made)

    def link(self) -> str:
        return RequestLink(self.party.client_id, f"{VERIFIER}/{self.party_id}/request/1", True).url(
            f"{WALLET}/present"
        )

    def install(self, app: Flask) -> None:
        path = f"/{self.party_id}"
        app.add_url_rule(f"{path}/request/1", f"{path}request", self._request, methods=["GET", "POST"])
        app.add_url_rule(f"{path}/response/1", f"{path}response", self._response, methods=["POST"])
        app.add_url_rule(f"{path}/withdrawals", f"{path}withdraw", self._withdraw, methods=["POST"])
        app.add_url_rule(f"{path}/withdrawals/1", f"{path}status", self._status)

    def _request(self) -> Any:
        nonce = request.form.get("wallet_nonce") if self.brings_back_nonce else None
        token = sign_request(
            self.request(), self.signer or self.party.access_key, x5c=self.party.access_chain, wallet_nonce=nonce
        )
        return Response(token, content_type="application/oauth-authz-req+jwt")

    def _response(self) -> Any:
        body = request.get_data()
        if "error" in request.form:
            self.refusals.append(request.form["error"])
            return jsonify({})
        self.received.append(body)
        if body not in self.answered:
            self.answered[body] = self._check(request.form["response"])
        if self.lose_answers:
            self.lose_answers -= 1
            return "gateway timeout", 504
        return jsonify(self.answered[body])

    def _check(self, token: str) -> dict[str, Any]:
        response = PresentationResponse.parse(jwe.decrypt(token, self.key, expected_key_id="k1"))
        self.response = response
        now, asked = self.world.clock.now(), self.request()
        keys, claims = [], []
        for given in response.vp_token.values():
            unverified = UnverifiedSDJWT.parse(given[0])
            found = sd_jwt_vc.verify(sd_jwt_vc.FORMAT.parse(given[0]), trust=self.world.trust, now=now)
            key_binding.verify(
                unverified.key_binding,
                found.holder_key,
                signed_part=unverified.signed_part,
                hash_name="sha-256",
                expected_nonce=asked.nonce,
                expected_audience=asked.client_id,
                expected_transaction_data=(),
                now=now,
            )
            keys.append(found.holder_key)
            claims += [ClaimReference(found.vct, (d.name or "",)) for d in unverified.disclosures]
        checked = check_receipt(
            ConsentReceipt.parse(response.consent_receipt),
            trusted_log=self.world.trust.get_log(self.log, now=now),
            expected_client_id=asked.client_id,
            expected_nonce=asked.nonce,
            expected_party=self.party.data.code,
            expected_procedure=ProcedureReference(self.procedure, "1"),
            expected_claims=claims,
            copy_keys=keys,
            expected_aud=asked.client_id,
            now=now,
        )
        acceptance = signatures.sign_acceptance(
            self.acceptance_signer or self.party.access_key,
            commitment=checked.commitment,
            result=self.result,
            reference="REF-1",
            now=now,
            x5c=self.party.access_chain,
        )
        rejected = self.result == "rejected"
        outcome = {
            "result": self.result,
            "reference": "REF-1",
            "next_step": {"en": "We will write to you."},
            "due": "2026-12-01",
            "failed_check": "validity" if rejected else None,
            "remedy": {"en": "Get a new document."} if rejected else None,
            "checks": [],
        }
        return {"consent_acceptance": acceptance, "outcome": outcome}

    def _withdraw(self) -> Any:
        self.withdrawals.append(request.get_json())
        return jsonify(status_uri=f"{VERIFIER}/{self.party_id}/withdrawals/1", due=self.due), 202

    def _status(self) -> Any:
        answer = self.answers[-1] if self.answers else None
        return jsonify(state="answered" if answer else "received", due=self.due, answer=answer)

    def answer(self, kind: RecordType, **changes: Any) -> None:
        """Answer the last withdrawal."""
        asked = self.withdrawals[-1]
        commitment = records.commit(b64url_decode(str(asked["key"])), b64url_decode(str(asked["record"])))
        values: dict[str, Any] = {
            "previous": commitment,
            "party": self.party,
            "promise_key": self.world.promise_key,
            "code": self.party.data.code,
        } | changes
        record = records.to_bytes(
            records.build_answer(
                kind,
                log=LOG,
                time=self.world.clock.now(),
                transaction_identifier=records.new_transaction_identifier(),
                party=records.Party(values["code"], "Ajuntament de Vilaprova", "https://example.org"),
                previous=values["previous"],
                legal_ground="Llei 1/2000" if kind is RecordType.REFUSAL_TO_ERASE else None,
            )
        )
        key = records.new_key()
        self.answers.append(
            {
                "record": b64url_encode(record),
                "key": b64url_encode(key),
                "signature": signatures.sign_answer(
                    record, values["party"].access_key, x5c=values["party"].access_chain
                ),
                "promise": promises.make(
                    values["promise_key"],
                    log=LOG,
                    commitment=records.commit(key, record),
                    now=self.world.clock.now(),
                    maximum_merge_delay=timedelta(seconds=60),
                ),
            }
        )


@dataclass
class FakeLedger:
    """Promises what it is given."""

    world: Any
    key: PrivateKey | None = None
    log: str = LOG
    entries: list[bytes] = field(default_factory=list)

    def install(self, app: Flask) -> None:
        app.add_url_rule("/log/v1/entries", "entries", self._add, methods=["POST"])

    def promise(self, commitment: records.Commitment) -> str:
        self.entries.append(commitment)
        return promises.make(
            self.key or self.world.promise_key,
            log=self.log,
            commitment=commitment,
            now=self.world.clock.now(),
            maximum_merge_delay=timedelta(seconds=60),
        )

    def _add(self) -> Any:
        commitment = records.parse_commitment(request.get_json()["commitment"])
        return jsonify(promise=self.promise(commitment)), 201


@dataclass
class FakeValid:
    """VÀLid: whoever comes back with code `NAME` is that person."""

    def install(self, app: Flask) -> None:
        app.add_url_rule("/o/oauth2/token", "token", self._token, methods=["POST"])
        app.add_url_rule("/serveis-rest/getUserInfo", "info", self._info)
        app.add_url_rule("/o/oauth2/revoke", "revoke", lambda: jsonify({}))

    def _token(self) -> Any:
        return jsonify(access_token=request.form["code"], token_type="Bearer", expires_in=60)

    def _info(self) -> Any:
        number = {"marta": "99990001P", "jordi": "99990002D"}[request.args["AccessToken"]]
        return jsonify(
            status="ok",
            identifier=number,
            identifierType="1",
            name=request.args["AccessToken"].capitalize(),
            surname1="Soler",
            surname2="Vidal",
            assuranceLevel="substantial",
            method="idcatmobil",
        )


@dataclass
class Peers:
    """All of them, reachable through the world's HTTP client."""

    world: Any
    issuer: FakeIssuer
    verifier: FakeVerifier
    ledger: FakeLedger


def install_peers(world: Any, **verifier: Any) -> Peers:
    """Put honest peers where the wallet looks for them."""
    made = Peers(world, FakeIssuer(world), FakeVerifier(world, **verifier), FakeLedger(world))
    census = FakeIssuer(world, "ajuntament", "census-registration")
    for origin, peers in (
        (ISSUER, (made.issuer, census)),
        (VERIFIER, (made.verifier,)),
        (LEDGER, (made.ledger,)),
        (SANDBOX, (FakeValid(),)),
    ):
        app = Flask(origin.rpartition(":")[2])
        for peer in peers:
            peer.install(app)
        world.http.apps[origin] = app
    return made


def asks_more(made: PresentationRequest) -> PresentationRequest:
    """Ask one claim more than the procedure has."""
    wanted = made.query.credentials[0]
    claim = replace(wanted.claims[0], path=("birth_date",))
    return replace(made, query=replace(made.query, credentials=(replace(wanted, claims=(*wanted.claims, claim)),)))
