# SPDX-License-Identifier: EUPL-1.2
"""What is said about a decision: to the wallet, to the clerk, to the citizen; and what is kept.

Every text here is an English source sentence; the catalogues have it in Catalan and Spanish. The checklist comes
from the pipeline, never from here.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ledger.receipt import ConsentReceipt
from protocol.encoding import JSON, b64url_decode, b64url_encode, compact_json, get_member, parse_object
from protocol.errors import Check, RequestError
from verifier.checklist import Checklist, CheckState, checklist_json
from verifier.model import ProcedureEntry, Texts
from verifier.verification import VerifiedDocument

# without letters and digits that look alike (Crockford)
_REFERENCE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_REFERENCE_GROUPS = 2
_REFERENCE_GROUP_CHARS = 4

# what each check answers, as its name in a checklist
CHECK_SENTENCES: Mapping[str, str] = {
    "format": "The documents can be read",
    "issuer": "Issued by an administration that may issue them",
    "signature": "Signed by that administration",
    "disclosures": "Nothing changed, added or hidden",
    "key-binding": "Shown by the person they were given to, to us, for this request",
    "validity": "Valid today",
    "status": "Not withdrawn by who issued them",
    "query": "Exactly what we asked for",
    "policy": "Meets the conditions of the procedure",
    "receipt": "Entered in the record book before it was sent",
}

# the clerk's verdict in one sentence, when this check fails
CLERK_SENTENCES: Mapping[str, str] = {
    "format": "What arrived cannot be read as documents, so it was not accepted.",
    "issuer": "A document comes from somebody who may not issue it, so it was not accepted.",
    "signature": "The signature of a document is not correct, so it was not accepted.",
    "disclosures": "A document was changed after it was issued, so it was not accepted.",
    "key-binding": "The documents were not shown for this request by the person they belong to.",
    "validity": "A document has expired or is not valid yet, so it was not accepted.",
    "status": "A document may have been withdrawn by who issued it, so it was not accepted.",
    "query": "What arrived is not what the procedure asks for, so it was not accepted.",
    "policy": "The documents do not meet the conditions of the procedure.",
    "receipt": "The sending was not entered in the record book as it must be, so it was not accepted.",
}

# the citizen's way on, when this check fails
REMEDY_SENTENCES: Mapping[str, str] = {
    "format": "Please try again. If it fails once more, the office can start a new request or take paper.",
    "issuer": "Please get the document again from the administration that holds it, and share the new one.",
    "signature": "Please delete this document and get it again from who holds it. Then share it.",
    "disclosures": "Please delete this document and get it again from who holds it. Then share it.",
    "key-binding": "Please ask the office for a new code and share again from your own wallet.",
    "validity": "Your document has expired. Please get a new one; it takes a minute. Then share again.",
    "status": "Please get the document again from the administration that holds it, and share the new one.",
    "query": "Please ask the office for a new code and share exactly the documents on the screen.",
    "policy": "Please ask the office what is missing; you can also bring the documents on paper.",
    "receipt": "Nothing of this will be used. Please ask the office for a new code and share again.",
}

# other verdicts for the clerk
VERDICT_SENTENCES: Mapping[str, str] = {
    "accepted": "The documents are genuine and are what the procedure asks for.",
    "declined": "The person did not send the documents. They can bring them another way.",
    "waiting": "Waiting for the person to share.",
    "expired": "Nobody answered in time. Start again if the person is still here.",
    "trouble": "One check could not be made just now. Nothing was decided. The person can send it again.",
    "different-people": "The documents are about different people, so they were not accepted.",
}

Translate = Callable[[str], dict[str, str]]


def new_reference(now: datetime) -> str:
    """Return a fresh reference number, such as 2026-7Q4K-1XRD: short enough to say on the telephone."""
    groups = [
        "".join(secrets.choice(_REFERENCE_ALPHABET) for _ in range(_REFERENCE_GROUP_CHARS))
        for _ in range(_REFERENCE_GROUPS)
    ]
    return "-".join([str(now.year), *groups])


@dataclass(frozen=True)
class Outcome:
    """What the office says to the citizen about a share."""

    is_accepted: bool
    reference: str
    next_step: Texts
    # the day by which the citizen hears, as YYYY-MM-DD
    due: str | None
    failed_check: Check | None
    remedy: Texts | None
    checklist: Checklist

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        return {
            "result": "accepted" if self.is_accepted else "rejected",
            "reference": self.reference,
            "next_step": dict(self.next_step),
            "due": self.due,
            "failed_check": None if self.failed_check is None else self.failed_check.value,
            "remedy": None if self.remedy is None else dict(self.remedy),
            "checks": checklist_json(self.checklist),
        }

    @classmethod
    def parse(cls, value: JSON) -> Outcome:
        """Return the outcome that `to_json` wrote."""
        if not isinstance(value, dict):
            raise RequestError("invalid_request", "expected an outcome")
        failed, remedy = value.get("failed_check"), value.get("remedy")
        checks: dict[Check, CheckState] = {}
        for item in get_member(value, "checks", list):
            match item:
                case {"check": str(check), "state": str(state)}:
                    checks[Check(check)] = CheckState(state)
        return cls(
            is_accepted=value.get("result") == "accepted",
            reference=get_member(value, "reference", str),
            next_step=_texts(value.get("next_step")),
            due=None if value.get("due") is None else get_member(value, "due", str),
            failed_check=None if failed is None else Check(str(failed)),
            remedy=None if remedy is None else _texts(remedy),
            checklist=checks,
        )


def accepted(entry: ProcedureEntry, reference: str, checklist: Checklist, *, now: datetime) -> Outcome:
    """Return the outcome of a presentation that passed."""
    due = None if entry.due_days is None else (now + timedelta(days=entry.due_days)).date().isoformat()
    return Outcome(True, reference, entry.next_step, due, None, None, checklist)


def rejected(
    entry: ProcedureEntry, reference: str, check: Check, checklist: Checklist, *, translate: Translate
) -> Outcome:
    """Return the outcome of a presentation that failed this check; the procedure's own remedy comes first."""
    remedy = entry.remedies.get(check.value) or translate(REMEDY_SENTENCES[check.value])
    return Outcome(False, reference, remedy, None, check, remedy, checklist)


