# SPDX-License-Identifier: EUPL-1.2
"""Type metadata documents: what is read, what is passed over, what is refused."""

import json

import pytest

from protocol.errors import RequestError
from protocol.type_metadata.display import (
    MAX_DATA_URI_CHARS,
    MAX_LANGUAGES,
    MAX_SVG_TEMPLATES,
    MAX_TEXT_CHARS,
    MAX_URL_CHARS,
    Image,
    SimpleRendering,
    SVGTemplate,
    TypeDisplay,
)
from protocol.type_metadata.integrity import MAX_INTEGRITY_CHARS
from protocol.type_metadata.model import (
    MAX_CLAIMS,
    MAX_DOCUMENT_BYTES,
    MAX_INDEX,
    MAX_NAME_CHARS,
    MAX_PATH_STEPS,
    ClaimDisplay,
    ClaimMetadata,
    SelectiveDisclosure,
    TypeMetadata,
)

VCT = "https://types.example/degree/1"
LOGO = "https://types.example/logo.png"
PNG = "data:image/png;base64,iVBORw0KGgo="

# every member that the specification defines, with unknown ones between (section 5 and its example in appendix A.2)
WHOLE = {
    "vct": VCT,
    "name": "A degree",
    "description": "For developers.",
    "extends": "https://types.example/education/2",
    "extends#integrity": "sha256-ilOUJsTultOwLfz7QUcFALaRa3BP/jelX1ds04kB9yU=",
    "later": {"x": 1},
    "display": [
        {
            "locale": "en-US",
            "name": "Degree",
            "description": "For everybody.\nAlso in two lines.",
            "rendering": {
                "simple": {
                    "logo": {"uri": LOGO, "uri#integrity": "sha256-AAAA", "alt_text": "A tower", "later": 1},
                    "background_image": {"uri": PNG},
                    "background_color": "#12107c",
                    "text_color": "rgb(255, 255, 255)",
                },
                "svg_templates": [
                    {
                        "uri": "https://types.example/wide.svg",
                        "uri#integrity": "sha256-BBBB",
                        "properties": {"orientation": "landscape", "color_scheme": "light", "contrast": "high"},
                    },
                    {"uri": "data:image/svg+xml,%3Csvg/%3E", "properties": {"orientation": "portrait"}},
                ],
                "hologram": {},
            },
        },
        {"locale": "ca", "name": "Títol"},
    ],
    "claims": [
        {
            "path": ["degrees", None, "field"],
            "display": [
                {"locale": "en", "label": "Field", "description": "Of study"},
                {"locale": "ca", "label": "Camp"},
            ],
            "mandatory": True,
            "sd": "never",
            "svg_id": "field_1",
        },
        {"path": ["degrees", 0], "sd": "always", "mandatory": False},
        {"path": ["name"], "display": [], "sd": "allowed"},
    ],
}


def parse(value, vct=VCT):
    return TypeMetadata.parse(json.dumps(value), expected_vct=vct)


def refuse(value, match):
    with pytest.raises(RequestError, match=match) as caught:
        parse(value)
    assert caught.value.code == "invalid_type_metadata"


def with_display(**changes):
    return {"vct": VCT, "display": [{"locale": "en", "name": "Degree", **changes}]}


def with_rendering(**changes):
    return with_display(rendering=changes)


def with_logo(uri, **changes):
    return with_rendering(simple={"logo": {"uri": uri, **changes}})


def with_templates(*templates):
    return with_rendering(svg_templates=list(templates))


def with_claim(**changes):
    return {"vct": VCT, "claims": [{"path": ["name"], **changes}]}


