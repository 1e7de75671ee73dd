"""The peer's certificates: as much of RFC 5280 as docs/protocol.md asks for.

Written and read here, because Debian 12's python3-cryptography knows no object
identifier with an arc as long as those of docs/protocol.md.
"""
import datetime
import os

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

INTEGER, BITS, OCTETS, OID, UTF8, SEQUENCE, SET = 2, 3, 4, 6, 12, 0x30, 0x31
BOOLEAN, UTC_TIME, GENERALIZED_TIME = 1, 0x17, 0x18


def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    size = bytes([n]) if n < 128 else n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag]) + (b"" if n < 128 else bytes([0x80 | len(size)])) + size + body


def oid(dotted):
    first, second, *rest = map(int, dotted.split("."))
    out = b""
    for arc in [first * 40 + second] + rest:
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.insert(0, arc & 0x7F | 0x80)
        out += bytes(digits)
    return tlv(OID, out)


COMMON_NAME, KEY_USAGE, EXTENDED_KEY_USAGE = oid("2.5.4.3"), oid("2.5.29.15"), oid("2.5.29.37")
ED25519 = tlv(SEQUENCE, oid("1.3.101.112"))
ECDSA_SHA256 = tlv(SEQUENCE, oid("1.2.840.10045.4.3.2"))


def issue(issuer_name, issuer_key, subject, public, role):
    """The DER of a certificate for a key with one extended key usage, for 20 days."""
    now = datetime.datetime.utcnow()
    algorithm = ED25519 if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else ECDSA_SHA256

    def name(text):
        return tlv(SEQUENCE, tlv(SET, tlv(SEQUENCE, COMMON_NAME, tlv(UTF8, text.encode()))))

    def when(days):
        moment = now + datetime.timedelta(days=days)
        return tlv(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())

    signs = tlv(SEQUENCE, KEY_USAGE, tlv(BOOLEAN, b"\xff"), tlv(OCTETS, tlv(BITS, b"\x07\x80")))
    usage = tlv(SEQUENCE, EXTENDED_KEY_USAGE, tlv(OCTETS, tlv(SEQUENCE, oid(role))))
    tbs = tlv(SEQUENCE, tlv(0xA0, tlv(INTEGER, b"\x02")),
              tlv(INTEGER, b"\x01" + os.urandom(15)), algorithm, name(issuer_name),
              tlv(SEQUENCE, when(-1), when(20)), name(subject),
              public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
              tlv(0xA3, tlv(SEQUENCE, signs, usage)))
    signature = issuer_key.sign(tbs) if algorithm == ED25519 else \
        issuer_key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    return tlv(SEQUENCE, tbs, algorithm, tlv(BITS, b"\0" + signature))


def items(data):
    """The items of a constructed one's content: tag, content, whole item."""
    at = 0
    while at < len(data):
        tag, size, start = data[at], data[at + 1], at + 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[at + 2:start], "big")
        yield tag, data[start:start + size], data[at:start + size]
        at = start + size


def moment(tag, text):
    shape = "%y%m%d%H%M%SZ" if tag == UTC_TIME else "%Y%m%d%H%M%SZ"
    return datetime.datetime.strptime(text.decode(), shape)


class Certificate:
    def __init__(self, der):
        self.der = der
        tbs, _, signature = items(next(items(der))[1])
        self.tbs, self.signature = tbs[2], signature[1][1:]
        fields = [f for f in items(tbs[1]) if f[0] != 0xA0]
        validity, spki = fields[3], fields[5]
        self.not_before, self.not_after = (moment(t, v) for t, v, _ in items(validity[1]))
        self.key = serialization.load_der_public_key(spki[2])
        self.usages = []
        for extension in items(next(items(fields[-1][1]))[1]):
            (_, _, name), *_, (_, value, _) = items(extension[1])
            if name == EXTENDED_KEY_USAGE:
                self.usages = [whole for _, _, whole in items(next(items(value))[1])]

    def check(self, issuer):
        """Raises InvalidSignature unless that key signed it."""
        if isinstance(issuer, ed25519.Ed25519PublicKey):
            issuer.verify(self.signature, self.tbs)
        else:
            issuer.verify(self.signature, self.tbs, ec.ECDSA(hashes.SHA256()))
