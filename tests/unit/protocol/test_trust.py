# SPDX-License-Identifier: EUPL-1.2
"""The trust list: what it must look like, what it answers, and that nobody else can answer for it."""

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta

import pytest

from protocol import jws
from protocol.errors import Check, RequestError, UnavailableError, VerificationError
from protocol.registration import statement_digest
from protocol.trust import MAX_LIST_CHARS, SignedTrustList, TrustedAuditor, TrustedIssuer, TrustedRequester
from protocol.trust.entries import (
    Entries,
    Validity,
)
from protocol.x509 import Anchors, Purpose, certificate_digest
from tests.fakes.certificates import IDENTIFIER, NOW, authority, leaf
from tests.fakes.trust_lists import (
    CENSUS,
    DAY,
    DEGREE,
    EPOCH,
    REGISTRAR,
    ROOT,
    chain,
    claims,
    entry,
    log,
    party,
    signed,
    signer,
    trust,
)

OTHER = "https://issuer.example/other"
ISSUER, OTHER_ISSUER = leaf(ROOT), leaf(ROOT, uris=[OTHER])
ACCESS = leaf(ROOT, usages=[Purpose.ACCESS.value])


def client_id(holder):
    return f"x509_hash:{certificate_digest(holder.certificate)}"


def ask(made, *, x5c=None, identifier=IDENTIFIER, vct=DEGREE, now=NOW):
    return made.get_issuer(x5c or chain(ISSUER), identifier=identifier, vct=vct, now=now)


def refused(message, call, *args, **options):
    with pytest.raises(VerificationError, match=message) as caught:
        call(*args, **options)
    assert caught.value.check is Check.ISSUER


# the issuer: one question, one value


def test_issuer_holds_identifier_key_chain_party_types_and_day():
    found = ask(trust(administrations=[party(issuers=[entry(types=[DEGREE, CENSUS])])]))
    assert (found.identifier, found.party_code, found.party_name["ca"]) == (IDENTIFIER, "A1", "Universitat")
    assert found.key.key == ISSUER.key.public_key()
    assert found.chain.digest == certificate_digest(ISSUER.certificate)
    assert found.chain.not_after == ISSUER.certificate.not_valid_after_utc
    assert (found.vct, found.credential_types, found.asked_at) == (DEGREE, {DEGREE, CENSUS}, NOW)


def test_issuer_cannot_be_made_or_changed_by_anybody_else():
    found = ask(trust())
    with pytest.raises(TypeError, match="only the trust list"):
        TrustedIssuer(found.entry, found.chain, DEGREE, frozenset({DEGREE}), NOW, object())
    with pytest.raises((TypeError, ValueError)):
        replace(found, vct=CENSUS)
    with pytest.raises(FrozenInstanceError):
        found.vct = CENSUS
    with pytest.raises(TypeError):
        found.party_name["ca"] = "Somebody"
    with pytest.raises(TypeError, match="only SignedTrustList"):
        SignedTrustList(Entries.parse(claims()), Anchors([ROOT.certificate]), found.chain, seal=object())


@pytest.mark.case("V10")
def test_issuer_whose_certificate_names_another_identifier_is_refused():
    made = trust(administrations=[party(issuers=[entry(), entry(OTHER)])])
    refused("does not name the issuer", ask, made, identifier=OTHER)
    refused("does not name the issuer", ask, made, x5c=chain(OTHER_ISSUER))
    for near in (f"{IDENTIFIER}/", IDENTIFIER.upper(), IDENTIFIER[:-1], ""):
        refused("does not name the issuer", ask, made, identifier=near)


def test_issuer_that_is_not_on_the_list_is_refused():
    refused("not on the trust list", ask, trust(administrations=[]))


@pytest.mark.case("V11")
def test_issuer_that_may_not_issue_this_type_is_refused():
    refused("may not issue this type", ask, trust(), vct=CENSUS)
    made = trust(administrations=[party(), party("A2", issuers=[entry(OTHER, [CENSUS])])])
    refused("may not issue this type", ask, made, vct=CENSUS)


@pytest.mark.case("V10")
@pytest.mark.parametrize("purpose", [Purpose.ACCESS, Purpose.REGISTRAR, Purpose.STATUS, Purpose.WALLET])
def test_issuer_with_a_certificate_for_another_purpose_is_refused(purpose):
    other = leaf(ROOT, usages=[purpose.value])
    refused("purpose issuer", ask, trust(), x5c=chain(other))


# validity of rights


