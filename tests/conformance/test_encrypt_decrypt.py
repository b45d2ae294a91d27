"""Encrypt, Decrypt, ReEncrypt."""

import base64

import pytest
from conftest import ACCOUNT, REGION, missing_id, new_key
from expect import EMPTY, ONE, denied, refused

WRONG_KEY = "The key ID in the request does not identify a CMK that can perform this operation."
CONTEXT = {"project": "nile", "größe": "ü", "empty": ""}


def encrypt(kms, key, plaintext=b"secret", **more):
    return kms.encrypt(KeyId=key, Plaintext=plaintext, **more)["CiphertextBlob"]


def material(kms, key):
    return kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]


def body(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def test_what_is_encrypted_can_be_decrypted(kms, key):
    sealed = body(kms.encrypt(KeyId=key, Plaintext=b"secret"))
    blob = sealed.pop("CiphertextBlob")
    assert sealed == {"KeyId": key, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
    assert b"secret" not in blob
    assert body(kms.decrypt(CiphertextBlob=blob)) == {
        "KeyId": key,
        "Plaintext": b"secret",
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "KeyMaterialId": material(kms, key),
    }


@pytest.mark.parametrize("form", ["id", "arn", "alias", "alias arn"])
def test_each_form_of_a_key_name_will_do(kms, key, alias, form):
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    name = {
        "id": key.split("/")[1],
        "arn": key,
        "alias": alias,
        "alias arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:{alias}",
    }[form]
    sealed = kms.encrypt(KeyId=name, Plaintext=b"x")
    assert sealed["KeyId"] == key
    opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], KeyId=name)
    assert (opened["KeyId"], opened["Plaintext"]) == (key, b"x")


def test_no_two_ciphertexts_are_alike(kms, key):
    assert len({encrypt(kms, key, b"same") for _ in range(50)}) == 50


@pytest.mark.parametrize("size", [1, 15, 16, 17, 4095, 4096])
def test_plaintexts_of_every_size(kms, key, size):
    plaintext = bytes(number % 256 for number in range(size))
    blob = encrypt(kms, key, plaintext)
    assert len(blob) <= 6144
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == plaintext


@pytest.mark.parametrize(
    "size, bound", [(0, "greater than or equal to 1"), (4097, "less than or equal to 4096")]
)
def test_plaintexts_out_of_bounds(unchecked_kms, key, size, bound):
    message = (
        f"{ONE}Value at 'plaintext' failed to satisfy constraint: Member must have length {bound}"
    )
    with refused("ValidationException", message):
        unchecked_kms.encrypt(KeyId=key, Plaintext=b"x" * size)


def test_an_unknown_key_cannot_encrypt(kms):
    key_id = missing_id()
    message = f"Key 'arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}' does not exist"
    with refused("NotFoundException", message):
        encrypt(kms, key_id)


class TestContext:
    def test_the_same_context_opens(self, kms, key):
        blob = encrypt(kms, key, EncryptionContext=CONTEXT)
        turned = dict(reversed(CONTEXT.items()))
        opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=turned)
        assert opened["Plaintext"] == b"secret"

    def test_no_context_is_the_empty_context(self, kms, key):
        blob = encrypt(kms, key, EncryptionContext={})
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret"
        blob = encrypt(kms, key)
        assert kms.decrypt(CiphertextBlob=blob, EncryptionContext={})["Plaintext"] == b"secret"

    @pytest.mark.parametrize(
        "context",
        [
            {},
            {"a": "1"},
            {"a": "1", "b": "3"},
            {"a": "1", "b": "2", "c": ""},
            {"A": "1", "b": "2"},
            {"a": "1b", "": "2"},
            {"a": "2", "b": "1"},
            {"a": "1 ", "b": "2"},
        ],
    )
    def test_any_other_context_does_not(self, kms, key, context):
        blob = encrypt(kms, key, EncryptionContext={"a": "1", "b": "2"})
        with refused("InvalidCiphertextException", EMPTY):
            kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)

    def test_what_is_name_and_what_is_value_counts(self, kms, key):
        blob = encrypt(kms, key, EncryptionContext={"ab": "c"})
        with refused("InvalidCiphertextException", EMPTY):
            kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "bc"})


class TestOtherKeys:
    def test_another_key_named_on_decrypt_is_the_wrong_one(self, kms, key):
        blob = encrypt(kms, key)
        with refused("IncorrectKeyException", WRONG_KEY):
            kms.decrypt(CiphertextBlob=blob, KeyId=new_key(kms))

    def test_a_disabled_key_neither_encrypts_nor_decrypts(self, kms, key):
        blob = encrypt(kms, key)
        kms.disable_key(KeyId=key)
        for call in (
            lambda: encrypt(kms, key),
            lambda: kms.decrypt(CiphertextBlob=blob),
            lambda: kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=new_key(kms)),
        ):
            with refused("DisabledException", f"{key} is disabled."):
                call()

    def test_a_denied_decrypt_without_key_id_tells_the_key(self, kms, key):
        blob = encrypt(kms, key)
        statement = '{"Effect":"%s","Principal":"*","Action":"kms:%s","Resource":"*"}'
        text = '{"Version":"2012-10-17","Statement":[%s,%s]}' % (
            statement % ("Allow", "*"),
            statement % ("Deny", "Decrypt"),
        )
        kms.put_key_policy(KeyId=key, Policy=text)
        deny = "with an explicit deny in a resource-based policy"
        with refused("AccessDeniedException", denied("kms:Decrypt", key, deny)):
            kms.decrypt(CiphertextBlob=blob)


