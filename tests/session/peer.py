"""An independent peer: both halves of CSGN/1, written from docs/protocol.md alone.

It shares no line with the C code: its own dCBOR, COSE_Sign1, HPKE and schedule over
pyca/cryptography.  Messages are files, as plugins/channel/file/README.md says.  It is a
peer for tests, not a product: it forgets nothing and stores nothing durably.

  peer.py make DIR SUITE OWNER-PEM [basic]   a maker and a device of its own
  peer.py device DIR AIR [PIN]               that device; answers M0a when it comes first
  peer.py owner DIR SUITE                    an owner and a station certificate of its own
  peer.py station DIR AIR SUBJECT MAKER-PEM MODE [PIN]
The last line printed is a JSON object: sid, outcome and what the body says.
"""
import datetime
import hashlib
import hmac
import json
import os
import struct
import sys
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

from peer_cert import Certificate, issue, oid

ARC = "2.25.276109209820688181293072881045488597224."
STATION, IDENTITY, SIGNER = ARC + "1", ARC + "2", ARC + "3"
EPOCH = 1577836800
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
WAIT_S = 60


def want(condition, what):
    if not condition:
        raise ValueError(what)


# --- section 2: encoding ---------------------------------------------------------------

def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 1 << 8 * size:
            return bytes([major << 5 | info]) + n.to_bytes(size, "big")
    raise ValueError("too large")


def enc(item):
    if item is None or item is False or item is True:
        return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[item]
    if isinstance(item, int):
        return head(0, item) if item >= 0 else head(1, -1 - item)
    if isinstance(item, bytes):
        return head(2, len(item)) + item
    if isinstance(item, str):
        return head(3, len(item.encode())) + item.encode()
    if isinstance(item, list):
        return head(4, len(item)) + b"".join(enc(x) for x in item)
    pairs = sorted((enc(k), enc(v)) for k, v in item.items())
    return head(5, len(pairs)) + b"".join(k + v for k, v in pairs)


def take(data, at):
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        return {20: False, 21: True, 22: None}[info], at
    n = info
    if info > 23:
        size = {24: 1, 25: 2, 26: 4, 27: 8}[info]
        n, at = int.from_bytes(data[at:at + size], "big"), at + size
    if major < 2:
        return (n if major == 0 else -1 - n), at
    if major < 4:
        want(at + n <= len(data), "truncated")
        raw = data[at:at + n]
        return (raw if major == 2 else raw.decode()), at + n
    want(major < 6, "a tag")
    items = []
    for _ in range(n * (major - 3)):
        item, at = take(data, at)
        items.append(item)
    return (items if major == 4 else dict(zip(items[::2], items[1::2]))), at


def dec(data):
    """Deterministic means: what it says, said again, is the same bytes."""
    item, at = take(data, 0)
    want(at == len(data) and enc(item) == data, "not dCBOR")
    return item


def sha(data):
    return hashlib.sha256(data).digest()


def label(*items):
    return enc(list(items))


def hashed(*items):
    return sha(label(*items))


def extract(salt, ikm):
    return hmac.digest(salt or bytes(32), ikm, "sha256")


def expand(prk, info, n):
    return HKDFExpand(hashes.SHA256(), n, info).derive(prk)


def kdf(salt, ikm, info, n):
    return expand(extract(salt, ikm), info, n)


def mac(key, data):
    return hmac.digest(key, data, "sha256")


# --- suites ----------------------------------------------------------------------------

