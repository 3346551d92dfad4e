# SPDX-License-Identifier: EUPL-1.2
"""Types that extend others, and credentials held against their type."""

import base64
import hashlib
import json
from functools import partial

import pytest

from protocol.errors import Check, RequestError, UnavailableError, VerificationError
from protocol.type_metadata import rules as type_rules
from protocol.type_metadata.display import TypeDisplay
from protocol.type_metadata.model import ClaimDisplay, ClaimMetadata, SelectiveDisclosure
from protocol.type_metadata.rules import MAX_TYPES, ResolvedType, check_credential, resolve

A, B, C = (f"https://types.example/{name}/1" for name in "abc")


class Shelf:
    """Documents by address, and which were fetched."""

    def __init__(self, *documents) -> None:
        self.bodies = {value["vct"]: json.dumps(value).encode() for value in documents}
        self.fetched = []

    def __call__(self, url) -> bytes:
        self.fetched.append(url)
        if url not in self.bodies:
            raise UnavailableError("temporarily_unavailable", "no answer")
        return self.bodies[url]

    def sri(self, url):
        return "sha256-" + base64.b64encode(hashlib.sha256(self.bodies[url]).digest()).decode()


def resolve_from(*documents, integrity=None):
    return resolve(documents[0]["vct"], integrity=integrity, fetch=Shelf(*documents))


def refuse(documents, match):
    with pytest.raises(RequestError, match=match) as caught:
        resolve_from(*documents)
    assert caught.value.code == "invalid_type_metadata"


def claim(*path, **members):
    return {"path": list(path), **members}


# --- resolving


def test_the_example_of_the_specification_gives_what_it_says():
    def labelled(label):
        return [{"label": label, "locale": "en"}]

    base = {
        "vct": B,
        "claims": [
            claim("name", display=labelled("Full Name")),
            claim("address", "city", display=labelled("City")),
        ],
    }
    own = {
        "vct": A,
        "extends": B,
        "claims": [
            claim("address", "city", display=labelled("Town")),
            claim("nationalities", display=labelled("N")),
        ],
    }
    assert resolve_from(own, base) == ResolvedType(
        vct=A,
        extended=(B,),
        display=(),
        claims=(
            ClaimMetadata(("name",), (ClaimDisplay("en", "Full Name"),)),
            ClaimMetadata(("address", "city"), (ClaimDisplay("en", "Town"),)),
            ClaimMetadata(("nationalities",), (ClaimDisplay("en", "N"),)),
        ),
    )


def test_what_a_type_does_not_say_is_inherited_and_contents_are_never_merged():
    base = claim("name", display=[{"locale": "en", "label": "Name"}], mandatory=True, sd="always", svg_id="a")
    inherited = resolve_from({"vct": A, "extends": B, "claims": [claim("name")]}, {"vct": B, "claims": [base]})
    assert inherited.claims == (
        ClaimMetadata(("name",), (ClaimDisplay("en", "Name"),), True, SelectiveDisclosure.ALWAYS, "a"),
    )
    own = claim("name", display=[{"locale": "ca", "label": "Nom"}], mandatory=True, sd="always", svg_id="b")
    replaced = resolve_from({"vct": A, "extends": B, "claims": [own]}, {"vct": B, "claims": [base]})
    assert replaced.claims == (
        ClaimMetadata(("name",), (ClaimDisplay("ca", "Nom"),), True, SelectiveDisclosure.ALWAYS, "b"),
    )


@pytest.mark.parametrize(
    ("own", "expected"),
    [({}, "B"), ({"display": [{"locale": "en", "name": "A"}]}, "A"), ({"display": []}, None)],
)
def test_a_display_of_its_own_replaces_the_inherited_one(own, expected):
    base = {"vct": B, "display": [{"locale": "en", "name": "B"}, {"locale": "ca", "name": "B"}]}
    found = resolve_from({"vct": A, "extends": B, **own}, base).display
    assert {each.name for each in found} == ({expected} if expected else set())
    assert expected != "A" or found == (TypeDisplay("en", "A"),)