class TestReEncrypt:
    def test_a_ciphertext_moves_to_another_key_and_context(self, kms, key):
        other = new_key(kms)
        blob = encrypt(kms, key, EncryptionContext={"a": "1"})
        moved = body(
            kms.re_encrypt(
                CiphertextBlob=blob,
                SourceEncryptionContext={"a": "1"},
                DestinationKeyId=other,
                DestinationEncryptionContext={"b": "2"},
            )
        )
        new_blob = moved.pop("CiphertextBlob")
        assert moved == {
            "SourceKeyId": key,
            "KeyId": other,
            "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "SourceKeyMaterialId": material(kms, key),
            "DestinationKeyMaterialId": material(kms, other),
        }
        opened = kms.decrypt(CiphertextBlob=new_blob, EncryptionContext={"b": "2"}, KeyId=other)
        assert opened["Plaintext"] == b"secret"
        with refused("InvalidCiphertextException", EMPTY):
            kms.decrypt(CiphertextBlob=new_blob, EncryptionContext={"a": "1"})

    def test_the_same_key_gives_a_new_ciphertext(self, kms, key):
        blob = encrypt(kms, key)
        moved = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key, SourceKeyId=key)
        assert moved["CiphertextBlob"] != blob
        assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == b"secret"

    def test_a_wrong_source_context_is_refused(self, kms, key):
        blob = encrypt(kms, key, EncryptionContext={"a": "1"})
        with refused("InvalidCiphertextException", EMPTY):
            kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key)

    def test_a_wrong_source_key_is_refused(self, kms, key):
        blob = encrypt(kms, key)
        with refused("IncorrectKeyException", WRONG_KEY):
            kms.re_encrypt(CiphertextBlob=blob, SourceKeyId=new_key(kms), DestinationKeyId=key)

    def test_a_missing_destination_is_refused(self, kms, key):
        with refused("NotFoundException"):
            kms.re_encrypt(CiphertextBlob=encrypt(kms, key), DestinationKeyId=missing_id())

    def test_a_disabled_destination_is_refused(self, kms, key):
        other = new_key(kms)
        kms.disable_key(KeyId=other)
        with refused("DisabledException", f"{other} is disabled."):
            kms.re_encrypt(CiphertextBlob=encrypt(kms, key), DestinationKeyId=other)


class TestIntegrity:
    """Not one bit of a ciphertext can be altered unnoticed."""

    # A bit in the part that names the key leads to no key: there AWS denies.
    CODES = {"InvalidCiphertextException", "AccessDeniedException"}

    def refusal(self, kms, blob, **more):
        try:
            kms.decrypt(CiphertextBlob=blob, **more)
        except kms.exceptions.ClientError as error:
            answer = error.response
            assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
            assert answer["Error"]["Code"] in self.CODES, answer
            return answer["Error"]
        raise AssertionError(f"decrypted an altered blob: {base64.b64encode(blob).decode()}")

    @pytest.mark.parametrize("bit", [0x01, 0x80])
    def test_every_byte_counts(self, kms, key, bit):
        blob = encrypt(kms, key)
        for at in range(len(blob)):
            altered = bytearray(blob)
            altered[at] ^= bit
            error = self.refusal(kms, bytes(altered))
            assert key.split("/")[1] not in error["Message"]

    def test_every_bit_of_one_blob_counts_when_the_key_is_named(self, kms, key):
        blob = encrypt(kms, key, b"x")
        codes = self.CODES | {"IncorrectKeyException"}
        for at in range(0, len(blob) * 8, 3):
            altered = bytearray(blob)
            altered[at // 8] ^= 1 << at % 8
            with pytest.raises(kms.exceptions.ClientError) as caught:
                kms.decrypt(CiphertextBlob=bytes(altered), KeyId=key)
            assert caught.value.response["Error"]["Code"] in codes

    def test_no_prefix_is_a_ciphertext(self, kms, key):
        blob = encrypt(kms, key)
        for size in range(1, len(blob)):
            self.refusal(kms, blob[:size])

    def test_nothing_may_follow(self, kms, key):
        blob = encrypt(kms, key)
        for more in (b"\0", b"x", blob):
            self.refusal(kms, blob + more)

    def test_two_ciphertexts_cannot_be_spliced(self, kms, key):
        one, two = encrypt(kms, key, b"1" * 32), encrypt(kms, key, b"2" * 32)
        assert len(one) == len(two)
        for at in range(1, len(one)):
            spliced = one[:at] + two[at:]
            if spliced not in (one, two):
                self.refusal(kms, spliced)

    def test_rubbish_is_no_ciphertext(self, kms):
        with refused("InvalidCiphertextException", EMPTY):
            kms.decrypt(CiphertextBlob=b"rubbish")
        with refused("InvalidCiphertextException", EMPTY):
            kms.decrypt(CiphertextBlob=bytes(6144))
