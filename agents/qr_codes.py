"""Draws an agent's link as a QR code: an SVG file, dark on white, with the quiet zone that scanners want."""

import qrcode
from qrcode.image.svg import SvgPathFillImage


def svg(text: str) -> bytes:
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M, image_factory=SvgPathFillImage)
    code.add_data(text)
    drawing: bytes = code.make_image().to_string(encoding="utf-8")
    return drawing