@pytest.mark.parametrize(
    ("validity", "shift", "holds"),
    [
        ({}, 0, True),
        ({"valid_from": EPOCH}, 0, True),
        ({"valid_from": EPOCH + 1}, 0, False),
        ({"valid_from": EPOCH + 1}, 1, True),
        ({"valid_until": EPOCH}, 0, False),
        ({"valid_until": EPOCH + 1}, 0, True),
        ({"valid_from": EPOCH - 5, "valid_until": EPOCH + 5}, 4, True),
        ({"valid_from": EPOCH - 5, "valid_until": EPOCH + 5}, 5, False),
    ],
)
@pytest.mark.parametrize("place", ["entry", "type"])
def test_right_counts_from_its_beginning_until_its_end(validity, shift, holds, place):
    one = entry(**validity) if place == "entry" else entry(types=[{"vct": DEGREE, **validity}])
    made, now = trust(administrations=[party(issuers=[one])]), NOW + timedelta(seconds=shift)
    if holds:
        assert ask(made, now=now).credential_types == {DEGREE}
    else:
        refused("may not issue this type", ask, made, now=now)


def test_right_that_was_seen_to_hold_is_refused_once_it_has_ended():
    made = trust(
        administrations=[party(issuers=[entry(types=[CENSUS, {"vct": DEGREE, "valid_until": EPOCH + 9}])])]
    )
    assert ask(made).credential_types == {DEGREE, CENSUS}
    refused("may not issue", ask, made, now=NOW + timedelta(seconds=9))
    assert ask(made, vct=CENSUS, now=NOW + timedelta(seconds=9)).credential_types == {CENSUS}


def test_validity_without_ends_covers_every_moment():
    assert Validity().covers(datetime.min.replace(tzinfo=UTC))
    assert Validity().covers(NOW)


# status list tokens


def status_key(holder, *, made=None, issuer=None, now=NOW):
    made = made or trust()
    return made.get_status_key(chain(holder), issuer=issuer or ask(made), now=now)


@pytest.mark.parametrize("purpose", [Purpose.ISSUER, Purpose.STATUS])
def test_status_key_is_the_issuer_s_own_or_one_for_status_that_names_the_issuer(purpose):
    other = leaf(ROOT, usages=[purpose.value])
    assert status_key(ISSUER).key == ISSUER.key.public_key()
    assert status_key(other).key == other.key.public_key()


@pytest.mark.case("T3")
def test_status_key_of_another_issuer_is_refused():
    refused("does not name the issuer", status_key, OTHER_ISSUER)
    refused("does not name the issuer", status_key, leaf(ROOT, usages=[Purpose.STATUS.value], uris=[OTHER]))
    refused("purpose issuer or status", status_key, ACCESS)
    refused("does not end", status_key, leaf(authority("root")))
    refused("self-signed", status_key, leaf(None))


def test_status_key_of_an_issuer_that_left_the_list_or_its_administration_is_refused():
    issuer = ask(trust())
    refused("not on the trust list", status_key, ISSUER, made=trust(administrations=[]), issuer=issuer)
    moved = trust(administrations=[party("A2")])
    refused("not on the trust list", status_key, ISSUER, made=moved, issuer=issuer)


def test_status_key_from_an_expired_list_could_not_tell():
    issuer = ask(trust())
    with pytest.raises(UnavailableError):
        status_key(ISSUER, issuer=issuer, now=NOW + timedelta(days=1))


# requesters


def statement(*, by=REGISTRAR, typ="rc-wrp+jwt", **changes):
    texts = [{"lang": "ca", "value": "text"}]
    names = ("name", "service", "purpose", "legal_reference", "retention", "if_refused")
    body = dict.fromkeys(names, texts) | {
        "sub": "A1",
        "intended_use_id": "grant",
        "version": 1,
        "legal_basis": "law",
        "retention_days": 30,
        "credentials": [
            {
                "id": "degree",
                "format": "dc+sd-jwt",
                "meta": {"vct_values": [DEGREE]},
                "claims": [{"path": ["degree"]}],
            }
        ],
        "privacy_policy": "https://a.example/privacy",
        "support_uri": "https://a.example/support",
        "supervisory_authority": {"name": "APDCAT", "uri": "https://apdcat.gencat.cat"},
        "exp": EPOCH + DAY,
    }
    return jws.sign(body | changes, signer(by), typ=typ, x5c=chain(by))


def requesting(*statements, holder=ACCESS, code="A1"):
    one = {"client_id": client_id(holder), "procedures": [statement_digest(each) for each in statements]}
    return trust(administrations=[party(code, verifiers=[one])])


def request(made, text, *, holder=ACCESS, identifier=None, now=NOW):
    return made.get_requester(chain(holder), client_id=identifier or client_id(holder), statement=text, now=now)