class Suite:
    """What the table of section 1 says, and RFC 9180 down to export."""

    def __init__(self, number):
        self.number = number
        self.one = number == 1
        self.kem, self.aead_id, self.nk = (0x20, 3, 32) if self.one else (0x10, 1, 16)
        self.alg = -8 if self.one else -7

    def aead(self, key):
        return ChaCha20Poly1305(key) if self.one else AESGCM(key)

    def new_signer(self):
        return ed25519.Ed25519PrivateKey.generate() if self.one else \
            ec.generate_private_key(ec.SECP256R1())

    def sign(self, key, data):
        if self.one:
            return key.sign(data)
        r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def verify(self, key, signature, data):
        want(len(signature) == 64, "signature length")
        if self.one:
            return key.verify(signature, data)
        rs = [int.from_bytes(signature[i:i + 32], "big") for i in (0, 32)]
        return key.verify(utils.encode_dss_signature(*rs), data, ec.ECDSA(hashes.SHA256()))

    def raw(self, private):
        form = PublicFormat.Raw if self.one else PublicFormat.UncompressedPoint
        code = Encoding.Raw if self.one else Encoding.X962
        return private.public_key().public_bytes(code, form)

    def dh(self, private, public):
        if self.one:
            return private.exchange(x25519.X25519PublicKey.from_public_bytes(public))
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
        return private.exchange(ec.ECDH(), point)

    @staticmethod
    def labeled(suite_id, name, data):
        return b"HPKE-v1" + suite_id + name + data

    def l_extract(self, suite_id, salt, name, ikm):
        return extract(salt, self.labeled(suite_id, name, ikm))

    def l_expand(self, suite_id, prk, name, info, n):
        return expand(prk, struct.pack(">H", n) + self.labeled(suite_id, name, info), n)

    def derive(self, ikm):
        kem = b"KEM" + struct.pack(">H", self.kem)
        prk = self.l_extract(kem, b"", b"dkp_prk", ikm)
        if self.one:
            return x25519.X25519PrivateKey.from_private_bytes(
                self.l_expand(kem, prk, b"sk", b"", 32))
        for counter in range(256):
            n = int.from_bytes(
                self.l_expand(kem, prk, b"candidate", bytes([counter]), 32), "big")
            if 0 < n < P256_ORDER:
                return ec.derive_private_key(n, ec.SECP256R1())
        raise ValueError("DeriveKeyPair")

    def exporter(self, dh, enc_bytes, receiver, info):
        kem = b"KEM" + struct.pack(">H", self.kem)
        prk = self.l_extract(kem, b"", b"eae_prk", dh)
        shared = self.l_expand(kem, prk, b"shared_secret", enc_bytes + receiver, 32)
        hpke = b"HPKE" + struct.pack(">HHH", self.kem, 1, self.aead_id)
        context = b"\0" + self.l_extract(hpke, b"", b"psk_id_hash", b"") + \
            self.l_extract(hpke, b"", b"info_hash", info)
        secret = self.l_extract(hpke, shared, b"secret", b"")
        exporter_secret = self.l_expand(hpke, secret, b"exp", context, 32)
        return lambda name: self.l_expand(hpke, exporter_secret, b"sec", label(name), 32)


# --- COSE_Sign1 and certificates -------------------------------------------------------

def spki(key):
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def sign1(suite, key, payload, chain=None, attached=False):
    protected = enc({1: suite.alg})
    signature = suite.sign(key, enc(["Signature1", protected, b"", payload]))
    x5 = {} if chain is None else {33: chain[0] if len(chain) == 1 else chain}
    return [protected, x5, payload if attached else None, signature]


def check_sign1(suite, key, obj, payload):
    want(obj[0] == enc({1: suite.alg}), "protected header")
    suite.verify(key, obj[3], enc(["Signature1", obj[0], b"", payload]))


def chain_of(obj):
    x5 = obj[1][33]
    return [Certificate(c) for c in (x5 if isinstance(x5, list) else [x5])]


def check_chain(chain, anchor, role, at):
    for cert, issuer in zip(chain, [c.key for c in chain[1:]] + [anchor]):
        cert.check(issuer)
    want(oid(role) in chain[0].usages, "role")
    when = datetime.datetime.utcfromtimestamp(at + EPOCH)
    for cert in chain:
        want(cert.not_before <= when <= cert.not_after, "validity")


# --- section 3 and 4: ladder and schedule ----------------------------------------------

def rung(suite, seed, steps):
    for _ in range(steps):
        seed = kdf(b"", seed, label("csgn1/next"), 32)
    ikm = kdf(b"", seed, label("csgn1/rung"), 32)
    return suite.derive(ikm), kdf(b"", seed, label("csgn1/psk"), 32)


