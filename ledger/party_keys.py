# SPDX-License-Identifier: EUPL-1.2
"""Whom this site trusts when it checks a file for somebody who brings no trust file.

The keys of logs are those that this service itself keeps, so they are *assumed*. Keys of offices come from the
certificates beside their signatures, and count only when the trust list of this service vouches for them now.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ledger import record as records
from ledger.evidence import Evidence
from ledger.record import RecordType
from ledger.trust import AuditedLog, TrustedAdministration, TrustFile
from ledger.trusted_key import TrustedKey
from protocol import jws
from protocol.errors import Error
from protocol.keys import PublicKey
from protocol.trust import TrustList


def trust_of_site(
    evidence: Evidence, logs: Iterable[AuditedLog], trust_list: TrustList, *, now: datetime
) -> TrustFile:
    """Return what this site can say about the keys that a file needs."""
    access: dict[str, list[TrustedKey]] = {}
    issuing: dict[str, list[TrustedKey]] = {}
    for item in evidence.records:
        try:
            record = records.parse(item.record)
        except Error:
            continue
        code, is_query = record.party.identifier, record.type is RecordType.QUERY
        for token in (item.acceptance, item.signature):
            key = _find_key(token, code, trust_list, is_query=is_query, now=now)
            if key is not None:
                (issuing if is_query else access).setdefault(code, []).append(TrustedKey(key))
    parties = tuple(
        TrustedAdministration(code, {}, tuple(access.get(code, ())), (), tuple(issuing.get(code, ())))
        for code in sorted({*access, *issuing})
    )
    return TrustFile("", tuple(logs), parties)


def _find_key(
    token: str | None, code: str, trust_list: TrustList, *, is_query: bool, now: datetime
) -> PublicKey | None:
    """Return the key of the certificate beside a signature when it speaks for this office, else None."""
    if token is None:
        return None
    try:
        chain = jws.parse(token).header.get("x5c")
        if chain is None:
            return None
        get = trust_list.get_issuer_key if is_query else trust_list.get_party_key
        return get(chain, party_code=code, now=now)
    except Error:
        return None
