# SPDX-License-Identifier: EUPL-1.2
"""The law's part in taking back: the grounds on which erasure may be refused."""

from __future__ import annotations

from collections.abc import Mapping

# legal grounds to refuse an erasure: term for the record → English source sentence for people
GROUND_SENTENCES: Mapping[str, str] = {
    "eu-gdpr:A17-3-b": "A law obliges us to keep the data, or a public task needs them (GDPR, article 17.3.b).",
    "eu-gdpr:A17-3-d": "The data are kept for archives or research in the public interest (GDPR, article 17.3.d).",
    "eu-gdpr:A17-3-e": "The data are needed for legal claims (GDPR, article 17.3.e).",
    "eu-gdpr:A21-1": "There are compelling legitimate grounds to go on (GDPR, article 21.1).",
}
