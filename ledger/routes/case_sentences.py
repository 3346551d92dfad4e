# SPDX-License-Identifier: EUPL-1.2
"""The legal words of a statement: bases, grounds and terms, as English source sentences."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.case import Timeliness

BASIS_SENTENCES: Mapping[str, str] = {
    "dpv:Consent": "Consent of the person (GDPR, article 6.1.a)",
    "dpv:Permission": (
        "Authorisation of the person, which a law asks for (Ley 58/2003, article 95.1.k, for tax data)"
    ),
    "eu-gdpr:A6-1-c": "A legal obligation of the office (GDPR, article 6.1.c)",
    "eu-gdpr:A6-1-e": "A task in the public interest or official authority (GDPR, article 6.1.e)",
}
# the grounds that an office may name (verifier/legal.py)
GROUND_SENTENCES: Mapping[str, str] = {
    "eu-gdpr:A17-3-b": "a law or a public task requires the data to be kept (GDPR, article 17.3.b)",
    "eu-gdpr:A17-3-d": "archives or research in the public interest (GDPR, article 17.3.d)",
    "eu-gdpr:A17-3-e": "legal claims (GDPR, article 17.3.e)",
    "eu-gdpr:A21-1": "compelling legitimate grounds (GDPR, article 21.1)",
}
TIME_SENTENCES: Mapping[str, str] = {
    Timeliness.IN_TIME: (
        "Answered in time: the signed answer was with the record book within one month of the request."
    ),
    Timeliness.IN_TIME_BY_LOG: (
        "Answered in time by the clock of the record book, which promised the signed answer within one month of "
        "the request. No block of that month shows it: who keeps the record book could have dated it back."
    ),
    Timeliness.AFTER_TERM: (
        "Answered after the month that begins with the entry of the request. It is late unless the "
        "request arrived correspondingly later, which the office has to show."
    ),
    Timeliness.TERM_RUNS: "Not answered in this file, and the term has not ended yet.",
    Timeliness.NO_ANSWER: (
        "Not answered in this file, and the month that begins with the entry of the request has ended. "
        "Whether an answer was given some other way, the office has to show."
    ),
    Timeliness.NOT_SHOWN: (
        "An answer is in the file, but it could not be checked that the office signed it, or when. So it "
        "is not known whether it came in time."
    ),
    Timeliness.NOT_A_REQUEST: (
        "It is not shown that this request comes from the person who shared. No term is counted from it."
    ),
}