def test_every_member_is_read_and_unknown_ones_are_passed_over():
    found = parse(WHOLE)
    simple = SimpleRendering(
        logo=Image(LOGO, "sha256-AAAA", "A tower"),
        background_image=Image(PNG),
        background_color="#12107c",
        text_color="rgb(255, 255, 255)",
    )
    templates = (
        SVGTemplate("https://types.example/wide.svg", "sha256-BBBB", "landscape", "light", "high"),
        SVGTemplate("data:image/svg+xml,%3Csvg/%3E", orientation="portrait"),
    )
    assert found == TypeMetadata(
        vct=VCT,
        name="A degree",
        description="For developers.",
        extends="https://types.example/education/2",
        extends_integrity="sha256-ilOUJsTultOwLfz7QUcFALaRa3BP/jelX1ds04kB9yU=",
        display=(
            TypeDisplay("en-US", "Degree", "For everybody.\nAlso in two lines.", simple, templates),
            TypeDisplay("ca", "Títol"),
        ),
        claims=(
            ClaimMetadata(
                path=("degrees", None, "field"),
                display=(ClaimDisplay("en", "Field", "Of study"), ClaimDisplay("ca", "Camp")),
                mandatory=True,
                sd=SelectiveDisclosure.NEVER,
                svg_id="field_1",
            ),
            ClaimMetadata(path=("degrees", 0), mandatory=False, sd=SelectiveDisclosure.ALWAYS),
            ClaimMetadata(path=("name",), display=(), sd=SelectiveDisclosure.ALLOWED),
        ),
    )


@pytest.mark.parametrize(
    "value", [WHOLE, {"vct": VCT}, with_rendering(simple={}), with_rendering(), {"vct": VCT, "display": []}]
)
def test_what_is_written_is_read_again(value):
    found = parse(value)
    assert parse(found.to_json()) == found


@pytest.mark.parametrize("vct", [VCT + "/", "https://Types.example/degree/1", 1, None])
def test_a_document_of_another_type_is_refused(vct):
    refuse({"vct": vct}, "of another type|expected vct")


def test_a_document_without_type_or_object_is_refused():
    refuse({}, "expected vct")
    refuse([], "expected a JSON object")


@pytest.mark.parametrize(
    "changes",
    [{name: 1} for name in ("name", "description", "extends", "extends#integrity", "display", "claims")]
    + [{"display": [1]}, {"claims": [1]}, {"display": [{}]}, {"claims": [{}]}, {"extends": ""}, {"name": " "}],
)
def test_a_member_of_another_form_is_refused(changes):
    refuse({"vct": VCT, **changes}, "expected")


@pytest.mark.parametrize(
    "changes",
    [
        {"locale": None},
        {"locale": "e"},
        {"locale": "en_US"},
        {"locale": "en-" + "x" * 9},
        {"name": None},
        {"name": ""},
        {"description": 1},
        {"rendering": []},
    ],
)
def test_a_display_of_another_form_is_refused(changes):
    refuse(with_display(**changes), "expected|malformed")


def test_a_display_without_language_or_name_is_refused():
    refuse({"vct": VCT, "display": [{"name": "Degree"}]}, "expected locale, got nothing")
    refuse({"vct": VCT, "display": [{"locale": "en"}]}, "expected name, got nothing")


@pytest.mark.parametrize("mark", ["\x00", "\x1b[31m", "\x7f", "\u0085", "\u202e", "\u2066", "\r"])
def test_text_that_would_disguise_itself_is_refused(mark):
    refuse(with_display(name=f"Degree{mark}"), "plain text")
    refuse(with_claim(display=[{"locale": "en", "label": f"Name{mark}"}]), "plain text")


def test_languages_stand_once():
    one = {"locale": "en", "name": "Degree"}
    refuse({"vct": VCT, "display": [one, one]}, "a language of a type stands twice")
    label = {"locale": "en", "label": "Name"}
    refuse(with_claim(display=[label, label]), "a language of a claim stands twice")