def test_requester_holds_identifier_key_party_procedure_and_day():
    text = statement()
    found = request(requesting(text), text)
    assert (found.client_id, found.party_code, found.asked_at) == (client_id(ACCESS), "A1", NOW)
    assert (found.party_name["es"], found.procedure.id) == ("Universidad", "grant")
    assert found.key.key == ACCESS.key.public_key()


def test_requester_cannot_be_made_or_changed_by_anybody_else():
    text = statement()
    found = request(requesting(text), text)
    with pytest.raises(TypeError, match="only the trust list"):
        TrustedRequester(found.entry, found.chain, found.procedure, NOW, object())
    with pytest.raises((TypeError, ValueError)):
        replace(found, procedure=found.procedure)


@pytest.mark.case("W14")
def test_requester_under_another_identifier_is_refused():
    text = statement()
    other = leaf(ROOT, usages=[Purpose.ACCESS.value])
    refused("not the digest", request, requesting(text), text, identifier=client_id(other))
    refused("may not ask", request, requesting(text), text, holder=other)
    refused("may not ask", request, requesting(text), text, holder=other, identifier=client_id(ACCESS))


@pytest.mark.case("W11")
def test_requester_with_a_chain_that_does_not_hold_is_refused():
    text = statement()
    refused("purpose access", request, requesting(text, holder=ISSUER), text, holder=ISSUER)
    stranger = leaf(authority("root"), usages=[Purpose.ACCESS.value])
    refused("does not end", request, requesting(text, holder=stranger), text, holder=stranger)
    refused("not valid today", request, requesting(text), text, now=NOW - timedelta(days=2))


@pytest.mark.case("W27")
def test_requester_with_a_statement_that_does_not_count_is_refused():
    text = statement()
    refused("not registered", request, requesting(), text)
    own = statement(by=ACCESS)
    refused("purpose registrar", request, requesting(own), own)
    foreign = statement(sub="A2")
    refused("another administration", request, requesting(foreign), foreign)
    ended = statement(exp=EPOCH)
    refused("has expired", request, requesting(ended), ended)
    header, payload, signature = text.split(".")
    forged = f"{header}.{payload}.{signature[:8]}{'A' * 8}{signature[16:]}"
    with pytest.raises(VerificationError) as caught:
        request(requesting(forged), forged)
    assert caught.value.check is Check.SIGNATURE
    typed = statement(typ="JWT")
    with pytest.raises(VerificationError):
        request(requesting(typed), typed)


def test_party_key_is_that_of_the_administration_named():
    made = requesting()
    assert made.get_party_key(chain(ACCESS), party_code="A1", now=NOW).key == ACCESS.key.public_key()
    refused("another administration", made.get_party_key, chain(ACCESS), party_code="A2", now=NOW)
    refused("may not ask", trust().get_party_key, chain(ACCESS), party_code="A1", now=NOW)


def test_issuer_key_is_one_with_which_the_administration_named_issues_now():
    made = trust(administrations=[party(issuers=[entry()])])
    assert made.get_issuer_key(chain(ISSUER), party_code="A1", now=NOW).key == ISSUER.key.public_key()
    none = "none with which this administration issues now"
    refused(none, made.get_issuer_key, chain(ISSUER), party_code="A2", now=NOW)
    refused(
        none, trust(administrations=[party(issuers=[])]).get_issuer_key, chain(ISSUER), party_code="A1", now=NOW
    )
    ended = trust(administrations=[party(issuers=[entry() | {"valid_until": EPOCH}])])
    refused(none, ended.get_issuer_key, chain(ISSUER), party_code="A1", now=NOW)
    with pytest.raises(VerificationError):
        made.get_issuer_key(chain(ACCESS), party_code="A1", now=NOW)


# logs


def test_log_is_found_by_its_name_alone():
    found = trust(logs=[log(), log("log.example/2027", checkpoint_key="k")])
    assert found.get_log("log.example/2026", now=NOW).checkpoint_key == ""
    assert found.get_log("log.example/2027", now=NOW).checkpoint_key == "k"
    with pytest.raises(VerificationError) as caught:
        found.get_log("log.example", now=NOW)
    assert [each.origin for each in found.get_logs(now=NOW)] == ["log.example/2026", "log.example/2027"]
    assert (caught.value.check, caught.value.code) == (Check.RECEIPT, "receipt_promise")


# the list itself


@pytest.mark.parametrize(
    "question",
    [
        lambda made, now: ask(made, now=now),
        lambda made, now: made.get_party_key(chain(ACCESS), party_code="A1", now=now),
        lambda made, now: made.get_issuer_key(chain(ISSUER), party_code="A1", now=now),
        lambda made, now: made.get_log("log.example/2026", now=now),
        lambda made, now: made.get_logs(now=now),
        lambda made, now: request(made, statement(), now=now),
    ],
)
def test_list_that_has_expired_could_not_tell(question):
    with pytest.raises(UnavailableError) as caught:
        question(trust(), NOW + timedelta(days=1))
    assert caught.value.code == "trust_list_expired"


