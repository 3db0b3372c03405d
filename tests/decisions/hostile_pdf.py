"""A PDF that takes more memory than there is."""

import zlib
from functools import cache


@cache
def bomb() -> bytes:
    """Return a PDF whose objects unpack to 4 GB."""
    packer = zlib.compressobj(9)
    first, again = (
        packer.compress(bytes(10_000_000)) + packer.flush(zlib.Z_FULL_FLUSH) for _time in range(2)
    )
    packed = first + again * 399
    head = b"%PDF-1.7\n1 0 obj\n<</Type/XRef/Size 2/W[1 4 2]/Root 1 0 R/Filter/FlateDecode/Length "
    body = head + str(len(packed)).encode() + b">>stream\n" + packed + b"\nendstream\nendobj\n"
    return body + b"startxref\n9\n%%EOF\n"
