# SPDX-License-Identifier: EUPL-1.2
"""JSON lines on standard error, each with the correlation identifier; never a token, key or personal datum."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from protocol.runtime import correlation


def _add_correlation(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the identifier of the work at hand (structlog's processor signature asks for Any)."""
    event["correlation_id"] = correlation.current()
    return event


def configure_logging(service: str) -> None:
    """Send this process's log lines to standard error under the service's name."""
    # this library names full addresses at its lower levels, and some of them carry a token in their query
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_correlation,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(service=service)