def test_list_is_good_until_the_last_moment_before_its_end():
    assert ask(trust(), now=NOW + timedelta(days=1, microseconds=-1))


def test_list_whose_signer_s_certificate_has_expired_could_not_tell():
    registrar = leaf(ROOT, usages=[Purpose.REGISTRAR.value], not_after=NOW + timedelta(hours=1))
    made = trust(by=registrar)
    assert ask(made, now=NOW + timedelta(hours=1))
    with pytest.raises(UnavailableError):
        ask(made, now=NOW + timedelta(hours=1, seconds=1))


@pytest.mark.parametrize("holder", [ISSUER, ACCESS, leaf(authority("root"), usages=[Purpose.REGISTRAR.value])])
def test_list_signed_by_somebody_else_is_refused(holder):
    refused("purpose registrar|does not end", trust, by=holder)


def test_list_of_another_type_or_with_a_changed_payload_is_refused():
    anchors = Anchors([ROOT.certificate])
    with pytest.raises(VerificationError) as caught:
        SignedTrustList.verify(signed(claims(), typ="rc-wrp+jwt"), anchors, now=NOW)
    assert caught.value.check is Check.SIGNATURE
    header, _, signature = signed(claims()).split(".")
    payload = signed(claims(sequence=2)).split(".")[1]
    with pytest.raises(VerificationError) as caught:
        SignedTrustList.verify(f"{header}.{payload}.{signature}", anchors, now=NOW)
    assert caught.value.check is Check.SIGNATURE


def test_list_keeps_its_sequence():
    assert trust(sequence=0).sequence == 0
    assert trust(sequence=7).sequence == 7


def test_list_longer_than_allowed_is_refused_before_anything_is_read():
    with pytest.raises(RequestError, match="longer than"):
        SignedTrustList.verify("." * (MAX_LIST_CHARS + 1), Anchors([ROOT.certificate]), now=NOW)


# the auditor: who may ask offices for their records

AUDITOR = leaf(ROOT, usages=[Purpose.AUDITOR.value])


def auditing(holder=AUDITOR, **validity):
    right = {"certificate": certificate_digest(holder.certificate), **validity}
    return trust(administrations=[{**party("A9"), "auditors": [right]}])


def test_auditor_holds_key_party_and_day_and_cannot_be_made_by_anybody_else():
    found = auditing().get_auditor(chain(AUDITOR), now=NOW)
    assert (found.party_code, found.party_name["ca"], found.asked_at) == ("A9", "Universitat", NOW)
    assert found.key.key == AUDITOR.key.public_key()
    with pytest.raises(TypeError, match="only the trust list"):
        TrustedAuditor(found.entry, found.chain, NOW, object())


def test_auditor_that_is_not_on_the_list_or_not_now_is_refused():
    refused("no auditor", trust().get_auditor, chain(AUDITOR), now=NOW)
    refused(
        "no auditor", auditing(leaf(ROOT, usages=[Purpose.AUDITOR.value])).get_auditor, chain(AUDITOR), now=NOW
    )
    refused("no auditor", auditing(valid_until=EPOCH).get_auditor, chain(AUDITOR), now=NOW)
    assert auditing(valid_until=EPOCH + 1).get_auditor(chain(AUDITOR), now=NOW)


def test_auditor_by_another_key_than_the_list_names_is_refused():
    thumbprint = auditing().get_auditor(chain(AUDITOR), now=NOW).key.thumbprint()
    ours, others = {"thumbprint": thumbprint}, {"thumbprint": "A" * 43}
    assert auditing(keys=[ours]).get_auditor(chain(AUDITOR), now=NOW)
    for keys in ([], [others], [{**ours, "valid_until": EPOCH}]):
        refused("does not name this key", auditing(keys=keys).get_auditor, chain(AUDITOR), now=NOW)


@pytest.mark.parametrize("purpose", [each for each in Purpose if each is not Purpose.AUDITOR])
def test_auditor_with_a_certificate_for_another_purpose_is_refused(purpose):
    other = leaf(ROOT, usages=[purpose.value])
    refused("purpose auditor", auditing(other).get_auditor, chain(other), now=NOW)
    refused("purpose", auditing().get_requester, chain(AUDITOR), client_id="c", statement="s", now=NOW)


def test_auditor_by_a_list_that_has_expired_could_not_be_checked():
    with pytest.raises(UnavailableError):
        auditing().get_auditor(chain(AUDITOR), now=NOW + timedelta(days=300))
