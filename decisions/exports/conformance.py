"""PDF/A-3a and PDF/UA-1 in one file: what WeasyPrint's variant for the first lacks of the second.

`finish` is a finisher for WeasyPrint's `Document.write_pdf`: it gets the PDF as objects before they
are written. It works on what WeasyPrint 70 builds; the tests hold each step against a validator.
"""

import zlib
from collections.abc import Iterator
from typing import Any

from pydyf import Array, Dictionary, Stream

VARIANT = "pdf/a-3a"

# PDF/A (ISO 19005-3) wants every XMP property that it does not know described in an extension
# schema; the identification of PDF/UA (ISO 14289-1) is such a property.
CLAIM = b"""
<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
<pdfuaid:part>1</pdfuaid:part>
</rdf:Description>
<rdf:Description rdf:about=""
 xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
 xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>The part of ISO 14289 that the file conforms to</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
"""
_END = b"</rdf:RDF>"
# A glyph without a letter of its own, as a dot of Arabic, means a joiner, which shows nothing.
_NO_LETTER, _JOINER = b" <>", b" <200d>"
_RETURN = 0x0D


def finish(document: Any, pdf: Any) -> None:
    """Make a PDF/A-3a by WeasyPrint a PDF/UA-1 as well."""
    _claim_both(pdf)
    structure = _Structure(pdf)
    structure.join_terms()
    structure.gather_items()
    structure.fill_tables()
    structure.lift_links()
    _map_every_glyph(pdf)
    _end_streams_clearly(pdf)


def _claim_both(pdf: Any) -> None:
    """Add the claim of PDF/UA to the metadata, in plain sight: XMP stays uncompressed."""
    metadata = _at(pdf, pdf.catalog["Metadata"])
    (xmp,) = metadata.stream
    metadata.stream = [xmp.replace(_END, CLAIM + _END)]
    metadata.compress = False


def _map_every_glyph(pdf: Any) -> None:
    """Give every glyph a meaning: WeasyPrint leaves those of a cluster but the first without."""
    for one in pdf.objects:
        if isinstance(one, Stream) and b"begincmap" in one.stream:
            one.stream = [
                _bytes(item).replace(_NO_LETTER, _JOINER) if _NO_LETTER in _bytes(item) else item
                for item in one.stream
            ]


def _end_streams_clearly(pdf: Any) -> None:
    """Leave streams uncompressed whose last byte would be a carriage return.

    Together with the line feed that follows it would read as one end of line, and the stream as
    shorter than it says. A zlib stream ends with its Adler-32 (RFC 1950). Also of the streams that
    are added only as the file is written: of small objects, and of where all objects are.
    """
    for one in pdf.objects:
        _end_clearly(one)
    add_object = pdf.add_object

    def add_ending_clearly(one: Any) -> None:
        add_object(one)
        _end_clearly(one)

    pdf.add_object = add_ending_clearly


def _end_clearly(one: Any) -> None:
    if isinstance(one, Stream) and one.compress:
        content = b"\n".join(_bytes(item) for item in one.stream)
        one.compress = zlib.adler32(content) & 0xFF != _RETURN


class _Structure:
    """The tree of structure elements, which tells reading programs what is what."""

    def __init__(self, pdf: Any) -> None:
        self._pdf = pdf
        self._elements = [one for one in pdf.objects if _is_a(one, "/StructElem")]

    def join_terms(self) -> None:
        """Make a term with what is said of it one item of its list: LI of Lbl and LBody.

        HTML groups the two with a div; WeasyPrint keeps a Div, where an L may hold none, and
        makes each of the two an item of its own.
        """
        for group in self._elements:
            if group["S"] == "/Div" and self._parent(group).get("S") == "/L":
                group["S"] = "/LI"
                term, *told = self._kids(group)
                self._becomes(term, "/Lbl")
                for one in told:
                    self._becomes(one, "/LBody")

    def gather_items(self) -> None:
        """Put all that an item of a list says into its one body: LI of Lbl and LBody.

        WeasyPrint hangs paragraphs, code and tables of an item on the LI itself.
        """
        for item in [one for one in self._elements if one["S"] == "/LI"]:
            told = [one for one in self._kids(item) if one["S"] != "/Lbl"]
            if [one["S"] for one in told] != ["/LBody"]:
                self._gather(item, told)

    def fill_tables(self) -> None:
        """Make the head of a table without rows its body: a Table has one or the other alone."""
        for table in [one for one in self._elements if one["S"] == "/Table"]:
            groups = self._kids(table)
            if [one["S"] for one in groups] == ["/THead"]:
                groups[0]["S"] = "/TBody"

    def lift_links(self) -> None:
        """Hang the annotation of a link on the Link itself, also where its words are marked up."""
        numbers = _at(self._pdf, self._root["ParentTree"])["Nums"]
        places = {numbers[at]: at + 1 for at in range(0, len(numbers), 2)}
        for element in self._elements:
            link = self._link_around(element)
            for reference in list(self._references(element)) if link else ():
                kid = _at(self._pdf, reference)
                if _is_a(kid, "/OBJR"):
                    element["K"].remove(reference)
                    link["K"].append(reference)
                    annotation = _at(self._pdf, kid["Obj"])
                    numbers[places[annotation["StructParent"]]] = link.reference

    @property
    def _root(self) -> Any:
        return _at(self._pdf, self._pdf.catalog["StructTreeRoot"])

    def _becomes(self, item: Any, name: str) -> None:
        """Turn an item of a list, made for a term or what is said of it, into that itself."""
        item["S"] = name
        for body in self._kids(item):
            if body.get("S") == "/LBody":
                body["S"] = "/NonStruct"

    def _gather(self, item: Any, told: list[Any]) -> None:
        """Hang what an item says on a body of its own."""
        kept = Array(one.reference for one in told)
        names = {"Type": "/StructElem", "S": "/LBody", "Pg": item["Pg"], "P": item.reference}
        body = Dictionary({**names, "K": kept})
        self._pdf.add_object(body)
        for one in told:
            one["P"] = body.reference
            if one["S"] == "/LBody":
                one["S"] = "/NonStruct"
        item["K"] = Array([*(one for one in item["K"] if one not in kept), body.reference])

    def _link_around(self, element: Any) -> Any:
        """Return the Link that an element stands in, if it is not one itself."""
        around = element
        while around.get("S") in {"/Span", "/NonStruct"}:
            around = self._parent(around)
        return around if around is not element and around.get("S") == "/Link" else None

    def _parent(self, element: Any) -> Any:
        return _at(self._pdf, element["P"])

    def _kids(self, element: Any) -> list[Any]:
        return [_at(self._pdf, one) for one in self._references(element)]

    def _references(self, element: Any) -> Iterator[Any]:
        """Yield the references among an element's kids; numbers are marks in the page's content."""
        kids = element.get("K", ())
        return (one for one in (kids if isinstance(kids, Array) else [kids]) if _is_reference(one))


def _at(pdf: Any, reference: Any) -> Any:
    """Return the object that a reference ("12 0 R") names."""
    return pdf.objects[int(_bytes(reference).split()[0])]


def _is_a(one: Any, kind: str) -> bool:
    return isinstance(one, dict) and one.get("Type") == kind


def _is_reference(value: Any) -> bool:
    return isinstance(value, (str, bytes)) and _bytes(value).endswith(b" R")


def _bytes(item: Any) -> bytes:
    """Return what an item of a stream, or a reference, is written as (as pydyf writes it)."""
    if isinstance(item, bytes):
        return item
    return bytes(item.data) if hasattr(item, "data") else str(item).encode("latin-1")
