"""What the AWS Encryption SDK for Python makes of the bench's messages: a line `NAME RATE` for
each, in bytes or messages a second of CPU. `bulla-bench envelope` runs it beside our own."""

import time

import aws_encryption_sdk
from aws_encryption_sdk.caches.local import LocalCryptoMaterialsCache
from aws_encryption_sdk.identifiers import Algorithm, EncryptionKeyType, WrappingAlgorithm
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
from aws_encryption_sdk.key_providers.raw import RawMasterKeyProvider
from aws_encryption_sdk.materials_managers.caching import CachingCryptoMaterialsManager
from aws_encryption_sdk.materials_managers.default import DefaultCryptoMaterialsManager

LARGE, SMALL = 4 << 20, 4096
# One measurement goes on for at least so many seconds; there are several, of which the median
# counts.
ROUND, ROUNDS = 0.5, 5


class Provider(RawMasterKeyProvider):
    """One key of one's own."""

    provider_id = "bench"

    def _get_raw_key(self, key_id):
        algorithm = WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING
        return WrappingKey(algorithm, b"\7" * 32, EncryptionKeyType.SYMMETRIC)


def rate(each, work):
    work()
    rates = []
    for _ in range(ROUNDS):
        began, before, done = time.monotonic(), time.process_time(), 0
        while time.monotonic() - began < ROUND:
            work()
            done += each
        rates.append(done / (time.process_time() - before))
    return sorted(rates)[ROUNDS // 2]


def main():
    sdk = aws_encryption_sdk.EncryptionSDKClient()
    provider = Provider()
    provider.add_master_key(b"key")
    fresh = DefaultCryptoMaterialsManager(provider)
    cache = LocalCryptoMaterialsCache(10)
    cached = CachingCryptoMaterialsManager(
        cache=cache, backing_materials_manager=fresh, max_age=600.0
    )
    for name, length, each, manager in [
        ("large", LARGE, LARGE, fresh),
        ("small", SMALL, 1, fresh),
        ("cached", SMALL, 1, cached),
    ]:
        plain = b"\5" * length

        def encrypt():
            return sdk.encrypt(
                source=plain,
                materials_manager=manager,
                algorithm=Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
                encryption_context={"purpose": "bench"},
                frame_length=4096,
            )[0]

        message = encrypt()
        print(f"{name}-encrypt {rate(each, encrypt)}", flush=True)
        decrypt = lambda: sdk.decrypt(source=message, materials_manager=manager)
        print(f"{name}-decrypt {rate(each, decrypt)}", flush=True)


main()