@pytest.mark.parametrize(
    ("base", "own"),
    [
        ({}, {"sd": "always"}),
        ({}, {"sd": "never"}),
        ({"sd": "allowed"}, {"sd": "never"}),
        ({"sd": "never"}, {"sd": "never"}),
        ({}, {"mandatory": True}),
        ({"mandatory": False}, {"mandatory": True}),
        ({"mandatory": False}, {"mandatory": False}),
        ({"mandatory": True}, {"mandatory": True}),
    ],
)
def test_a_type_may_say_what_was_left_open(base, own):
    found = resolve_from(
        {"vct": A, "extends": B, "claims": [claim("x", **own)]}, {"vct": B, "claims": [claim("x", **base)]}
    )
    assert {name: getattr(found.claims[0], name) for name in own} == own


@pytest.mark.case("S19")
@pytest.mark.parametrize(
    ("base", "own"),
    [
        ({"sd": "always"}, {"sd": "allowed"}),
        ({"sd": "always"}, {"sd": "never"}),
        ({"sd": "never"}, {"sd": "allowed"}),
        ({"sd": "never"}, {"sd": "always"}),
        ({"mandatory": True}, {"mandatory": False}),
    ],
)
def test_a_type_that_weakens_what_it_inherits_is_refused(base, own):
    documents = [
        {"vct": A, "extends": B, "claims": [claim("x", **own)]},
        {"vct": B, "claims": [claim("x", **base)]},
    ]
    refuse(documents, r'inherited.*\["x"\]')
    # at a distance too
    far = [documents[0], {"vct": B, "extends": C, "claims": [claim("x")]}, {**documents[1], "vct": C}]
    refuse(far, r'inherited.*\["x"\]')


def test_svg_identifiers_stand_once_in_the_whole_chain():
    base = {"vct": B, "claims": [claim("x", svg_id="a")]}
    refuse([{"vct": A, "extends": B, "claims": [claim("y", svg_id="a")]}, base], "svg_id stands twice")


@pytest.mark.case("S19")
@pytest.mark.parametrize(
    "documents",
    [
        [{"vct": A, "extends": A}],
        [{"vct": A, "extends": B}, {"vct": B, "extends": A}],
        [{"vct": A, "extends": B}, {"vct": B, "extends": C}, {"vct": C, "extends": B}],
    ],
)
def test_a_type_that_extends_itself_is_refused(documents):
    refuse(documents, "extends itself")


def test_the_length_of_the_chain_is_bounded():
    chain = [{"vct": f"{A}/{n}", "extends": f"{A}/{n + 1}"} for n in range(MAX_TYPES)]
    last = {"vct": chain[-1]["vct"]}
    assert len(resolve_from(*chain[:-1], last).extended) == MAX_TYPES - 1
    refuse([*chain, {"vct": chain[-1]["extends"]}], f"more than {MAX_TYPES} documents")


@pytest.mark.parametrize("vct", ["urn:example:pid:1", "http://types.example/a", "not an address"])
def test_a_type_that_is_no_https_url_is_not_fetched(vct):
    shelf = Shelf({"vct": vct}, {"vct": A, "extends": vct})
    with pytest.raises(RequestError, match="no https URL"):
        resolve(vct, integrity=None, fetch=shelf)
    assert shelf.fetched == []
    with pytest.raises(RequestError, match="no https URL"):
        resolve(A, integrity=None, fetch=shelf)
    assert shelf.fetched == [A]


def test_a_document_of_another_type_at_the_address_is_refused():
    shelf = Shelf({"vct": A})
    shelf.bodies[B] = shelf.bodies[A]
    with pytest.raises(RequestError, match="of another type"):
        resolve(B, integrity=None, fetch=shelf)


def test_promised_documents_are_accepted():
    shelf = Shelf({"vct": B})
    shelf.bodies[A] = json.dumps({"vct": A, "extends": B, "extends#integrity": shelf.sri(B)}).encode()
    assert resolve(A, integrity=shelf.sri(A), fetch=shelf).extended == (B,)


@pytest.mark.case("S18")
def test_a_document_that_was_not_promised_is_refused_before_it_is_read():
    shelf = Shelf({"vct": A})
    promised = shelf.sri(A)
    shelf.bodies[A] = b"not even JSON"
    with pytest.raises(RequestError, match="not the one that was promised"):
        resolve(A, integrity=promised, fetch=shelf)
    with pytest.raises(RequestError, match="no hash algorithm that we know"):
        resolve(A, integrity="md5-AAAA", fetch=shelf)


