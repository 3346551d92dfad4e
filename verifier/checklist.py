# SPDX-License-Identifier: EUPL-1.2
"""The checklist of one verification, derived from the steps that ran: never written by hand.

A step that raises ends the run: what came before holds, what comes after did not run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum

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
    """Runs the steps in the order of `Check` and keeps their states."""

    def __init__(self) -> None:
        self._states = dict.fromkeys(Check, CheckState.NOT_RUN)
        self._not_applicable: set[Check] = set()

    @property
    def checklist(self) -> Checklist:
        """The states so far."""
        return dict(self._states)

    def set_not_applicable(self, check: Check) -> None:
        """Say, inside its step, that there was nothing to check."""
        self._not_applicable.add(check)

    @contextmanager
    def run(self, check: Check) -> Iterator[None]:
        """Run one step.

        Raises `RefusedError` for anything wrong in it, under the name of this step, and `CouldNotCheckError`
        when it could not be made.
        """
        try:
            yield
        except UnavailableError as exc:
            self._states[check] = CheckState.COULD_NOT_TELL
            raise CouldNotCheckError(exc, check, self.checklist) from exc
        except (RequestError, VerificationError) as exc:
            self._states[check] = CheckState.FAILED
            raise RefusedError(VerificationError(check, exc.message, code=exc.code), self.checklist) from exc
        self._states[check] = CheckState.NOT_APPLICABLE if check in self._not_applicable else CheckState.PASSED
