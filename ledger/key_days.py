# SPDX-License-Identifier: EUPL-1.2
"""The days of a trust file's keys, as a trust registry has them (pure functions).

- An access key's days are those of the administration's key as a verifier, an issuer key's those as an issuer, as
  far as the administration took part. Rights decide nothing here: a trust file has none.
- What the file said of the days is replaced; what it says besides stays. A key that the registry never knew stays
  as it is and is named; one that never counted is taken out and named. It adds none: it has digests only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ledger.registry import RegistryHistory, administration_id
from ledger.registry_events import Role
from ledger.trust import TrustedAdministration, TrustFile
from ledger.trusted_key import TrustedKey
from protocol.clock import MAX_EPOCH_SECONDS, from_epoch
from protocol.encoding import b64url_decode


@dataclass(frozen=True)
class DatedTrust:
    """The file with the registry's days, and the thumbprints of keys of which it has none."""

    trust: TrustFile
    dated: int
    unknown: tuple[str, ...]
    """Left as they were."""
    taken_out: tuple[str, ...]


def date_keys(trust: TrustFile, history: RegistryHistory) -> DatedTrust:
    """Return the trust file with the days that the registry's history gives to its keys."""
    made = _Dating(history)
    parties = tuple(made.party(each) for each in trust.administrations)
    return DatedTrust(
        replace(trust, administrations=parties), made.dated, tuple(made.unknown), tuple(made.taken_out)
    )


class _Dating:
    def __init__(self, history: RegistryHistory) -> None:
        self._history = history
        self.dated = 0
        self.unknown: list[str] = []
        self.taken_out: list[str] = []

    def party(self, party: TrustedAdministration) -> TrustedAdministration:
        code = administration_id(party.code)
        return replace(
            party,
            access_keys=tuple(self._keys(party.access_keys, Role.VERIFIER, code)),
            issuer_keys=tuple(self._keys(party.issuer_keys, Role.ISSUER, code)),
        )

    def _keys(self, keys: Sequence[TrustedKey], role: Role, administration: bytes) -> Iterator[TrustedKey]:
        # a key with several periods is listed for each
        for key in dict.fromkeys(each.key for each in keys):
            thumbprint = key.thumbprint()
            found = self._history.find_key(b64url_decode(thumbprint), role, administration)
            if found is None:
                self.unknown.append(thumbprint)
                yield from (each for each in keys if each.key == key)
                continue
            periods, compromised = found
            given = [
                TrustedKey(
                    key, _moment(start), _moment(end), None if compromised is None else _moment(compromised)
                )
                for start, end in periods
                if start <= MAX_EPOCH_SECONDS
            ]
            self.dated += bool(given)
            if not given:
                self.taken_out.append(thumbprint)
            yield from given


def _moment(seconds: int) -> datetime | None:
    """Return the moment; None for what no calendar has."""
    return None if seconds > MAX_EPOCH_SECONDS else from_epoch(seconds)
