"""cryptography: ciphers, hashes, keys, signatures and certificates against each other, and the errors."""

import datetime
import hashlib

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

for n in range(300):
    digest = hashes.Hash(hashes.SHA256())
    digest.update(b"x" * n)
    assert digest.finalize() == hashlib.sha256(b"x" * n).digest()
mac = hmac.HMAC(b"key", hashes.SHA512())
mac.update(b"message")
print(mac.finalize().hex())
for mode in (modes.CBC(bytes(16)), modes.CTR(bytes(16)), modes.ECB()):
    cipher = Cipher(algorithms.AES(bytes(range(32))), mode)
    encryptor, decryptor = cipher.encryptor(), cipher.decryptor()
    secret = encryptor.update(b"0123456789abcdef" * 20) + encryptor.finalize()
    print(mode.name, hashlib.sha256(secret).hexdigest(), (decryptor.update(secret) + decryptor.finalize())[:16])
for kind, key in ((AESGCM, bytes(16)), (ChaCha20Poly1305, bytes(32))):
    box = kind(key)
    secrets = [box.encrypt(n.to_bytes(12, "big"), b"text %d" % n, b"more") for n in range(200)]
    print(
        kind.__name__,
        hashlib.sha256(b"".join(secrets)).hexdigest(),
        box.decrypt((7).to_bytes(12, "big"), secrets[7], b"more"),
    )
    try:
        box.decrypt((8).to_bytes(12, "big"), secrets[7], b"more")
    except InvalidTag as error:
        print(repr(error))
print(HKDF(hashes.SHA256(), 32, b"salt", b"info").derive(b"key").hex())
print(PBKDF2HMAC(hashes.SHA256(), 32, b"salt", 1000).derive(b"password").hex())
key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
print(key.sign(b"message").hex())
one, two = (x25519.X25519PrivateKey.from_private_bytes(bytes([n] * 32)) for n in (1, 2))
print(one.exchange(two.public_key()).hex(), one.exchange(two.public_key()) == two.exchange(one.public_key()))
numbers = ec.derive_private_key(123456789, ec.SECP256R1())
signature = numbers.sign(b"message", ec.ECDSA(hashes.SHA256()))
numbers.public_key().verify(signature, b"message", ec.ECDSA(hashes.SHA256()))
try:
    numbers.public_key().verify(signature, b"other", ec.ECDSA(hashes.SHA256()))
except InvalidSignature as error:
    print(repr(error))
print(
    numbers.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
big = rsa.generate_private_key(65537, 2048)
oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
print(big.decrypt(big.public_key().encrypt(b"secret", oaep), oaep), big.key_size)
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "example.org")])
day = datetime.datetime(2024, 1, 1)
builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(77)
builder = builder.not_valid_before(day).not_valid_after(day + datetime.timedelta(days=30))
builder = builder.add_extension(
    x509.SubjectAlternativeName([x509.DNSName(f"{n}.example.org") for n in range(50)]), False
)
certificate = builder.sign(key, None)
again = x509.load_pem_x509_certificate(certificate.public_bytes(serialization.Encoding.PEM))
print(
    again.fingerprint(hashes.SHA256()).hex(),
    again.subject,
    again.extensions[0].value.get_values_for_type(x509.DNSName)[-1],
)
box = Fernet(Fernet.generate_key())
print(box.decrypt(box.encrypt(b"token")))
for call in (lambda: box.decrypt(b"no"), lambda: AESGCM(b"short"), lambda: x509.load_pem_x509_certificate(b"no")):
    try:
        call()
    except (InvalidToken, ValueError) as error:
        print(type(error).__name__, error)
