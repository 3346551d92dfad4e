# SPDX-License-Identifier: EUPL-1.2
"""Notification request (section 11): what became of the copies at their arrival. Repeating it changes nothing.

`credential_deleted` means that the person refused at issuance; a later deletion is not told (ARF PAD_03).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from protocol.encoding import JSON, find_member
from protocol.errors import RequestError
from protocol.members import get_text
from protocol.oauth.errors import check_description
from protocol.openid4vci.errors import NotificationError

_CODE = NotificationError.INVALID_NOTIFICATION_REQUEST


class NotificationEvent(StrEnum):
    """What became of them."""

    ACCEPTED = "credential_accepted"
    FAILURE = "credential_failure"
    DELETED = "credential_deleted"


@dataclass(frozen=True)
class NotificationRequest:
    """A wallet's word on one credential response."""

    notification_id: str
    event: NotificationEvent
    description: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {"notification_id": self.notification_id, "event": self.event.value}
        return members if self.description is None else {**members, "event_description": self.description}

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> NotificationRequest:
        """Return the request. Raises `RequestError` (`invalid_notification_request`)."""
        event = get_text(value, "event", code=_CODE)
        if event not in {each.value for each in NotificationEvent}:
            raise RequestError(_CODE, f"expected one of {', '.join(NotificationEvent)}")
        description = find_member(value, "event_description", str, code=_CODE)
        if description is not None:
            check_description(description, "event_description", code=_CODE)
        return cls(
            notification_id=get_text(value, "notification_id", code=_CODE),
            event=NotificationEvent(event),
            description=description,
        )
