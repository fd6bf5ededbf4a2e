"""What the broker itself says: reading and writing notices of MUX/1.

A notice is a message whose source address is empty. The frame after that is a header of 20 octets.
"""

import struct
from typing import NamedTuple, Optional

HELLO, RETURN, GONE = 1, 2, 3

# Why a message came back. It was certainly not processed, whatever the reason.
RETURN_REASONS = {
    1: "UNKNOWN", 2: "BUSY", 3: "EXPIRED", 4: "DENIED", 5: "DRAINING",
    6: "UNREACHABLE", 7: "NO_ROUTE", 8: "LIMIT", 9: "MALFORMED",
}

# How a service ended. What it had not answered may or may not have been processed.
GONE_REASONS = {
    1: "LOST", 2: "LEFT", 3: "DRAINED", 4: "TAKEOVER", 5: "EVICTED", 6: "LINK_LOST",
}

# "MUX" 1, kind, reason, flags, generation, retry-after in milliseconds; big-endian.
_HEADER = struct.Struct(">4sBBHQI")
_MAGIC = b"MUX\x01"


class Notice(NamedTuple):
    """What the broker itself says."""

    kind: int
    reason: int
    flags: int
    generation: int
    retry_after: float  # in seconds
    frames: list  # what stands behind the header

    @property
    def why(self) -> str:
        """The name of the reason."""
        reasons = GONE_REASONS if self.kind == GONE else RETURN_REASONS
        return reasons.get(self.reason, str(self.reason))


def hello() -> list:
    """The frames by which a peer says that it takes notices."""
    return [b"", _HEADER.pack(_MAGIC, HELLO, 0, 0, 0, 0)]


def parse(frames: list) -> Optional[Notice]:
    """Reads a notice; None if this is a message of a peer."""
    if frames[0] != b"":
        return None
    if len(frames) < 2 or len(frames[1]) != _HEADER.size or not frames[1].startswith(_MAGIC):
        raise ValueError(f"no notice of MUX/1: {frames!r}")
    _, kind, reason, flags, generation, millis = _HEADER.unpack(frames[1])
    return Notice(kind, reason, flags, generation, millis / 1000, frames[2:])
