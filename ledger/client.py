# SPDX-License-Identifier: EUPL-1.2
"""The ledger over HTTP, for wallets, verifiers and auditors.

- Proofs are computed here from whole tiles. Asking the log for one proof would tell it who cares about which
  entry, so this client never does.
- Checkpoints are verified with the caller's key; tiles are believed only as far as they lead to its root.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from ledger import checkpoint as checkpoints
from ledger import merkle, tiles
from ledger.checkpoint import Checkpoint, CheckpointKey
from ledger.commitment import Commitment
from ledger.proving import find_and_prove
from protocol.encoding import JSON, b64url_encode, compact_json, get_member, parse_object
from protocol.errors import Error, RequestError, UnavailableError
from protocol.runtime.fetch import HTTPClient, Response

_NOT_FOUND = 404
_JSON = "application/json"


@dataclass(frozen=True)
class Inclusion:
    """Where an entry is: its index, the proof to a checkpoint's root, and that checkpoint as signed."""

    leaf_index: int
    proof: tuple[bytes, ...]
    checkpoint: Checkpoint
    note: str


class LedgerClient:
    """One ledger service. `log` is the log's short name in paths (`2026`); without it, the current log.

    `token` is the recorder's, needed only to add entries.
    """

    def __init__(
        self, http: HTTPClient, base_url: str, *, log: str | None = None, token: str | None = None
    ) -> None:
        self._http = http
        self._base = base_url.rstrip("/")
        self._log = log
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    @classmethod
    def of_log(cls, http: HTTPClient, base_url: str, origin: str, *, token: str | None) -> LedgerClient:
        """Return the client of the log with this origin, whichever the current one is."""
        return cls(http, base_url, log=origin.rpartition("/")[2], token=token)

    def another(self, origin: str) -> LedgerClient:
        """Return the client of another log of the same service, for reading."""
        return LedgerClient.of_log(self._http, self._base, origin, token=None)

    def add_entry(self, commitment: Commitment) -> str:
        """Have the commitment promised and return the promise, unverified; safe to repeat.

        Raises `UnavailableError` when there is no promise, whatever the reason: then nothing may be shared.
        """
        body: dict[str, JSON] = {"commitment": b64url_encode(commitment)}
        if self._log is not None:
            body["log"] = self._log
        try:
            answer = self._http.post(
                f"{self._base}/log/v1/entries",
                body=compact_json(body),
                content_type=_JSON,
                headers=self._headers,
            )
            if answer.is_success:
                return get_member(answer.json(), "promise", str)
        except RequestError as exc:
            raise UnavailableError("ledger_unavailable", "the ledger gave no promise") from exc
        why = f"status {answer.status}, {_code(answer, 'no code')}"
        raise UnavailableError("ledger_unavailable", f"the ledger gave no promise ({why})")

    def logs(self) -> list[JSON]:
        """Return what the service says about its logs, as in a trust file but on its own word only."""
        return get_member(parse_object(self._get("/log/v1/logs")), "logs", list)

    def anchors(
        self, *, before: int | None = None, limit: int | None = None, state: str | None = None
    ) -> list[JSON]:
        """Return a page of the log's anchors, newest first, with state, transaction and block.

        The next page is that `before` the size of the last; without a limit it is as long as the service gives.
        """
        given = {"log": self._log, "before": before, "limit": limit, "state": state}
        query = urlencode({name: value for name, value in given.items() if value is not None})
        return get_member(parse_object(self._get(f"/log/v1/anchors?{query}")), "anchors", list)

    def find_final_size(self) -> int | None:
        """Return how many leaves the service says that the chain holds for good; None when it says none.

        The same question whoever asks, and whatever about: it tells the log nothing.
        """
        sizes = [_final_size(each) for each in self.anchors(limit=1, state="final")]
        return max((each for each in sizes if each is not None), default=None)

    def anchor(self, size: int) -> dict[str, JSON]:
        """Return the anchor of this size, with the evidence for its block once it is final."""
        query = "" if self._log is None else f"?log={quote(self._log, safe='')}"
        return parse_object(self._get(f"/log/v1/anchors/{size}{query}"))

    def checkpoint(self) -> str:
        """Return the newest checkpoint as signed, unverified."""
        try:
            return self._get(f"{self._prefix()}/checkpoint").decode()
        except UnicodeDecodeError as exc:
            raise RequestError("invalid_checkpoint", "checkpoint is not text") from exc

    def tile(self, address: tiles.TileAddress) -> tuple[bytes, ...]:
        """Return the hashes of one tile."""
        body = self._get_tile(address)
        return tiles.parse_tile(body, expected_width=address.width)

    def entries(self, address: tiles.TileAddress) -> tuple[Commitment, ...]:
        """Return the commitments of one entry bundle."""
        body = self._get_tile(address)
        return tiles.parse_entries(body, expected_width=address.width)

    def packed_tile(self, address: tiles.TileAddress) -> bytes:
        """Return the hashes of one tile, one after another."""
        body = self._get_tile(address)
        tiles.check_tile(body, expected_width=address.width)
        return body

    def packed_entries(self, address: tiles.TileAddress) -> bytes:
        """Return the commitments of one entry bundle, one after another."""
        return tiles.pack_entries(self._get_tile(address), expected_width=address.width)

    def all_entries(self, size: int) -> tuple[Commitment, ...]:
        """Return every commitment up to this size, in order."""
        bundles = tiles.addresses(size, None)
        return tuple(commitment for address in bundles for commitment in self.entries(address))

    def prove(self, commitment: Commitment, key: CheckpointKey, *, note: str | None = None) -> Inclusion | None:
        """Return where the commitment is in the newest checkpoint, or the given one; None when it is not there.

        Which tiles it reads says no more than `ledger.proving` states. What it returns was verified down to the
        signature of `key`, that it is not there as well.
        """
        signed = note if note is not None else self.checkpoint()
        head = checkpoints.verify(signed, key)
        found = find_and_prove(merkle.leaf_hash(commitment), head, self.tile)
        return None if found is None else Inclusion(*found, head, signed)

    def _get_tile(self, address: tiles.TileAddress) -> bytes:
        return self._get(f"{self._prefix()}/{address.path()}")

    def _prefix(self) -> str:
        return "" if self._log is None else f"/{quote(self._log, safe='')}"

    def _get(self, path: str) -> bytes:
        answer = self._http.get(f"{self._base}{path}", headers={"Accept": f"{_JSON}, */*;q=0.5"})
        if answer.is_success:
            return answer.body
        if answer.status == _NOT_FOUND:
            raise RequestError(_code(answer, "not_found"), f"the ledger has no {path}", status=_NOT_FOUND)
        raise UnavailableError("ledger_unavailable", f"the ledger answered {answer.status} to {path}")


def _final_size(anchor: JSON) -> int | None:
    match anchor:
        case {"state": "final", "size": int(size)}:
            return size
    return None


def _code(answer: Response, otherwise: str) -> str:
    try:
        return get_member(answer.json(), "error", str)
    except Error:
        return otherwise
