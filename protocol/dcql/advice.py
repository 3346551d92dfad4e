# SPDX-License-Identifier: EUPL-1.2
"""Advice on a valid query: ways to ask for less, and members that do nothing.

It goes by names of claims that are in use (the EU's identity document, our own types), so it can be wrong about a
type that names things differently. It is never a reason to refuse a query.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

from protocol.dcql.authorities import AKI
from protocol.dcql.model import ClaimQuery, CredentialQuery, Query
from protocol.dcql.paths import includes
from protocol.dcql.rules import FORMAT
from protocol.encoding import JSON

# the same in every credential: they arrive in any case
_FORMAT_CLAIMS = frozenset({"iss", "nbf", "exp", "iat", "cnf", "vct", "vct#integrity", "status"})
_NUMBERS = frozenset(
    {"document_number", "personal_administrative_number", "nif", "nie", "dni", "passport_number", "tax_id_code"}
)
_CONTACTS = frozenset({"email", "phone_number", "mobile_phone_number", "street_address", "resident_address"})
_NAMES = frozenset({"given_name", "family_name", "name", "birth_given_name", "birth_family_name"})
_BIRTH = frozenset({"birthdate", "birth_date", "date_of_birth"})
_PORTRAITS = frozenset({"portrait", "picture"})
# claims that are one person's, or nearly so
IDENTIFYING = _NUMBERS | _CONTACTS | _NAMES | _BIRTH | _PORTRAITS
_OBJECTS = frozenset({"address", "place_of_birth", "birth_place", "nationalities", "degrees"})
_DECIDABLE = frozenset({"resident", "compliant", "nationality", "nationalities", "country"})
_DECIDABLE_PREFIXES = ("is_", "has_", "age_over_")

_MEMBERS = frozenset({"credentials", "credential_sets"})
_CREDENTIAL_MEMBERS = frozenset(
    {
        "id",
        "format",
        "meta",
        "multiple",
        "require_cryptographic_holder_binding",
        "trusted_authorities",
        "claims",
        "claim_sets",
    }
)
_CLAIM_MEMBERS = frozenset({"id", "path", "values"})
_SET_MEMBERS = frozenset({"options", "required"})
Place = tuple["Advice", str]


class Advice(Enum):
    """One piece of advice: what is noticed, and what to do about it."""

    def __init__(self, explanation: str, hint: str) -> None:
        self.explanation = explanation
        self.hint = hint

    WHOLE_OBJECT = (
        "a whole object or list is asked for",
        'ask for the members that you need: the path goes on inside, as in ["address", "locality"]',
    )
    YES_OR_NO = (
        "every value is asked for where a yes or no may do",
        "give the values that you accept: only who has one of them shows the claim",
    )
    BIRTH_DATE = (
        "the day of birth is asked for",
        "if you need an age limit only, ask for a claim such as age_over_18 with the value true",
    )
    IDENTIFIERS_TOGETHER = (
        "several claims are asked for that each say who the person is",
        "one number is enough to find a file; leave out the others unless the law names them",
    )
    NO_CLAIMS = (
        "no claim is asked for, so only what the issuer left in the clear arrives",
        "this is the least that can be asked; list claims if you need to read any",
    )
    FORMAT_CLAIM = (
        "a claim is asked for that every credential of this format shows in any case",
        "leave it out",
    )
    OVERLAP = ("a claim is asked for, and a part of it as well", "leave out the one that you do not need")
    CLAIM_UNUSED = ("a claim is in no claim set, so it is never asked for", "leave it out")
    CLAIM_SET_ORDER = (
        "a later claim set asks for less than an earlier one",
        "put the smaller one first: the first that can be satisfied is shown",
    )
    CREDENTIAL_UNUSED = ("a credential is in no credential set, so it is never asked for", "leave it out")
    OPTIONAL_OVERLAP = (
        "an optional credential set shares a credential with another set",
        "leave out what the other set asks for already",
    )
    OPTIONAL = (
        "a credential set is optional",
        "ask only for what you need: wallets that share no more than they must do not answer it",
    )
    SAME_TYPE = (
        "the same type of credential is asked for more than once",
        "ask once, with all claims, so that it is shown once",
    )
    SEVERAL = ("several credentials may be shown for one query", "leave out multiple if one is enough")
    BEARER = (
        "credentials are accepted from whoever holds a copy",
        "leave out require_cryptographic_holder_binding, so that only their holder can show them",
    )
    FOREIGN_FORMAT = (
        "a format is asked for that testimoni does not have",
        'ask for "dc+sd-jwt", or offer it as an alternative in credential_sets',
    )
    AUTHORITY_UNKNOWN = (
        "a type of trusted authority is used that testimoni matches with nobody",
        'use "aki", or leave it out',
    )
    NEVER_MATCHES = (
        "a path starts in an array, but a credential is an object",
        "start with the name of the claim",
    )
    MEMBER_UNKNOWN = (
        "a member is not part of the language and is ignored",
        "leave it out, or correct its name",
    )

    @property
    def code(self) -> str:
        """The name in messages, JSON and documentation."""
        return self.name.lower().replace("_", "-")


def is_identifying(claim: ClaimQuery) -> bool:
    """Whether a claim is known to say who the person is; a claim whose value is given says it to nobody new."""
    return not claim.values and _name(claim) in IDENTIFYING


def advise(query: Query, value: Mapping[str, JSON]) -> Iterator[Place]:
    """Yield advice on a valid query, given also as it came, each with its place."""
    yield from _unknown_members(value)
    for position, credential in enumerate(query.credentials):
        where = f"credentials[{position}]"
        yield from _on_credential(credential, where)
        yield from _on_claims(credential, where)
        yield from _on_claim_sets(credential, where)
        types = set(credential.vct_values)
        earlier = () if query.credential_sets else query.credentials[:position]
        if any(types & set(other.vct_values) for other in earlier):
            yield Advice.SAME_TYPE, where
    yield from _on_credential_sets(query)


def _name(claim: ClaimQuery) -> str:
    """Return the last name on a path."""
    return next((step for step in reversed(claim.path) if isinstance(step, str)), "")


def _on_credential(credential: CredentialQuery, where: str) -> Iterator[Place]:
    if credential.format != FORMAT:
        yield Advice.FOREIGN_FORMAT, f"{where}.format"
    if credential.is_multiple:
        yield Advice.SEVERAL, f"{where}.multiple"
    if not credential.requires_holder_binding:
        yield Advice.BEARER, f"{where}.require_cryptographic_holder_binding"
    for position, each in enumerate(credential.trusted_authorities):
        if each.type != AKI:
            yield Advice.AUTHORITY_UNKNOWN, f"{where}.trusted_authorities[{position}]"
    if not credential.claims:
        yield Advice.NO_CLAIMS, where


def _on_claims(credential: CredentialQuery, where: str) -> Iterator[Place]:
    if credential.format != FORMAT:
        return
    for position, claim in enumerate(credential.claims):
        place, name = f"{where}.claims[{position}]", _name(claim)
        if not isinstance(claim.path[0], str):
            yield Advice.NEVER_MATCHES, f"{place}.path"
        elif claim.path[0] in _FORMAT_CLAIMS:
            yield Advice.FORMAT_CLAIM, place
        elif name in _OBJECTS and claim.path[-1] == name:
            yield Advice.WHOLE_OBJECT, f"{place}.path"
        elif name in _BIRTH and not claim.values:
            yield Advice.BIRTH_DATE, place
        elif not claim.values and (name in _DECIDABLE or name.startswith(_DECIDABLE_PREFIXES)):
            yield Advice.YES_OR_NO, place
        if any(
            includes(other.path, claim.path) or includes(claim.path, other.path)
            for other in credential.claims[:position]
        ):
            yield Advice.OVERLAP, f"{place}.path"
    if any(_identifiers(shown) > 1 for shown in credential.combinations):
        yield Advice.IDENTIFIERS_TOGETHER, f"{where}.claims"


def _identifiers(shown: tuple[ClaimQuery, ...]) -> int:
    """Count the ways to say who the person is: a number, a name, a contact, a portrait, a day of birth."""
    names = {_name(claim) for claim in shown if not claim.values}
    return sum(bool(names & kind) for kind in (_NUMBERS, _NAMES, _CONTACTS, _PORTRAITS, _BIRTH))


def _on_claim_sets(credential: CredentialQuery, where: str) -> Iterator[Place]:
    if not credential.claim_sets:
        return
    used = {name for names in credential.claim_sets for name in names}
    for position, claim in enumerate(credential.claims):
        if claim.id not in used:
            yield Advice.CLAIM_UNUSED, f"{where}.claims[{position}]"
    sets = [frozenset(names) for names in credential.claim_sets]
    for position, later in enumerate(sets):
        if any(later < earlier for earlier in sets[:position]):
            yield Advice.CLAIM_SET_ORDER, f"{where}.claim_sets[{position}]"


def _on_credential_sets(query: Query) -> Iterator[Place]:
    if not query.credential_sets:
        return
    names = [{name for option in each.options for name in option} for each in query.credential_sets]
    for position, credential in enumerate(query.credentials):
        if all(credential.id not in each for each in names):
            yield Advice.CREDENTIAL_UNUSED, f"credentials[{position}]"
    for position, each in enumerate(query.credential_sets):
        if each.is_required:
            continue
        yield Advice.OPTIONAL, f"credential_sets[{position}]"
        if any(names[position] & other for at, other in enumerate(names) if at != position):
            yield Advice.OPTIONAL_OVERLAP, f"credential_sets[{position}]"


def _unknown_members(value: Mapping[str, JSON]) -> Iterator[Place]:
    """Yield the members that are ignored; their names are not repeated, they may be anything."""
    yield from _unknown(value, _MEMBERS, "")
    for name, inner, allowed in (
        ("credentials", "claims", _CREDENTIAL_MEMBERS),
        ("credential_sets", "", _SET_MEMBERS),
    ):
        for where, item in _objects(value, name, ""):
            yield from _unknown(item, allowed, where)
            for place, claim in _objects(item, inner, where):
                yield from _unknown(claim, _CLAIM_MEMBERS, place)


def _unknown(members: Mapping[str, JSON], known: frozenset[str], where: str) -> Iterator[Place]:
    if members.keys() - known:
        yield Advice.MEMBER_UNKNOWN, where


def _objects(members: Mapping[str, JSON], name: str, where: str) -> list[tuple[str, Mapping[str, JSON]]]:
    found = members.get(name)
    items = found if isinstance(found, list) else []
    prefix = f"{where}.{name}" if where else name
    return [(f"{prefix}[{position}]", item) for position, item in enumerate(items) if isinstance(item, dict)]