@dataclass(frozen=True)
class KeptDocument:
    """What stays of one document: its type, who issued it, and the claims that the procedure needs."""

    vct: str
    issuer: str
    issuer_name: Texts
    claims: Mapping[str, JSON] = field(repr=False)


@dataclass(frozen=True)
class KeptCase:
    """What stays of a presentation beside the decision; the presentation itself is destroyed."""

    documents: tuple[KeptDocument, ...]
    # without the bindings: they are discarded with the presentation
    receipt: ConsentReceipt

    @classmethod
    def of(cls, documents: Sequence[VerifiedDocument], receipt: ConsentReceipt) -> KeptCase:
        """Return what is kept of these documents; none for a rejected presentation."""
        kept = tuple(
            KeptDocument(each.vct, each.issuer.identifier, each.issuer.party_name, each.claims)
            for each in documents
        )
        return cls(kept, ConsentReceipt(receipt.record, receipt.key, receipt.signature, receipt.promise, ()))

    def to_bytes(self) -> bytes:
        """Return what `parse` reads."""
        return compact_json(
            {
                "documents": [
                    {
                        "vct": each.vct,
                        "issuer": each.issuer,
                        "issuer_name": dict(each.issuer_name),
                        "claims": dict(each.claims),
                    }
                    for each in self.documents
                ],
                "record": b64url_encode(self.receipt.record),
                "key": b64url_encode(self.receipt.key),
                "signature": self.receipt.signature,
                "promise": self.receipt.promise,
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> KeptCase:
        """Return the case that `to_bytes` wrote."""
        members = parse_object(data)
        documents = []
        for item in get_member(members, "documents", list):
            match item:
                case {"vct": str(vct), "issuer": str(issuer), "issuer_name": name, "claims": dict(claims)}:
                    documents.append(KeptDocument(vct, issuer, _texts(name), claims))
        receipt = ConsentReceipt(
            b64url_decode(get_member(members, "record", str)),
            b64url_decode(get_member(members, "key", str)),
            get_member(members, "signature", str),
            get_member(members, "promise", str),
            (),
        )
        return cls(tuple(documents), receipt)


def _texts(value: JSON) -> dict[str, str]:
    if not isinstance(value, dict):
        raise RequestError("invalid_request", "expected texts by language")
    return {code: str(text) for code, text in value.items()}
