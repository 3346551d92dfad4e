# SPDX-License-Identifier: EUPL-1.2
"""The cases of the external SD-JWT vectors: a `specification.yml` with `!sd` marks, and often its expansion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from protocol import sd_jwt
from protocol.encoding import b64url_decode
from protocol.keys import PrivateKey, PublicKey
from protocol.sd_jwt import Path as ClaimPath
from tests.conftest import external_folder

EXPANDED = ("ietf-rfc9901-sd-jwt/examples", "sd-jwt-python/testcases", "openid4vp/1.0-examples/sd_jwt_vcld")
SPECIFIED = (*EXPANDED, "ietf-sd-jwt-vc/examples")


class Marked:
    """What `!sd` stands before: a name of a member, or an array element."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Loader(yaml.SafeLoader):
    pass


def _construct_marked(loader: _Loader, node: yaml.Node) -> Marked:
    if isinstance(node, yaml.MappingNode):
        return Marked(loader.construct_mapping(node, deep=True))
    if isinstance(node, yaml.SequenceNode):
        return Marked(loader.construct_sequence(node, deep=True))
    # a word in quotes is text; any other is what YAML takes it for
    tag = loader.resolve(yaml.ScalarNode, node.value, (node.style is None, node.style is not None))
    return Marked(loader.construct_object(yaml.ScalarNode(tag, node.value)))


_Loader.add_constructor("!sd", _construct_marked)


def _load(path: Path) -> Any:
    return yaml.load(path.read_text("utf-8"), Loader=_Loader)  # noqa: S506  # a safe loader with one more tag


def _unmark(value: Any, place: ClaimPath, found: list[ClaimPath]) -> Any:
    if isinstance(value, dict):
        plain = {}
        for key, inner in value.items():
            name = key.value if isinstance(key, Marked) else key
            if isinstance(key, Marked):
                found.append((*place, name))
            plain[name] = _unmark(inner, (*place, name), found)
        return plain
    if isinstance(value, list):
        elements = []
        for position, inner in enumerate(value):
            if isinstance(inner, Marked):
                found.append((*place, position))
                inner = inner.value  # noqa: PLW2901  # the element without its mark
            elements.append(_unmark(inner, (*place, position), found))
        return elements
    return value


@dataclass(frozen=True)
class Case:
    """One folder of the vectors."""

    folder: Path

    @property
    def id(self) -> str:
        return f"{self.folder.parents[1].name}-{self.folder.name}"

    @property
    def specification(self) -> dict[str, Any]:
        return _load(self.folder / "specification.yml")

    @property
    def settings(self) -> dict[str, Any]:
        override = self.specification.get("settings_override", {})
        return _load(self.folder.parent / "settings.yml") | override

    @property
    def issuer_jwks(self) -> list[dict[str, Any]]:
        keys = self.settings["key_settings"]
        return keys["issuer_keys"] if "issuer_keys" in keys else [keys["issuer_key"]]

    @property
    def holder_jwk(self) -> dict[str, Any]:
        return self.settings["key_settings"]["holder_key"]

    @property
    def is_json(self) -> bool:
        return self.specification.get("serialization_format") == "json"

    def claims(self) -> tuple[dict[str, Any], list[ClaimPath]]:
        """The claims without marks, and the paths that were marked."""
        paths: list[ClaimPath] = []
        return _unmark(self.specification["user_claims"], (), paths), paths

    def marked_claims(self) -> dict[Any, Any]:
        return self.specification["user_claims"]

    def json(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text("utf-8"))

    def text(self, name: str) -> str:
        """A token; line breaks are there for display only."""
        return "".join((self.folder / f"{name}.txt").read_text("utf-8").split())

    def document(self, name: str) -> dict[str, Any]:
        """A JSON serialization; line breaks within its strings are there for display only."""
        value = json.loads((self.folder / f"{name}.json").read_text("utf-8"), strict=False)
        return _squeeze(json.loads(value) if isinstance(value, str) else value)

    def parse(self, name: str) -> sd_jwt.UnverifiedSDJWT:
        if self.is_json:
            return sd_jwt.parse_json_serialization(self.document(name)).sd_jwt
        return sd_jwt.UnverifiedSDJWT.parse(self.text(name))


def _squeeze(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _squeeze(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_squeeze(inner) for inner in value]
    return "".join(value.split()) if isinstance(value, str) else value


def public_key(jwk: dict[str, Any]) -> PublicKey:
    return PublicKey.parse_jwk({name: jwk[name] for name in ("kty", "crv", "x", "y")})


def private_key(jwk: dict[str, Any]) -> PrivateKey:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    secret = ec.derive_private_key(int.from_bytes(b64url_decode(jwk["d"])), ec.SECP256R1())
    return PrivateKey.from_pem(
        secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def _collect(sources: tuple[str, ...]) -> Iterator[Case]:
    if not external_folder().is_dir():
        return
    for source in sources:
        folders = sorted(path.parent for path in (external_folder() / source).glob("*/specification.yml"))
        assert folders, f"no cases in {source}"
        yield from map(Case, folders)


def cases(sources: tuple[str, ...]) -> dict[str, Any]:
    """Arguments of `parametrize`: every case of these sources; none without the folder of vectors."""
    found = list(_collect(sources))
    return {"argvalues": found, "ids": [case.id for case in found]}