@pytest.mark.case("S18")
def test_an_extended_document_that_was_not_promised_is_refused():
    shelf = Shelf({"vct": B})
    shelf.bodies[A] = json.dumps({"vct": A, "extends": B, "extends#integrity": shelf.sri(B)}).encode()
    shelf.bodies[B] += b" "
    with pytest.raises(RequestError, match="not the one that was promised"):
        resolve(A, integrity=None, fetch=shelf)


def test_a_document_that_cannot_be_had_is_not_called_wrong():
    with pytest.raises(UnavailableError):
        resolve_from({"vct": A, "extends": B})


@pytest.mark.case("V11")
def test_a_type_that_extends_another_gives_its_issuer_no_right(world):
    degree, census = (
        f"https://testimoni.example/credentials/{name}/1" for name in ("university-degree", "census-registration")
    )
    own = "https://town.example/degree/1"
    town, now = world.parties["ajuntament"], world.clock.now()
    ask = partial(world.trust.get_issuer, town.issuer_chain, identifier=town.issuer_identifier, now=now)
    # the town hall may issue census registrations, and publishes types of its own that extend degrees
    assert ask(vct=census)
    for vct in (own, census):
        assert resolve_from({"vct": vct, "extends": degree}, {"vct": degree}).extended == (degree,)
    for vct in (own, degree):
        with pytest.raises(VerificationError) as caught:
            ask(vct=vct)
        assert caught.value.check is Check.ISSUER


# --- credentials


def type_of(*claims):
    return resolve_from({"vct": A, "claims": list(claims)})


def check(claims, rules, *disclosed, is_complete=True):
    check_credential(type_of(*rules), claims, disclosed=disclosed, is_complete=is_complete)


def fail(expected, claims, rules, *disclosed, is_complete=True):
    with pytest.raises(VerificationError) as caught:
        check(claims, rules, *disclosed, is_complete=is_complete)
    assert caught.value.check is expected
    return caught.value.message


DEGREES = {"degrees": [{"field": "Physics", "on": "2020"}, {"field": "Law"}], "name": "Marta"}
# the rules of the specification's own example (appendix A.2)
DEGREE_RULES = [
    claim("name", sd="always", mandatory=True),
    claim("degrees", sd="never"),
    claim("degrees", None, sd="always"),
    claim("degrees", None, "field", sd="never"),
    claim("degrees", None, "on", sd="always"),
]
DEGREE_DISCLOSED = [("name",), ("degrees", 0), ("degrees", 1), ("degrees", 0, "on")]


def test_a_credential_as_its_type_demands_is_accepted():
    check(DEGREES, DEGREE_RULES, *DEGREE_DISCLOSED)
    check({}, [])


@pytest.mark.case("S20")
@pytest.mark.parametrize("place", [("degrees",), ("degrees", 1, "field")])
def test_a_claim_marked_never_that_is_selectively_disclosable_is_refused(place):
    for is_complete in (True, False):
        message = fail(Check.DISCLOSURES, DEGREES, DEGREE_RULES, *DEGREE_DISCLOSED, place, is_complete=is_complete)
        assert message.startswith("a claim must not be selectively disclosable and is")


@pytest.mark.parametrize("place", DEGREE_DISCLOSED)
def test_a_claim_marked_always_that_is_signed_in_the_clear_is_refused(place):
    disclosed = [each for each in DEGREE_DISCLOSED if each != place]
    for is_complete in (True, False):
        message = fail(Check.DISCLOSURES, DEGREES, DEGREE_RULES, *disclosed, is_complete=is_complete)
        assert message.startswith("a claim must be selectively disclosable and is not")


def test_a_claim_is_not_selectively_disclosable_because_its_parent_is():
    address = {"address": {"city": "Girona"}}
    check(address, [claim("address", "city", sd="never")], ("address",))
    fail(Check.DISCLOSURES, address, [claim("address", "city", sd="always")], ("address",))


