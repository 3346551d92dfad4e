# SPDX-License-Identifier: EUPL-1.2
"""Names and XML of the inter-administrative platform (PCI, Via Oberta), for both ends of the wire.

- SOAP 1.1, document/literal; PCI request and reply namespaces; the products' own namespaces.
- XML is parsed without document types, entities or network, and within bounds.
- Reading is by namespace-qualified name and ignores order, as real replies leave out what their schema requires.

It knows no product and decides nothing; the two sides are `issuer.via_oberta` and `sandbox.via_oberta`.
"""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from protocol.errors import RequestError

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
OPENURI = "http://www.openuri.org/"
REQUEST = "http://gencat.net/scsp/esquemes/peticion"
REPLY = "http://gencat.net/scsp/esquemes/respuesta"
MEPSYD = "http://www.aocat.net/mepsyd"
STATE_V2 = "http://www.map.es/scsp/esquemas/datosespecificos"
PADRO = "http://www.aocat.net/padro"
AEAT_GENERIC = "http://www.aoc.cat/aeat/obligacions-generic"
STATE_V3 = "http://intermediacion.redsara.es/scsp/esquemas/datosespecificos"

CONTENT_TYPE = "text/xml; charset=utf-8"
# the platform itself as sender of every message
EMITTER_NIF, EMITTER_NAME = "Q0801175A", "CAOC"
STATE_DONE, STATE_ERROR = "0003", "0502"

# The longest real reply is a full register extract with a signature, about 20 kB.
MAX_XML_BYTES = 256 * 1024
# The deepest real message nests 14 elements.
MAX_XML_DEPTH = 32
MAX_XML_ELEMENTS = 5_000


def name(namespace: str, local: str) -> str:
    """Return the qualified name as lxml writes it."""
    return f"{{{namespace}}}{local}"


def parse_xml(data: bytes) -> etree._Element:
    """Return the root of a well-formed document.

    Raises `RequestError` (`malformed_xml`) on anything else, on a document type, and beyond the bounds.
    """
    if len(data) > MAX_XML_BYTES:
        raise RequestError("malformed_xml", f"XML longer than {MAX_XML_BYTES} bytes")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise RequestError("malformed_xml", "not well-formed XML") from exc
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]  # a parsed tree always has it
        raise RequestError("malformed_xml", "a document type is not allowed")
    _check_shape(root)
    return root


def _check_shape(root: etree._Element) -> None:
    level, count = [root], 0
    for _ in range(MAX_XML_DEPTH):
        count += len(level)
        if count > MAX_XML_ELEMENTS:
            raise RequestError("malformed_xml", f"XML of more than {MAX_XML_ELEMENTS} elements")
        level = [child for element in level for child in element]
        if not level:
            return
    raise RequestError("malformed_xml", f"XML nests deeper than {MAX_XML_DEPTH}")


def find(element: etree._Element | None, namespace: str, *path: str) -> etree._Element | None:
    """Return the first element on this path of children, or None."""
    for local in path:
        if element is None:
            return None
        element = element.find(name(namespace, local))
    return element


def text(element: etree._Element | None, namespace: str, *path: str) -> str:
    """Return the trimmed text at this path; empty when it is absent."""
    found = find(element, namespace, *path)
    return (found.text or "").strip() if found is not None else ""


def leaves(element: etree._Element) -> dict[str, str]:
    """Return the texts of all elements without children below this one, by local name; the first wins."""
    texts: dict[str, str] = {}
    for child in element.iter():
        if len(child) == 0:
            texts.setdefault(etree.QName(child).localname, (child.text or "").strip())
    return texts


def add(parent: etree._Element, namespace: str, local: str, content: str = "") -> etree._Element:
    """Append a child and return it; empty content makes an empty element."""
    child = etree.SubElement(parent, name(namespace, local))
    if content:
        child.text = content
    return child


def add_all(parent: etree._Element, namespace: str, contents: Mapping[str, str]) -> None:
    """Append a child for each name, in order."""
    for local, content in contents.items():
        add(parent, namespace, local, content)


def envelope() -> tuple[etree._Element, etree._Element]:
    """Return an empty SOAP 1.1 envelope and its body."""
    root = etree.Element(name(SOAP, "Envelope"), nsmap={"soapenv": SOAP})
    add(root, SOAP, "Header")
    return root, add(root, SOAP, "Body")


def fault(code: str, message: str) -> bytes:
    """Return a SOAP 1.1 fault (section 4.4), its parts unqualified as the specification says."""
    root, body = envelope()
    element = add(body, SOAP, "Fault")
    add_all(element, "", {"faultcode": code, "faultstring": message})
    return to_bytes(root)


def to_bytes(root: etree._Element) -> bytes:
    """Return the document as bytes with its declaration."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