class Offer:
    """Everything both halves derive from a header, enc and the exporter."""

    def __init__(self, suite, hdr, receiver, hello, psk=None):
        self.suite, self.hdr, self.receiver, self.psk = suite, hdr, receiver, psk
        self.hh = hashed("csgn1/hdr", hdr, receiver, hello)
        self.enc = b""

    def open_kem(self, private, enc_bytes):
        self.enc = enc_bytes
        self._export(self.suite.dh(private, enc_bytes) if self.psk is None else None)

    def seal_kem(self):
        if self.psk is None:
            ephemeral = self.suite.derive(os.urandom(32))
            self.enc = self.suite.raw(ephemeral)
            self._export(self.suite.dh(ephemeral, self.receiver))
        else:
            self._export(None)

    def _export(self, dh):
        if dh is None:
            self.export = lambda name: kdf(self.hh, self.psk, label(name), 32)
        else:
            self.export = self.suite.exporter(dh, self.enc, self.receiver, self.hh)

    def keys(self, nu, pin, cost):
        x, nk = self.export("csgn1/pay"), self.suite.nk
        part = bytes(32) if not self.hdr[2] & 2 else hashlib.scrypt(
            pin.encode(), salt=self.hh, n=1 << cost, r=8, p=1, dklen=32, maxmem=1 << 28)
        self.k0 = kdf(nu, x, label("csgn1/k0", self.hh, self.enc), nk)
        s1 = kdf(nu, x + part, label("csgn1/s1", self.hh, self.enc), 32)
        self.k1 = kdf(b"", s1, label("csgn1/k1"), nk)
        self.com = kdf(b"", s1, label("csgn1/com"), 32)
        self.kc = kdf(nu, self.export("csgn1/conf") + part,
                      label("csgn1/kc", self.hh, self.enc), 32)

    def stmt(self, nu, ts, inner, com, leaf):
        return label("csgn1/offer", self.hh, self.enc, nu, ts, sha(inner), com, sha(leaf))

    def tag(self, ct, nu, ts):
        self.t1 = hashed("csgn1/t1", self.hh, self.enc, sha(ct))
        return mac(self.export("csgn1/bind"), label("csgn1/bind", self.t1, 2, nu, ts))[:16]

    def done(self, nu, ts, sig):
        return hashed("csgn1/done", self.t1, nu, ts, sha(enc(sig)), None)

    def fin(self, t2, result):
        return mac(self.kc, label("csgn1/fin", t2, result))[:16]


# --- messages as files -----------------------------------------------------------------

class Air:
    def __init__(self, folder):
        self.folder, self.seen = folder, set()

    def send(self, role, data):
        folder = os.path.join(self.folder, role)
        used = [int(n[:8]) for n in os.listdir(folder) if n.endswith(".msg")]
        name = os.path.join(folder, "%08d.msg" % (max(used, default=0) + 1))
        with open(os.path.join(folder, ".peer"), "wb") as f:
            f.write(data)
        os.rename(f.name, name)
        self.seen.add(name)

    def next(self, role):
        folder, end = os.path.join(self.folder, role), time.monotonic() + WAIT_S
        while time.monotonic() < end:
            for name in sorted(os.listdir(folder)):
                path = os.path.join(folder, name)
                if name.endswith(".msg") and path not in self.seen:
                    self.seen.add(path)
                    with open(path, "rb") as f:
                        return f.read()
            time.sleep(0.02)  # a folder cannot call us: it is looked at
        raise ValueError("nothing came on %s" % role)


def now():
    return int(time.time()) - EPOCH


def save_key(path, key):
    with open(path, "wb") as f:
        f.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8,
                                  serialization.NoEncryption()))


def load_key(path):
    with open(path, "rb") as f:
        return serialization.load_pem_private_key(f.read(), None)