@pytest.mark.case("W30")
@pytest.mark.parametrize(
    "uri",
    [
        "http://types.example/logo.png",
        "HTTP://types.example/logo.png",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "//types.example/logo.png",
        "/logo.png",
        "",
        "https://",
        "https:///logo.png",
        "https://:443/logo.png",
        "https://me:pw@types.example/logo.png",
        "https://types.example/logo.png#icon",
        "https://types.example/a b.png",
        "https://types.example\\@evil.example/",
        "https://types.example:0/",
        "https://types.example:port/",
        "https://[::1/",
        "data:text/html,<script>alert(1)</script>",
        "data:text/html;base64,PHNjcmlwdD4=",
        "data:,plain",
        "data:image/gif;base64,AAAA",
        "data:image/png;base64",
        "data:image/png;base64,AA AA",
        'data:image/svg+xml,<svg onload="é"/>',
        "<svg><script>alert(1)</script></svg>",
    ],
)
def test_an_image_that_is_no_https_url_and_no_data_uri_of_an_image_is_refused(uri):
    refuse(with_logo(uri), "expected an image to be an https URL or a data URI")
    refuse(with_rendering(simple={"background_image": {"uri": uri}}), "expected an image")
    refuse(with_templates({"uri": uri}), "expected an image")


@pytest.mark.case("W30")
def test_an_svg_with_a_script_is_kept_as_a_reference_and_nothing_else():
    uri = "data:image/svg+xml;utf8,<svg><script>alert(1)</script></svg>"
    simple = parse(with_logo(uri)).display[0].simple
    # the only thing that holds it is an address for an image element, where no script runs
    assert simple.logo == Image(uri)


@pytest.mark.parametrize(
    "uri", [LOGO, PNG, "data:IMAGE/JPEG;base64,/9j/", "data:image/svg+xml;charset=utf-8,%3Csvg/%3E"]
)
def test_https_urls_and_data_uris_of_images_are_read(uri):
    assert parse(with_logo(uri)).display[0].simple.logo.uri == uri


def test_a_template_is_an_svg():
    refuse(with_templates({"uri": PNG}), "expected an image")
    refuse(with_templates({}), "expected an image")


@pytest.mark.parametrize("uri", [1, None])
def test_an_address_that_is_no_text_is_refused(uri):
    refuse(with_logo(uri), "expected uri to be str")


@pytest.mark.parametrize(
    "colour", ["red", "#12", "#1234", "#12345g", "rgb(1,2)", "rgba(1,2,3,4)", "#fff;background:url(x)", "", 1]
)
def test_a_colour_is_a_colour(colour):
    for name in ("background_color", "text_color"):
        refuse(with_rendering(simple={name: colour}), f"malformed {name}|expected {name}")


@pytest.mark.parametrize("colour", ["#fff", "#FFFFFF", "rgb(1,2,3)", "rgb( 10%, 20% ,30% )"])
def test_colours_are_read(colour):
    assert parse(with_rendering(simple={"text_color": colour})).display[0].simple.text_color == colour


@pytest.mark.parametrize(
    "simple", [{"logo": "x"}, {"logo": {}}, {"background_image": {}}, {"logo": {"uri": LOGO, "alt_text": 1}}, []]
)
def test_a_simple_rendering_of_another_form_is_refused(simple):
    refuse(with_rendering(simple=simple), "expected")


@pytest.mark.parametrize(
    "properties",
    [{}, {"later": 1}, {"orientation": "wide"}, {"color_scheme": "red"}, {"contrast": "low"}, {"contrast": 1}, []],
)
def test_template_properties_of_another_form_are_refused(properties):
    refuse(with_templates({"uri": "https://types.example/a.svg", "properties": properties}), "expected")


@pytest.mark.parametrize(
    ("name", "value"), [("orientation", "portrait"), ("color_scheme", "dark"), ("contrast", "normal")]
)
def test_one_property_of_a_template_is_enough(name, value):
    template = {"uri": "https://types.example/a.svg", "properties": {name: value}}
    found = parse(with_templates(template, template)).display[0].svg_templates[0]
    assert getattr(found, name) == value


def test_several_templates_say_what_each_is_for():
    one = {"uri": "https://types.example/a.svg"}
    assert parse(with_templates(one)).display[0].svg_templates == (SVGTemplate(one["uri"]),)
    refuse(with_templates(one, {**one, "properties": {"contrast": "high"}}), "each of several SVG templates")


