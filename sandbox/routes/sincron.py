# SPDX-License-Identifier: EUPL-1.2
"""Via Oberta's synchronous endpoint, for programs."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, render_template, request
from flask.typing import ResponseReturnValue

from protocol import pci
from sandbox.services import services
from sandbox.via_oberta import Outcome

bp = Blueprint("sincron", __name__)
PATH = "/siri-proxy/services/Sincron"


@bp.post(PATH)
def sincron() -> ResponseReturnValue:
    """Answer one SOAP message, whatever its SOAPAction says."""
    reply = services().via_oberta.answer(request.get_data())
    match reply.outcome:
        case Outcome.FORBIDDEN:
            return Response(render_template("sandbox/forbidden.html"), status=403, mimetype="text/html")
        case Outcome.SILENCE:
            services().silence.hold()
            return Response(status=504)
        case Outcome.FAULT:
            return Response(reply.body, status=500, content_type=pci.CONTENT_TYPE)
        case _:
            return Response(reply.body, content_type=pci.CONTENT_TYPE)


@bp.get(PATH)
def wsdl() -> ResponseReturnValue:
    """Describe the service (WSDL 1.1); the address is ours."""
    address = current_app.extensions["testimoni.settings"].public_url + PATH
    return Response(render_template("sandbox/sincron.wsdl.xml", address=address), content_type=pci.CONTENT_TYPE)