def save_public(path, key):
    with open(path, "wb") as f:
        f.write(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def load_public(path):
    with open(path, "rb") as f:
        return serialization.load_pem_public_key(f.read())


def read(*parts):
    with open(os.path.join(*parts), "rb") as f:
        return f.read()


def write(data, *parts):
    with open(os.path.join(*parts), "wb") as f:
        f.write(data)


# --- the device ------------------------------------------------------------------------

def make(folder, suite_number, owner_pem, tier="keyed"):
    suite, cost = Suite(int(suite_number)), 8
    os.makedirs(folder, exist_ok=True)
    maker, identity, signer = (suite.new_signer() for _ in range(3))
    seed = os.urandom(32)
    save_public(os.path.join(folder, "maker.pem"), maker.public_key())
    did = sha(spki(identity.public_key()))[:16]
    if tier == "basic":
        did, identity = os.urandom(16), None
        write(enc(["csgn1/psk-record", suite.number, did, "peer", cost, 0, seed]),
              folder, "subject.cbor")
    else:
        chain = [issue("maker", maker, "signer", signer.public_key(), SIGNER)]
        keys = [suite.raw(rung(suite, seed, i)[0]) for i in range(4)]
        manifest = ["csgn1/manifest", suite.number, did, spki(identity.public_key()), 0, keys,
                    "peer", cost, now()]
        write(enc(sign1(suite, signer, enc(manifest), chain, attached=True)),
              folder, "subject.cbor")
        write(issue("maker", maker, "device", identity.public_key(), IDENTITY),
              folder, "identity.der")
        save_key(os.path.join(folder, "identity.key"), identity)
    write(enc([suite.number, did, cost, seed, spki(load_public(owner_pem)), tier]),
          folder, "secret.cbor")
    print(json.dumps({"did": did.hex()}))


def greet(suite, air, folder, did, cost, m0a):
    """Section 5: a signed hello with a fresh key."""
    kind, version, sid, skids = m0a
    want(version == 1, "M0a's version")
    ephemeral = suite.derive(os.urandom(32))
    evidence = []
    hello = [1, suite.number, sid, skids[suite.number], did, suite.raw(ephemeral),
             os.urandom(16), cost, sha(enc(evidence))]
    sig = sign1(suite, load_key(os.path.join(folder, "identity.key")),
                label("csgn1/hello", hello), [read(folder, "identity.der")])
    air.send("return", enc([5, hello, evidence, sig]))
    return ephemeral, hello


def device(folder, air_folder, pin=None):
    number, did, cost, seed, owner_spki, tier = dec(read(folder, "secret.cbor"))
    suite, air, hello, private = Suite(number), Air(air_folder), None, None
    message = dec(air.next("offer"))
    if message[0] == 4:
        private, hello = greet(suite, air, folder, did, cost, message)
        message = dec(air.next("offer"))
    kind, hdr, enc_bytes, ct = message
    want(kind == 1 and hdr[:2] == [1, number] and hdr[4] == did, "an offer to me")
    psk = None
    if hello is None:
        private, psk = rung(suite, seed, hdr[5])
        psk = psk if tier == "basic" else None
    receiver = None if psk else suite.raw(private)
    offer = Offer(suite, hdr, receiver, hello, psk)
    offer.open_kem(private, enc_bytes)

    m2 = air.next("bind")
    want(len(m2) == 41 and m2[0] == 2 and m2[1:5] == hdr[3][:4], "M2 of this session")
    nu, ts = m2[5:21], int.from_bytes(m2[21:25], "big")
    want(hmac.compare_digest(offer.tag(ct, nu, ts), m2[25:]), "M2's tag")
    offer.keys(nu, pin, cost)
    inner, com, voucher, sig = dec(suite.aead(offer.k0).decrypt(bytes(12), ct, offer.hh))
    chain = chain_of(sig)
    leaf = chain[0].der
    want(hdr[7] == sha(leaf)[:16], "skid")
    check_chain(chain, serialization.load_der_public_key(owner_spki), STATION, ts)
    check_sign1(suite, chain[0].key, sig, offer.stmt(nu, ts, inner, com, leaf))
    want(abs(now() - ts) <= 120, "clock")
    want(hmac.compare_digest(com, offer.com), "commitment")
    body = dec(suite.aead(offer.k1).decrypt(bytes(12), inner, offer.hh))
    want(body[1][1] == did and body[6][1] == hdr[3], "the body's device and session")

    t2, receipt = offer.done(nu, ts, sig), None
    if tier != "basic":
        receipt = sign1(suite, load_key(os.path.join(folder, "identity.key")),
                        label("csgn1/rcpt", t2, did, 0, body[6].get(4)))
    air.send("return", enc([3, hdr[3], 0, offer.fin(t2, 0), receipt]))
    print(json.dumps({"sid": hdr[3].hex(), "outcome": "enrolled",
                      "ssid": body[3][1][0][1].decode()}))


# --- the station -----------------------------------------------------------------------

def owner(folder, suite_number):
    suite = Suite(int(suite_number))
    os.makedirs(folder, exist_ok=True)
    anchor, key = suite.new_signer(), suite.new_signer()
    save_key(os.path.join(folder, "station.key"), key)
    save_public(os.path.join(folder, "owner.pem"), anchor.public_key())
    write(issue("owner", anchor, "station", key.public_key(), STATION),
          folder, "station.der")


def read_subject(suite, subject, maker):
    """(did, class's cost, key of rung 0 or psk, identity key) of a manifest or record."""
    item = dec(read(subject))
    if item[0] == "csgn1/psk-record":
        return item[2], item[4], None, rung(suite, item[6], 0)[1], None
    manifest = dec(item[2])
    chain = chain_of(item)
    check_chain(chain, maker, SIGNER, now())
    check_sign1(suite, chain[0].key, item, item[2])
    identity = manifest[3] and serialization.load_der_public_key(manifest[3])
    return manifest[2], manifest[7], manifest[5][0], None, identity


def meet(suite, air, maker, sid, skid):
    air.send("offer", enc([4, 1, sid, {suite.number: skid}]))
    kind, hello, evidence, sig = dec(air.next("return"))
    want(kind == 5 and hello[:4] == [1, suite.number, sid, skid], "a hello to me")
    chain = chain_of(sig)
    check_chain(chain, maker, IDENTITY, now())
    check_sign1(suite, chain[0].key, sig, label("csgn1/hello", hello))
    want(sha(spki(chain[0].key))[:16] == hello[4], "did")
    want(hello[8] == sha(enc(evidence)), "evidence hash")
    return hello


def station(folder, air_folder, subject, maker_pem, mode, pin=None):
    leaf, key = read(folder, "station.der"), load_key(os.path.join(folder, "station.key"))
    suite = Suite(1 if isinstance(key, ed25519.Ed25519PrivateKey) else 2)
    air, mode, sid, skid = Air(air_folder), int(mode), os.urandom(16), sha(leaf)[:16]
    maker = load_public(maker_pem)
    did, cost, receiver, psk, identity = read_subject(suite, subject, maker)
    hello = meet(suite, air, maker, sid, skid) if mode & 1 else None
    if hello is not None:
        receiver = hello[5]
    hdr = [1, suite.number, mode, sid, did, None if hello else 0, None, skid]
    offer = Offer(suite, hdr, receiver, hello, psk)
    offer.seal_kem()
    nu, ts = os.urandom(16), now()
    offer.keys(nu, pin, cost)
    window = [ts - 60, ts + 3600]
    makers = sha(spki(maker))
    body = {1: {1: did, 2: window, 4: makers}, 6: {1: sid, 2: window, 3: makers},
            3: {1: [{1: b"peer-net", 2: 1, 3: b"correct horse"}]}}
    inner = suite.aead(offer.k1).encrypt(bytes(12), enc(body), offer.hh)
    sig = sign1(suite, key, offer.stmt(nu, ts, inner, offer.com, leaf), [leaf])
    ct = suite.aead(offer.k0).encrypt(
        bytes(12), enc([inner, offer.com, None, sig]), offer.hh)
    tag = offer.tag(ct, nu, ts)
    air.send("offer", enc([1, hdr, offer.enc, ct]))
    air.send("bind", bytes([2]) + sid[:4] + nu + struct.pack(">I", ts) + tag)

    kind, got_sid, result, tag3, receipt = dec(air.next("return"))
    t2 = offer.done(nu, ts, sig)
    want(kind == 3 and got_sid == sid and result == 0, "M3")
    want(hmac.compare_digest(tag3, offer.fin(t2, 0)), "M3's tag")
    if identity is not None:
        check_sign1(suite, identity, receipt, label("csgn1/rcpt", t2, did, 0, None))
    print(json.dumps({"sid": sid.hex(), "outcome": "enrolled"}))


if __name__ == "__main__":
    try:
        {"make": make, "device": device, "owner": owner, "station": station}[sys.argv[1]](
            *sys.argv[2:])
    except (ValueError, InvalidSignature) as failure:
        print(json.dumps({"outcome": "refused", "why": repr(failure)}))
        sys.exit(1)
