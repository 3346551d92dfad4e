# SPDX-License-Identifier: EUPL-1.2
"""What the wallet reads of an office's answer."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.errors import RequestError
from wallet.present import Outcome


@pytest.mark.parametrize("value", [None, [], {}, {"result": "perhaps"}, {"result": []}, {"result": {}}])
def test_outcome_that_is_neither_yes_nor_no_is_refused(value: Any) -> None:
    with pytest.raises(RequestError) as caught:
        Outcome.parse(value)
    assert caught.value.code == "invalid_outcome"
