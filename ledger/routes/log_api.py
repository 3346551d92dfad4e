# SPDX-License-Identifier: EUPL-1.2
"""The log for programs: promises, proofs, anchors, and the log as static files (C2SP tlog-tiles).

Everything that is read may be read from any web page (CORS `*`): it is the same for everybody.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from ledger import tiles
from ledger.commitment import parse_commitment
from ledger.present import anchor_json, log_json, whole_anchor_json
from ledger.services import services
from ledger.store import MAX_ANCHORS, SHOWN
from ledger.values import AnchorState
from protocol.encoding import b64url_encode, find_member, parse_object
from protocol.errors import RequestError

bp = Blueprint("log", __name__)
# An entry is a commitment and a log's name.
MAX_ENTRY_BYTES = 1024
# A full tile never changes.
_IMMUTABLE = "public, max-age=31536000, immutable"
_NUMBER = re.compile("0|[1-9][0-9]{0,17}")


@bp.after_request
def _share(response: Response) -> Response:
    if request.method in {"GET", "HEAD"}:
        response.headers["Access-Control-Allow-Origin"] = "*"
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="testimoni-ledger"'
    return response


def _number(name: str) -> int | None:
    text = request.args.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise RequestError("invalid_request", f"expected {name} to be a whole number")
    return int(text)


def _required(name: str) -> int:
    number = _number(name)
    if number is None:
        raise RequestError("invalid_request", f"expected parameter {name}")
    return number


def _limit() -> int:
    limit = _number("limit")
    if limit is None:
        return MAX_ANCHORS
    if not 0 < limit <= MAX_ANCHORS:
        raise RequestError("invalid_request", f"expected limit from 1 to {MAX_ANCHORS}")
    return limit


def _states() -> frozenset[AnchorState]:
    text = request.args.get("state")
    if text is None:
        return SHOWN
    found = frozenset(state for state in SHOWN if state.value == text)
    if not found:
        raise RequestError("invalid_request", "expected state to be pending, included or final")
    return found


@bp.get("/log/v1/logs")
def logs() -> ResponseReturnValue:
    """Return what this service keeps: origin, keys, delay, chain. Its own word; trust comes from a trust file."""
    known = services()
    current, settings = known.publication.find_current(), known.settings
    validators, mirrors = settings.validators, settings.mirrors
    witnesses = [each.verifier for each in settings.witnesses]
    return jsonify(
        logs=[
            log_json(
                log,
                validators,
                mirrors=mirrors,
                witnesses=known.publication.last_cosigned(log.name, witnesses),
                is_current=log.name == current,
            )
            for log in known.publication.logs()
        ]
    )


@bp.post("/log/v1/entries")
def add_entry() -> ResponseReturnValue:
    """Promise an entry, to a recorder within its quota. The same commitment always gets the same promise."""
    if services().settings.entries_from == "recorders":
        services().recorders.admit(request.headers.get("Authorization", ""))
    members = parse_object(request.get_data(), max_bytes=MAX_ENTRY_BYTES)
    commitment = parse_commitment(members.get("commitment"))
    token = services().publication.add_entry(commitment, log=find_member(members, "log", str))
    return jsonify(promise=token), 201


@bp.get("/log/v1/proof/inclusion")
def inclusion() -> ResponseReturnValue:
    """Prove that an entry is in the tree. Asking tells this service who cares: read tiles instead if you can."""
    commitment = parse_commitment(request.args.get("commitment"))
    proved = services().publication.prove_inclusion(commitment, log=request.args.get("log"), size=_number("size"))
    return jsonify(
        leaf_index=proved.leaf_index,
        tree_size=proved.tree_size,
        proof=[b64url_encode(each) for each in proved.proof],
    )


@bp.get("/log/v1/proof/consistency")
def consistency() -> ResponseReturnValue:
    """Prove that the tree of one size is a prefix of that of another."""
    first, second = _required("first"), _required("second")
    proof = services().publication.prove_consistency(first, second, log=request.args.get("log"))
    return jsonify(first=first, second=second, proof=[b64url_encode(each) for each in proof])


@bp.get("/log/v1/anchors")
def anchors() -> ResponseReturnValue:
    """Return a page of the log's anchors, newest first; `before` its last size comes the next page."""
    log, found = services().publication.anchors(
        log=request.args.get("log"), before=_number("before"), limit=_limit(), states=_states()
    )
    return jsonify(log=log.origin, size=log.size, anchors=[anchor_json(log, each) for each in found])


@bp.get("/log/v1/anchors/<int:size>")
def anchor(size: int) -> ResponseReturnValue:
    """Return one anchor with its checkpoint and what proves its block offline."""
    publication = services().publication
    log, found = publication.get_anchor(size, log=request.args.get("log"))
    checkpoint = publication.get_checkpoint(log=log.name, size=size)
    return jsonify(whole_anchor_json(log, found, checkpoint))


@bp.get("/checkpoint", defaults={"log": None})
@bp.get("/<log>/checkpoint")
def checkpoint(log: str | None) -> ResponseReturnValue:
    """Return the newest signed tree head (C2SP tlog-checkpoint)."""
    note = services().publication.get_checkpoint(log=log).note
    return Response(note, content_type="text/plain; charset=utf-8")


@bp.get("/tile/<level>/<path:path>", defaults={"log": None})
@bp.get("/<log>/tile/<level>/<path:path>")
def tile(log: str | None, level: str, path: str) -> ResponseReturnValue:
    """Return a tile of hashes or an entry bundle (C2SP tlog-tiles)."""
    body = services().publication.get_tile(tiles.parse_path(level, path), log=log)
    response = Response(body, content_type="application/octet-stream")
    response.headers["Cache-Control"] = _IMMUTABLE
    return response
