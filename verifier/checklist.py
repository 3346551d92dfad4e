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


class Steps:
    """Runs the steps in the order of `Check` and keeps their states: `with steps.run(check): …`.

    Raises `RefusedError` for anything wrong in a step, under its name, and `CouldNotCheckError` when it
    could not be made.
    """

    def __init__(self) -> None:
        self._states = dict.fromkeys(Check, CheckState.NOT_RUN)
        self._running = Check.FORMAT
        self._outcome = CheckState.PASSED

    @property
    def checklist(self) -> Checklist:
        """The states so far."""
        return dict(self._states)

    def set_not_applicable(self) -> None:
        """Say, inside a step, that there was nothing to check."""
        self._outcome = CheckState.NOT_APPLICABLE

    def run(self, check: Check) -> Self:
        """Name the step that the block takes."""
        self._running, self._outcome = check, CheckState.PASSED
        return self

    def __enter__(self) -> None:
        """Begin the step."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Note what became of it."""
        check = self._running
        if error is None:
            self._states[check] = self._outcome
        elif isinstance(error, UnavailableError):
            self._states[check] = CheckState.COULD_NOT_TELL
            raise CouldNotCheckError(error, check, self.checklist) from error
        elif isinstance(error, RequestError | VerificationError):
            self._states[check] = CheckState.FAILED
            raise RefusedError(VerificationError(check, error.message, code=error.code), self.checklist) from error
