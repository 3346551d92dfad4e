# SPDX-License-Identifier: EUPL-1.2
"""The checklist of one verification, derived from the steps that ran: never written by hand.

A step that raises ends the run: what came before holds, what comes after did not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Self

from protocol.encoding import JSON
from protocol.errors import Check, RequestError, UnavailableError, VerificationError


class CheckState(StrEnum):
    """What became of one check."""

    PASSED = "passed"
    FAILED = "failed"
    COULD_NOT_TELL = "could-not-tell"
    NOT_RUN = "not-run"
    NOT_APPLICABLE = "not-applicable"


Checklist = Mapping[Check, CheckState]


def checklist_json(checklist: Checklist) -> list[JSON]:
    """Return the wire form: one object per check, in the order of the pipeline."""
    return [{"check": check.value, "state": checklist[check].value} for check in Check]


class RefusedError(VerificationError):
    """The presentation failed a check; `checklist` says which held before."""

    def __init__(self, cause: VerificationError, checklist: Checklist) -> None:
        super().__init__(cause.check, cause.message, code=cause.code)
        self.checklist = checklist


class CouldNotCheckError(UnavailableError):
    """A check could not be made now. It refuses, but decides nothing: the same response may be sent again."""

    def __init__(self, cause: UnavailableError, check: Check, checklist: Checklist) -> None:
        super().__init__(cause.code, cause.message)
        self.check = check
        self.checklist = checklist


_NOT_RUN: Checklist = dict.fromkeys(Check, CheckState.NOT_RUN)


class Steps:
    """Names the steps in the order of `Check` and keeps their states: `with Steps() as steps: steps.begin(…)`.

    A step holds when the next one begins, or the block ends. The block raises `RefusedError` for anything wrong,
    under the name of the step that was running, and `CouldNotCheckError` when it could not be made.
    """

    def __init__(self) -> None:
        self._states = dict(_NOT_RUN)
        self._running: Check | None = None
        self._outcome = CheckState.PASSED

    @property
    def checklist(self) -> Checklist:
        """The states so far."""
        return dict(self._states)

    def set_not_applicable(self) -> None:
        """Say, inside a step, that there was nothing to check."""
        self._outcome = CheckState.NOT_APPLICABLE

    def begin(self, check: Check) -> None:
        """Begin this step; the one before it holds."""
        if self._running is not None:
            self._states[self._running] = self._outcome
        self._running, self._outcome = check, CheckState.PASSED

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Note what became of the last step."""
        if self._running is None:
            return
        check = self._running
        if error is None:
            self._states[check] = self._outcome
        elif isinstance(error, UnavailableError):
            self._states[check] = CheckState.COULD_NOT_TELL
            raise CouldNotCheckError(error, check, self.checklist) from error
        elif isinstance(error, RequestError | VerificationError):
            self._states[check] = CheckState.FAILED
            raise RefusedError(VerificationError(check, error.message, code=error.code), self.checklist) from error