@pytest.mark.parametrize(
    "path",
    [[], "name", ["name", -1], ["name", True], ["name", 1.0], ["name", ["x"]], ["name", MAX_INDEX + 1], None, {}],
)
def test_a_path_of_another_form_is_refused(path):
    refuse(with_claim(path=path), "expected")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"sd": "maybe"}, "always, allowed or never"),
        ({"sd": True}, "expected sd to be str"),
        ({"mandatory": 1}, "expected mandatory to be bool"),
        ({"svg_id": "1st"}, "svg_id"),
        ({"svg_id": "a-b"}, "svg_id"),
        ({"svg_id": "é"}, "svg_id"),
        ({"svg_id": ""}, "svg_id"),
        ({"svg_id": 1}, "expected svg_id to be str"),
        ({"display": [{"locale": "en"}]}, "expected label, got nothing"),
        ({"display": {}}, "expected display to be list"),
    ],
)
def test_a_claim_of_another_form_is_refused(changes, match):
    refuse(with_claim(**changes), match)


def test_paths_and_svg_identifiers_stand_once():
    refuse({"vct": VCT, "claims": [{"path": ["a", None]}, {"path": ["a", None]}]}, "a claim path stands twice")
    twice = [{"path": ["a"], "svg_id": "x"}, {"path": ["b"], "svg_id": "x"}]
    refuse({"vct": VCT, "claims": twice}, "a svg_id stands twice")
    # an element and all elements are two paths
    assert len(parse({"vct": VCT, "claims": [{"path": ["a", None]}, {"path": ["a", 0]}]}).claims) == 2


def test_the_document_is_bounded():
    text = json.dumps({"vct": VCT})
    assert TypeMetadata.parse(text + " " * (MAX_DOCUMENT_BYTES - len(text)), expected_vct=VCT)
    with pytest.raises(RequestError, match=f"longer than {MAX_DOCUMENT_BYTES}") as caught:
        TypeMetadata.parse(text + " " * (MAX_DOCUMENT_BYTES - len(text) + 1), expected_vct=VCT)
    assert caught.value.code == "invalid_type_metadata"


LOCALES = [f"{a}{b}" for a in "abcdefghijk" for b in "abcdefghijk"]


@pytest.mark.parametrize(
    ("make", "limit"),
    [
        (lambda n: {"vct": VCT, "claims": [{"path": [str(i)]} for i in range(n)]}, MAX_CLAIMS),
        (lambda n: {"vct": VCT, "display": [{"locale": c, "name": "x"} for c in LOCALES[:n]]}, MAX_LANGUAGES),
        (lambda n: with_claim(display=[{"locale": c, "label": "x"} for c in LOCALES[:n]]), MAX_LANGUAGES),
        (
            lambda n: with_templates(*[{"uri": "https://a.example/", "properties": {"contrast": "high"}}] * n),
            MAX_SVG_TEMPLATES,
        ),
        (lambda n: with_claim(path=["a"] * n), MAX_PATH_STEPS),
        (lambda n: with_claim(path=["a" * n]), MAX_NAME_CHARS),
        (lambda n: with_claim(path=["a", n]), MAX_INDEX),
        (lambda n: with_claim(svg_id="a" * n), 256),
        (lambda n: with_display(name="a" * n), MAX_TEXT_CHARS),
        (lambda n: {"vct": VCT, "description": "a" * n}, MAX_TEXT_CHARS),
        (lambda n: {"vct": VCT, "extends": "a" * n}, MAX_URL_CHARS),
        (lambda n: {"vct": VCT, "extends#integrity": "a" * n}, MAX_INTEGRITY_CHARS),
        (lambda n: with_logo(LOGO, **{"uri#integrity": "a" * n}), MAX_INTEGRITY_CHARS),
        (lambda n: with_logo(f"https://a.example/{'a' * (n - 18)}"), MAX_URL_CHARS),
        (lambda n: with_logo(PNG + "A" * (n - len(PNG))), MAX_DATA_URI_CHARS),
    ],
)
def test_counts_and_lengths_are_bounded(make, limit):
    parse(make(limit))
    refuse(make(limit + 1), "expected|longer than")
