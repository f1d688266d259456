"""What tshark's dissectors say of PDUs."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from struct import pack

from tests.programs import program


async def dissected(pdus: Sequence[bytes], protocol: str, field: str, folder: Path) -> list[list[str]]:
    """Return for each PDU the field of its command, and whether it is malformed: empty if it is not."""
    tshark = program("tshark", package="the package tshark")
    path = folder / "ours.pcap"
    path.write_bytes(_capture(pdus))
    command = [str(tshark), "-r", str(path), "-d", f"tcp.port==2775,{protocol}", "-T", "fields", "-E", "separator=;"]
    command += [word for one in (field, "_ws.malformed") for word in ("-e", one)]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    output, _ = await process.communicate()
    return [line.split(";") for line in output.decode().splitlines()]


def _capture(pdus: Sequence[bytes]) -> bytes:
    """Return a file of packets, from the gateway to port 2775, a PDU in each."""
    packets, sequence = [pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)], 1
    for pdu in pdus:
        tcp = pack(">HHIIBBHHH", 40000, 2775, sequence, 1, 0x50, 0x18, 65535, 0, 0) + pdu
        packet = pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, b"\x7f\0\0\1", b"\x7f\0\0\2") + tcp
        packets.append(pack("<IIII", 0, 0, len(packet), len(packet)) + packet)
        sequence += len(pdu)
    return b"".join(packets)
