"""The printed code, read by `cwt` and `cbor2`: base45, COSE_Sign1, claims. Its own base45 is RFC 9285's twelve lines."""

import datetime
import hashlib
import json
import os
import pathlib
import sys
import zlib

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cwt import COSEKey, COSETypes, CWT
from cwt.exceptions import VerifyError

DATA = pathlib.Path(os.environ["DATA"])
SAMPLES = DATA / "samples"
HOLDER = json.loads((DATA / "test-persons.json").read_text())["persons"][0]
CHINA = datetime.timezone(datetime.timedelta(hours=8))
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
LICENCE = -65537


def base45(text):
    values = [ALPHABET.index(character) for character in text]
    out = bytearray()
    for at in range(0, len(values), 3):
        group = values[at : at + 3]
        number = sum(value * 45**place for place, value in enumerate(group))
        out += number.to_bytes(len(group) - 1, "big")
    return bytes(out)


def read(file):
    """The COSE_Sign1 of a sample, and the certificates that its key identifier may mean."""
    text = (SAMPLES / file).read_text().rstrip()
    assert text.startswith("XY1:"), text[:8]
    body = base45(text[4:])
    cose = body if body[0] == 0xD2 else zlib.decompress(body)
    tagged = cbor2.loads(cose)
    assert tagged.tag == 18 and tagged.value[1] == {}, "a COSE_Sign1 without unprotected headers"
    protected = cbor2.loads(tagged.value[0])
    assert set(protected) == {1, 4} and protected[1] in (-7, -9), protected
    return cose, protected[4]


def payload_of(jws):
    import base64

    part = jws["payload"]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


TARGETS = payload_of(json.loads((SAMPLES / "trust-bundle.json").read_text())["targets"])


def signers(kid):
    """The code certificates of the trust bundle's register whose digest begins with `kid`."""
    import base64

    found = []
    for row in TARGETS["certificates"]:
        if row["purpose"] == "code" and "der" in row and row["sha256"].startswith(kid.hex()):
            der = base64.b64decode(row["der"])
            assert hashlib.sha256(der).hexdigest() == row["sha256"]
            found.append((x509.load_der_x509_certificate(der), row))
    return found


def verified(file):
    """The claims as `cwt` gives them, and the signer's certificate."""
    cose, kid = read(file)
    candidates = signers(kid)
    if not candidates:
        raise LookupError("no certificate of the register fits the key identifier")
    certificate, row = candidates[0]
    issuer = next(
        other
        for other in map(x509.load_der_x509_certificate, anchors())
        if other.subject == certificate.issuer
    )
    certificate.verify_directly_issued_by(issuer)
    spki = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key = COSEKey.from_pem(spki.decode(), kid=kid)
    return CWT.new(leeway=1).decode(cose, key), certificate, row


def anchors():
    import base64

    return [base64.b64decode(text) for text in TARGETS["anchors"] + TARGETS["intermediates"]]


def day(number):
    return datetime.datetime.strptime(str(number), "%Y%m%d").replace(tzinfo=CHINA)


def check_valid():
    claims, certificate, row = verified("valid.cwt")
    form, type_code, type_version, serial, version, name, last, items = claims[LICENCE]
    assert (form, name) == (1, HOLDER["name"]), claims
    manifest = (SAMPLES / "valid.sdjwt").read_text().split(".")[1]
    import base64

    credential = json.loads(base64.urlsafe_b64decode(manifest + "=" * (-len(manifest) % 4)))
    assert f".{serial}.{version:03}." in credential["identifier"], (serial, version)
    assert credential["identifier"].split(".")[5].startswith(type_code[:18]), type_code
    assert credential["vct"].endswith(f"/{type_code}/{type_version}")
    assert day(last).date().isoformat() == credential["valid_until"]
    assert claims[4] == int((day(last) + datetime.timedelta(days=1)).timestamp()) == credential["exp"]
    assert claims[6] <= datetime.datetime.now().timestamp()
    status = claims[65535]["status_list"]
    assert status["uri"].startswith("http://localhost:8081/status/") and isinstance(status["idx"], int)
    department = certificate.subject.get_attributes_for_oid(x509.ObjectIdentifier("2.5.4.97"))[0].value
    assert department == row["department"] == credential["issuing_authority"]["code"]
    definition = next(t for t in TARGETS["types"] if (t["code"], t["version"]) == (type_code, type_version))
    assert len(items) == len(definition["code_items"])
    screen, *_ = verified("screen.cwt")
    assert screen[4] == screen[6] + 300 and 65535 not in screen and screen[LICENCE][3] == serial
    return f"holder {name}, {credential['identifier']}, until {credential['valid_until']}, screen code of 300 s"


def check_refusals():
    told = []
    for file, kind in (("altered.cwt", VerifyError), ("expired.cwt", VerifyError), ("unknown-issuer.cwt", LookupError)):
        try:
            verified(file)
        except kind as error:
            told.append(f"{file} ({error})")
        else:
            sys.exit(f"{file} was taken")
    return ", ".join(told)


if __name__ == "__main__":
    print(f"cwt, cbor2: {check_valid()}; refused {check_refusals()}")
