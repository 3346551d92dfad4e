# SPDX-License-Identifier: EUPL-1.2
"""What every peer gets: one degree with its issuer, holders, presentations and status list, all made in memory.

- Each credential has a holder key of its own, as real ones do; the issuer has one key and one certificate.
- The claims are fictitious. `size` claims are selectively disclosable, twelve of them a plausible degree.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from protocol.clock import epoch_seconds
from protocol.dcql import ClaimQuery, CredentialQuery, Query
from protocol.encoding import JSON
from protocol.keys import PrivateKey
from protocol.registration import Procedure
from protocol.trust import SignedTrustList
from protocol.x509 import Anchors
from testimoni.development.authority import Authority
from testimoni.development.parties import MemoryKeep, Party, make_parties, sign_trust_list

ISSUER_URL = "https://issuer.example"
VERIFIER_URL = "https://verifier.example"
DEGREE = "https://testimoni.example/credentials/university-degree/1"
CLAIMS: Mapping[str, JSON] = {
    "given_name": "Aina",
    "family_name": "Puig Soler",
    "document_number": "12345678Z",
    "birth_date": "2001-04-23",
    "degree_name": "Grau en Enginyeria Informàtica",
    "university": "Universitat de Vilanova del Camp",
    "meces_level": 2,
    "ects_credits": 240,
    "average_mark": "8.41",
    "completed_on": "2024-07-12",
    "issued_on": "2024-09-30",
    "registry_number": "2024/118730",
}
QUERY_ID = "degree"
SHOWN = ("family_name", "document_number", "degree_name")
# more than a batch does in one go, so that no batch meets a presentation twice at once
HOLDERS = 48
STATUS_LIST_URI = f"{ISSUER_URL}/status/1"
STATUS_LIST_SIZE = 2**20
REVOKED_SHARE = 0.01
# the same entries are revoked in every run
_SEED = 20261101
LIFETIME = timedelta(days=90)


def claims(size: int) -> dict[str, JSON]:
    """Return so many claims: the degree's twelve, then the marks of single subjects."""
    subjects = {f"subject_{number:03}": f"{number % 5 + 5}.{number % 10}" for number in range(size - len(CLAIMS))}
    return {**CLAIMS, **subjects}


@dataclass(frozen=True)
class World:
    """An issuer on a trust list, a procedure that asks for three claims, holders, and a status list's entries."""

    now: datetime
    issuer: Party
    trust: SignedTrustList
    client_id: str
    procedure: Procedure
    holders: tuple[PrivateKey, ...]
    revoked: tuple[int, ...]
    # two entries that are not revoked: the credentials' own, and the one that is set and unset
    index: int
    flipped: int

    @property
    def issued_at(self) -> datetime:
        """When the credentials were issued: a whole day."""
        return self.now.replace(hour=0, minute=0, second=0)

    @property
    def expires_at(self) -> datetime:
        """When they expire."""
        return self.issued_at + LIFETIME

    def payload(self) -> dict[str, JSON]:
        """Return what is signed in the clear, but for `cnf`."""
        return {
            "iss": self.issuer.issuer_identifier,
            "iat": epoch_seconds(self.issued_at),
            "exp": epoch_seconds(self.expires_at),
            "vct": DEGREE,
        }

    @classmethod
    def make(cls) -> World:
        """Make a new one, dated now: a peer that cannot be told the time must find it valid."""
        now = datetime.now(UTC).replace(microsecond=0)
        authority = Authority.create(now)
        parties = make_parties(
            authority, issuer_url=ISSUER_URL, verifier_url=VERIFIER_URL, keep=MemoryKeep(), now=now
        )
        issuer = next(each for each in parties.values() if _issues_degrees(each))
        asking = next(each for each in parties.values() if each.procedures)
        token = sign_trust_list(authority, parties, [], sequence=1, now=now)
        chosen = random.Random(_SEED)  # noqa: S311  # which entries are revoked is no secret
        revoked = chosen.sample(range(STATUS_LIST_SIZE), round(STATUS_LIST_SIZE * REVOKED_SHARE))
        index, flipped = _valid_entries(set(revoked))
        return cls(
            now=now,
            issuer=issuer,
            trust=SignedTrustList.verify(token, Anchors([authority.root]), now=now),
            client_id=asking.client_id,
            procedure=replace(asking.procedures[0].data.procedure, query=query(SHOWN)),
            holders=tuple(PrivateKey.generate() for _ in range(HOLDERS)),
            revoked=tuple(sorted(revoked)),
            index=index,
            flipped=flipped,
        )


def _issues_degrees(party: Party) -> bool:
    return DEGREE in str(party.trust_entry()["issuers"])


def query(names: Collection[str]) -> Query:
    """Return a query for these claims of the degree, also for more of them than `Query.parse` takes."""
    wanted = tuple(ClaimQuery(path=(name,)) for name in names)
    return Query((CredentialQuery(id=QUERY_ID, vct_values=(DEGREE,), claims=wanted),))


def _valid_entries(revoked: Collection[int]) -> tuple[int, int]:
    first, second, *_ = (n for n in range(STATUS_LIST_SIZE // 2, STATUS_LIST_SIZE) if n not in revoked)
    return first, second
