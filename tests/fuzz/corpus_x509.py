#!/usr/bin/env python3
"""corpus_x509.py DATA OUT: seeds for fuzz_x509 from x509-limbo, PKITS, Matter and OCSP."""
import base64, glob, hashlib, json, os, sys

data, out = sys.argv[1:3]
os.makedirs(out, exist_ok=True)


def pem(text):
    body = [line for line in text.splitlines() if line and not line.startswith("-----")]
    return base64.b64decode("".join(body))


def seed(kind, chunks):
    blob = bytes([kind]) + b"".join(len(c).to_bytes(2, "big") + c for c in chunks[:10])
    with open(os.path.join(out, hashlib.sha256(blob).hexdigest()[:16]), "wb") as f:
        f.write(blob)


for path in glob.glob(data + "/x509/limbo/*.json"):
    for case in json.load(open(path))["testcases"]:
        try:
            certs = [case["peer_certificate"]] + case["untrusted_intermediates"] + case["trusted_certs"]
            crls = [pem(c) for c in case.get("crls") or []]
            ders = [pem(c) for c in certs]
        except ValueError:
            continue
        if all(len(d) < 8192 for d in ders):
            seed(0, [crls[0] if crls else b"", b""] + ders)
            seed(2, [ders[-1], b""])
for path in glob.glob(data + "/x509/pkits/*.json"):
    suite = json.load(open(path))
    anchor = base64.b64decode(suite["trust_anchor"])
    for case in suite["cases"]:
        certs = [base64.b64decode(c) for c in case["certs"]]
        crls = [base64.b64decode(c) for c in case["crls"]] or [b""]
        leaf = certs.pop(case["leaf_index"])
        seed(0, [crls[-1], b"", leaf] + certs[::-1] + [anchor])
roots = [open(p, "rb").read() for p in glob.glob(data + "/x509/matter-roots/*.der")]
for path in glob.glob(data + "/x509/matter/*.json"):
    case = json.load(open(path))
    chain = [bytes.fromhex(case[k]) for k in ("dac_cert", "pai_cert")]
    seed(1, [bytes.fromhex(case.get("certification_declaration", ""))] + chain + roots[:1])
    seed(0, [b"", b""] + chain + roots[:1])
for case in json.load(open(data + "/x509/ocsp/cases.json")):
    answer = base64.b64decode(open(f"{data}/x509/ocsp/{case['response']}").read())
    issuer = pem(open(f"{data}/x509/ocsp/{case['ca']}").read())
    seed(0, [b"", answer, issuer, issuer])
print(len(os.listdir(out)), "seeds")