@pytest.mark.parametrize("rule", [{}, {"sd": "allowed"}])
def test_a_claim_that_may_be_either_may_be_either(rule):
    check({"x": 1}, [claim("x", **rule)])
    check({"x": 1}, [claim("x", **rule)], ("x",))


@pytest.mark.case("S20")
@pytest.mark.parametrize(
    "path", [["name"], ["address", "city"], ["degrees", None], ["degrees", 1], ["degrees", None, "x"]]
)
def test_a_mandatory_claim_that_is_missing_at_issuance_is_refused(path):
    held = {"degrees": []} if path[-1] is None else {"degrees": [{}]}
    message = fail(Check.FORMAT, {**held, "address": {}}, [claim(*path, mandatory=True)])
    assert message == f"a mandatory claim is missing: {json.dumps(path)}"
    check({**held, "address": {}}, [claim(*path)])


def test_a_claim_that_is_null_is_there():
    check({"x": None}, [claim("x", mandatory=True)])


@pytest.mark.parametrize("sd", ["always", "allowed"])
def test_a_claim_kept_back_in_a_presentation_is_no_missing_one(sd):
    check({}, [claim("name", mandatory=True, sd=sd)], is_complete=False)


def test_a_claim_that_could_not_be_kept_back_is_missed_in_a_presentation():
    rule = claim("address", "city", mandatory=True, sd="never")
    fail(Check.FORMAT, {}, [claim("name", mandatory=True, sd="never")], is_complete=False)
    fail(Check.FORMAT, {"address": {}}, [rule], ("address",), is_complete=False)
    # its parent was kept back, or may have been
    check({}, [rule], is_complete=False)
    check({"d": []}, [claim("d", None, mandatory=True, sd="never")], is_complete=False)


def test_rules_for_single_elements_are_not_judged_in_a_presentation():
    # the first element was kept back, so that the second stands in its place
    rules = [claim("d", 0, sd="never"), claim("d", 1, mandatory=True)]
    check({"d": ["second"]}, rules, ("d", 0), is_complete=False)
    fail(Check.DISCLOSURES, {"d": ["first", "second"]}, rules, ("d", 0))
    fail(Check.FORMAT, {"d": ["first"]}, rules)


@pytest.mark.parametrize(
    ("claims", "path"),
    [
        ({"x": []}, ["x", "y"]),
        ({"x": "text"}, ["x", "y"]),
        ({"x": {}}, ["x", None]),
        ({"x": {}}, ["x", 0]),
        ({"x": None}, ["x", 0]),
        ({"x": [[], {}]}, ["x", None, None]),
        ({}, [0]),
        ({}, [None]),
    ],
)
def test_a_claim_of_another_shape_than_its_type_says_is_refused(claims, path):
    assert "another shape" in fail(Check.FORMAT, claims, [claim(*path)])


def test_messages_hold_no_claim_value():
    held = {"name": "Marta", "address": {"city": "Girona"}}
    for rules in ([claim("name", sd="always")], [claim("name", "x")], [claim("address", "x", mandatory=True)]):
        message = fail(Check.DISCLOSURES if "sd" in rules[0] else Check.FORMAT, held, rules)
        assert "Marta" not in message
        assert "Girona" not in message


def test_what_rules_select_is_bounded(monkeypatch):
    monkeypatch.setattr(type_rules, "MAX_SELECTED", 6)
    check({"d": [1, 2, 3]}, [claim("d", None), claim("e", None), claim("d", 0), claim("d", 1), claim("d", 2)])
    check({"d": [[], [], [], [], [], []]}, [claim("d", None, None)])
    assert "over 6" in fail(
        Check.FORMAT, {"d": [1, 2, 3]}, [claim("d", None), *[claim("d", n) for n in range(3)], claim("d")]
    )
    assert "over 6" in fail(Check.FORMAT, {"d": [1, 2, 3, 4, 5, 6, 7]}, [claim("d", None)])
    # on the way too, though nothing is selected in the end
    assert "over 6" in fail(Check.FORMAT, {"d": [{}] * 7}, [claim("d", None, "x")])
    check({"d": [{}] * 3}, [claim("d", None, "x"), claim("d", None, "y")])
    assert "over 6" in fail(Check.FORMAT, {"d": [{}] * 3}, [claim("d", None, name) for name in "xyz"])
