# SPDX-License-Identifier: EUPL-1.2
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from protocol import pci
from protocol.errors import RequestError

ENTITY = b'<!DOCTYPE a [<!ENTITY x "boom">]><a>&x;</a>'
EXTERNAL = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
BOMB = (
    b'<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;">'
    b'<!ENTITY z "&y;&y;&y;&y;&y;&y;">]><a>&z;</a>'
)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not xml",
        b"<a><b></a>",
        b"\x00\x01",
        b"<!DOCTYPE a><a/>",
        ENTITY,
        EXTERNAL,
        BOMB,
        b"<a>" * 40 + b"</a>" * 40,
        b"<a>" + b"<b/>" * 6_000 + b"</a>",
        b"<a>" + b"x" * pci.MAX_XML_BYTES + b"</a>",
    ],
)
def test_parse_xml_of_a_hostile_or_broken_document_is_refused(data):
    with pytest.raises(RequestError) as refused:
        pci.parse_xml(data)
    assert refused.value.code == "malformed_xml"


@given(st.binary(max_size=200))
def test_parse_xml_of_any_bytes_raises_only_our_error(data):
    try:
        pci.parse_xml(data)
    except RequestError:
        return


def test_parse_xml_keeps_no_comments_or_instructions():
    root = pci.parse_xml(b"<a><!-- c --><?pi x?><b>1</b></a>")
    assert [child.tag for child in root] == ["b"]


def test_find_and_text_go_by_qualified_name_and_ignore_order():
    root = pci.parse_xml(b'<a xmlns="urn:x" xmlns:y="urn:y"><y:c>no</y:c><d/><b> <c> yes </c></b></a>')
    assert pci.text(root, "urn:x", "b", "c") == "yes"
    assert pci.text(root, "urn:x", "c") == ""
    assert pci.find(root, "urn:x", "b", "z", "c") is None
    assert pci.text(None, "urn:x", "b") == ""


def test_leaves_takes_the_first_of_each_name():
    assert pci.leaves(pci.parse_xml(b"<a><b>1</b><c><b>2</b><d/></c></a>")) == {"b": "1", "d": ""}


def test_fault_has_unqualified_parts():
    root = etree.fromstring(pci.fault("1013", "no certificate"))
    assert root.findtext(f".//{{{pci.SOAP}}}Fault/faultcode") == "1013"
    assert root.findtext(f".//{{{pci.SOAP}}}Fault/faultstring") == "no certificate"


def test_parse_xml_at_each_bound_is_taken_and_over_it_refused():
    deep, many, long = pci.MAX_XML_DEPTH, pci.MAX_XML_ELEMENTS, pci.MAX_XML_BYTES
    for taken, refused, words in (
        (b"<a>" * deep + b"</a>" * deep, b"<a>" * (deep + 1) + b"</a>" * (deep + 1), "deeper"),
        (b"<a>" + b"<b/>" * (many - 1) + b"</a>", b"<a>" + b"<b/>" * many + b"</a>", "elements"),
        (b"<a>" + b" " * (long - 7) + b"</a>", b"<a>" + b" " * (long - 6) + b"</a>", "longer"),
    ):
        assert pci.parse_xml(taken).tag == "a"
        with pytest.raises(RequestError, match=words):
            pci.parse_xml(refused)
