#!/usr/bin/env python3
"""corpus_x509.py DATA OUT: seeds for fuzz_x509, a folder a reader, from x509-limbo, PKITS,
Matter, OCSP and CSGN/1."""
import base64, glob, hashlib, json, os, sys

data, out = sys.argv[1:3]
count = 0


def pem(text):
    body = [line for line in text.splitlines() if line and not line.startswith("-----")]
    return base64.b64decode("".join(body))


def seed(reader, blob):
    global count
    folder = os.path.join(out, reader)
    os.makedirs(folder, exist_ok=True)
    if 0 < len(blob) <= 16384:
        count += 1
        with open(os.path.join(folder, hashlib.sha256(blob).hexdigest()[:16]), "wb") as f:
            f.write(blob)


def chunks(parts):
    return b"".join(len(c).to_bytes(2, "big") + c for c in parts[:10])


def path(crls, answer, ders):
    """A path, and what it is made of."""
    if all(len(d) < 8192 for d in ders):
        seed("x509-path", chunks([crls[-1] if crls else b"", answer] + ders))
    for der in ders:
        seed("x509-cert", der)
    for crl in crls:
        seed("x509-crl", crl)


def strings(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str) and len(value) > 100 and len(value) % 2 == 0:
        try:
            yield bytes.fromhex(value)
        except ValueError:
            pass


for name in glob.glob(data + "/x509/limbo/*.json"):
    for case in json.load(open(name))["testcases"]:
        try:
            certs = [case["peer_certificate"]] + case["untrusted_intermediates"] + case["trusted_certs"]
            path([pem(c) for c in case.get("crls") or []], b"", [pem(c) for c in certs])
        except ValueError:
            continue
for name in glob.glob(data + "/x509/pkits/*.json"):
    suite = json.load(open(name))
    anchor = base64.b64decode(suite["trust_anchor"])
    for case in suite["cases"]:
        certs = [base64.b64decode(c) for c in case["certs"]]
        leaf = certs.pop(case["leaf_index"])
        path([base64.b64decode(c) for c in case["crls"]], b"", [leaf] + certs[::-1] + [anchor])
roots = [open(p, "rb").read() for p in glob.glob(data + "/x509/matter-roots/*.der")]
for name in glob.glob(data + "/x509/matter/*.json"):
    case = json.load(open(name))
    seed("x509-matter-cd", bytes.fromhex(case.get("certification_declaration", "")))
    path([], b"", [bytes.fromhex(case[k]) for k in ("dac_cert", "pai_cert")] + roots[:1])
for case in json.load(open(data + "/x509/ocsp/cases.json")):
    answer = base64.b64decode(open(f"{data}/x509/ocsp/{case['response']}").read())
    issuer = pem(open(f"{data}/x509/ocsp/{case['ca']}").read())
    seed("x509-ocsp", answer)
    path([], answer, [issuer, issuer])
# Hellos are arrays that begin with 5, manifests COSE_Sign1; certificates are DER.
for name in glob.glob(data + "/csgn1/*.json"):
    for blob in strings(json.load(open(name))):
        if blob[:2] == b"\x85\x05" or blob[:4] in (b"\x84\x43\xa1\x01",):
            seed("x509-claim", blob)
        if blob[:2] in (b"\x30\x81", b"\x30\x82"):
            for suite in (0, 1):
                seed("x509-chain", bytes([suite]) + chunks([blob]))
                seed("x509-chain", bytes([suite]) + chunks([blob, blob]))
for name in glob.glob(data + "/crypto/ear/*"):
    if os.path.isfile(name):
        seed("ear", open(name, "rb").read())
print(count, "seeds")
