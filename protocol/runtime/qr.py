# SPDX-License-Identifier: EUPL-1.2
"""QR codes for pages: black on white, with the quiet zone that scanners need, as an image address."""

from __future__ import annotations

import base64
from io import BytesIO

import qrcode
from qrcode.constants import ERROR_CORRECT_M
from qrcode.image.svg import SvgPathFillImage

# modules of white around the code (ISO/IEC 18004 asks for four)
QUIET_ZONE = 4


def qr_data_uri(text: str) -> str:
    """Return the text as a QR code: `data:image/svg+xml;base64,…`, sharp at every size."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=QUIET_ZONE)
    code.add_data(text)
    code.make(fit=True)
    stream = BytesIO()
    code.make_image(image_factory=SvgPathFillImage).save(stream)
    return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
