# SPDX-License-Identifier: EUPL-1.2
"""The monitor's rounds: which logs to look at, and one look at each (`ledger.look`).

- A log that an address showed once is looked for there ever after, also when the address no longer lists it.
- With a trust file only its logs are followed, and all of those of an address's host, listed or not. Without one,
  a log's first word about itself is remembered, and holds from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ledger import checkpoint as checkpoints
from ledger.findings import Finding, Level, Outcome, could_not_tell, violated
from ledger.look import LogReport, Look, Means
from ledger.monitor import finding_of
from ledger.promise_files import HandedPromise, UnreadableFile, read_promises
from ledger.trust import AuditedLog, TrustFile
from ledger.violation import KINDS
from protocol.encoding import JSON
from protocol.errors import Error, RequestError

_NOT_FOUND = 404


class Follower:
    """Follows the logs at some addresses."""

    def __init__(
        self, means: Means, urls: Sequence[str], *, trust: TrustFile | None, promises: Sequence[Path]
    ) -> None:
        self._means = means
        self._urls = urls
        self._trust = trust
        self._promises = promises

    def check(self) -> tuple[LogReport, ...]:
        """Look once at every log. Raises `ConfigurationError` when what was remembered cannot be read."""
        handed = read_promises(self._promises)
        promises = tuple(each for each in handed if isinstance(each, HandedPromise))
        reports = [report for url in self._urls for report in self._check_address(url, promises)]
        for report in {report.origin: report for report in reversed(reports)}.values():
            report.findings.extend(self._find_foreign(report.origin))
        rest = [
            could_not_tell(Level.PROMISED, f"{each.path}: {each.reason}")
            for each in handed
            if isinstance(each, UnreadableFile)
        ]
        followed = {report.origin for report in reports}
        rest.extend(
            could_not_tell(Level.PROMISED, f"{each.path}: {each.log} is not followed")
            for each in promises
            if each.log not in followed
        )
        return (*reports, LogReport("", findings=rest)) if rest else tuple(reports)

    def _check_address(self, url: str, promises: Sequence[HandedPromise]) -> list[LogReport]:
        logs = {origin: self._known(origin) for origin in self._means.state.known_at(url)}
        # which logs there are is not the ledger's to say
        host = urlsplit(url).netloc
        logs |= {each.origin: each for each in self._trusted() if each.origin.partition("/")[0] == host}
        failed: list[Finding] = []
        try:
            for value in self._listed(url):
                origin = str(value.get("origin"))
                if logs.get(origin) is None:
                    logs[origin] = self._known(origin) or self._first_word(value)
        except Error as exc:
            failed = [finding_of(Level.CHECKPOINT, exc)]
        reports = [self._check_log(url, log, promises) for log in logs.values() if log is not None]
        if not reports and not failed:
            failed = [could_not_tell(Level.TRUST, "none of the logs at this address is known")]
        return [LogReport(url, findings=failed), *reports] if failed else reports

    def _listed(self, url: str) -> list[dict[str, JSON]]:
        client = self._means.open_client(url, None)
        try:
            return [value for value in client.logs() if isinstance(value, dict)]
        except RequestError as exc:
            if exc.status != _NOT_FOUND:
                raise
        # a plain mirror of the files has one log and no list
        return [{"origin": checkpoints.parse_unverified(client.checkpoint()).origin}]

    def _trusted(self) -> Sequence[AuditedLog]:
        return () if self._trust is None else self._trust.logs

    def _known(self, origin: str) -> AuditedLog | None:
        if self._trust is not None:
            return self._trust.find_log(origin)
        seen = self._means.state.find(origin)
        return None if seen is None else seen.log

    def _first_word(self, value: dict[str, JSON]) -> AuditedLog | None:
        return AuditedLog.parse(value) if self._trust is None and "checkpoint_key" in value else None

    def _check_log(self, url: str, log: AuditedLog, promises: Sequence[HandedPromise]) -> LogReport:
        report = LogReport(url, log.origin)
        if self._trust is None:
            detail = "keys and contract are the log's own first word: no trust file was given"
            report.findings.append(Finding(Level.TRUST, Outcome.ASSUMED, detail, counts=False))
        for path, kind in self._means.state.kept_violations(log.origin):
            if kind is not None:
                report.findings.append(violated(KINDS[kind].level, f"found out before: {path.name}"))
        witnesses = self._trust.witnesses if self._trust is not None else ()
        look = Look(self._means, url, log, report, witnesses=witnesses, followed=self._urls)
        look.run([each for each in promises if each.log == log.origin])
        return report

    def _find_foreign(self, origin: str) -> list[Finding]:
        """Return what lies among the proofs against a log and says nothing about it by its name."""
        return [
            could_not_tell(Level.TRUST, f"{path}: not the name of a proof that this monitor kept; move it away")
            for path, kind in self._means.state.kept_violations(origin)
            if kind is None
        ]
