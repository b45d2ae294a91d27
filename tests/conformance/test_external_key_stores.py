"""Custom key stores of type EXTERNAL_KEY_STORE, against a proxy that is not Bulla's."""

import functools
import json
import time
import uuid

import boto3
import program
import pytest
import xks_proxy
from botocore.exceptions import ClientError
from conftest import REGION

PATIENCE = 60
# What a crowded machine may say of a proxy that has 250 ms.
LATE = ("did not respond in time", "AWS KMS cannot communicate")


def error_of(call, /, **parameters):
    """Code and message of what a call must be refused with."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error.get("Message", "")


def patiently(call, /, **parameters):
    """Calls until the proxy was in time."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return call(**parameters)
        except ClientError as error:
            text = error.response["Error"]["Message"]
            if time.monotonic() > deadline or not any(late in text for late in LATE):
                raise


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    return xks_proxy.Proxy(tmp_path_factory.mktemp("proxy"))


@pytest.fixture(scope="module")
def store_server(clean_environment, proxy):
    options = ("--xks-connect", proxy.place, "--xks-ca", str(proxy.cert))
    with program.Server("dev", *options) as server:
        yield server


@pytest.fixture
def kms(store_server, account):
    return boto3.client(
        "kms",
        endpoint_url=store_server.endpoint,
        region_name=REGION,
        aws_access_key_id=account,
        aws_secret_access_key="any",
    )


@pytest.fixture(autouse=True)
def well(proxy):
    proxy.mood = None
    yield
    proxy.mood = None


def described(**changes):
    return {
        "CustomKeyStoreName": f"store {uuid.uuid4()}",
        "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
        "XksProxyConnectivity": "PUBLIC_ENDPOINT",
        "XksProxyUriEndpoint": f"https://{xks_proxy.HOST}",
        "XksProxyUriPath": xks_proxy.PATH,
        "XksProxyAuthenticationCredential": {
            "AccessKeyId": xks_proxy.ACCESS_KEY_ID,
            "RawSecretAccessKey": xks_proxy.SECRET,
        },
        **changes,
    }


def entry(kms, store):
    return kms.describe_custom_key_stores(CustomKeyStoreId=store)["CustomKeyStores"][0]


@pytest.fixture
def store(kms):
    """A store that is connected."""
    made = patiently(kms.create_custom_key_store, **described())["CustomKeyStoreId"]
    deadline = time.monotonic() + PATIENCE
    while True:
        kms.connect_custom_key_store(CustomKeyStoreId=made)
        if entry(kms, made)["ConnectionState"] == "CONNECTED":
            return made
        assert time.monotonic() < deadline, entry(kms, made)
        kms.disconnect_custom_key_store(CustomKeyStoreId=made)


def new_key(kms, store, external):
    return patiently(
        kms.create_key, Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store, XksKeyId=external
    )["KeyMetadata"]


@pytest.fixture
def key(kms, store, proxy):
    return new_key(kms, store, proxy.key())["Arn"]


def test_a_key_names_its_store_and_its_external_key(kms, store, proxy):
    external = proxy.key()
    metadata = new_key(kms, store, external)
    assert metadata["Origin"] == "EXTERNAL_KEY_STORE"
    assert metadata["CustomKeyStoreId"] == store
    assert metadata["XksKeyConfiguration"] == {"Id": external}
    assert metadata["KeyState"] == "Enabled" and metadata["MultiRegion"] is False
    assert metadata["KeySpec"] == "SYMMETRIC_DEFAULT"
    assert "CurrentKeyMaterialId" not in metadata and "CloudHsmClusterId" not in metadata
    shown = entry(kms, store)
    assert shown["CustomKeyStoreType"] == "EXTERNAL_KEY_STORE"
    assert shown["XksProxyConfiguration"] == {
        "Connectivity": "PUBLIC_ENDPOINT",
        "AccessKeyId": xks_proxy.ACCESS_KEY_ID,
        "UriEndpoint": f"https://{xks_proxy.HOST}",
        "UriPath": xks_proxy.PATH,
    }
    again = error_of(
        kms.create_key, Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store, XksKeyId=external
    )
    assert again[0] == "XksKeyAlreadyInUseException"


def test_every_operation_goes_through_the_proxy_which_learns_little(kms, key, proxy):
    context = {"tenant": "blue whale"}
    sealed = patiently(
        kms.encrypt, KeyId=key, Plaintext=b"the tokens lie inside", EncryptionContext=context
    )["CiphertextBlob"]
    opened = patiently(kms.decrypt, CiphertextBlob=sealed, EncryptionContext=context)
    assert opened["Plaintext"] == b"the tokens lie inside" and opened["KeyId"] == key
    data = patiently(kms.generate_data_key, KeyId=key, KeySpec="AES_256")
    again = patiently(kms.decrypt, CiphertextBlob=data["CiphertextBlob"])
    assert again["Plaintext"] == data["Plaintext"]
    patiently(kms.generate_data_key_without_plaintext, KeyId=key, KeySpec="AES_128")
    moved = patiently(
        kms.re_encrypt,
        CiphertextBlob=sealed,
        SourceEncryptionContext=context,
        DestinationKeyId=key,
    )
    assert patiently(kms.decrypt, CiphertextBlob=moved["CiphertextBlob"])["Plaintext"]
    told = [request["requestMetadata"] for path, request in proxy.seen if "/keys/" in path]
    operations = {one["kmsOperation"] for one in told if one.get("kmsKeyArn") == key}
    assert operations == {
        "Encrypt",
        "Decrypt",
        "ReEncrypt",
        "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext",
    }
    everything = json.dumps(proxy.seen)
    for secret in ("blue whale", "tenant", xks_proxy.b64(b"the tokens lie inside")):
        assert secret not in everything


def test_a_changed_blob_and_another_context_are_error_of(kms, key):
    sealed = patiently(kms.encrypt, KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    # Behind the header every bit is authenticated by the proxy.
    for at in (40, 60, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[at] ^= 1
        code, text = error_of(kms.decrypt, CiphertextBlob=bytes(changed), KeyId=key)
        assert code in ("KMSInvalidStateException", "InvalidCiphertextException"), text
    code, text = error_of(kms.decrypt, CiphertextBlob=sealed, EncryptionContext={"a": "b"})
    assert code == "KMSInvalidStateException"
    code, _ = error_of(kms.decrypt, CiphertextBlob=sealed[:80], KeyId=key)
    assert code in ("KMSInvalidStateException", "InvalidCiphertextException")


def test_a_disconnected_store_makes_its_keys_unavailable(kms, store, key):
    sealed = patiently(kms.encrypt, KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert metadata["KeyState"] == "Unavailable" and metadata["Enabled"] is False
    for call, parameters in (
        (kms.encrypt, {"KeyId": key, "Plaintext": b"x"}),
        (kms.decrypt, {"CiphertextBlob": sealed}),
        (kms.generate_data_key, {"KeyId": key, "KeySpec": "AES_256"}),
    ):
        code, text = error_of(call, **parameters)
        assert code == "KMSInvalidStateException"
        assert text.startswith("This KMS key is in a custom key store that is not connected")
    code, _ = error_of(kms.delete_custom_key_store, CustomKeyStoreId=store)
    assert code == "CustomKeyStoreHasCMKsException"
    kms.connect_custom_key_store(CustomKeyStoreId=store)
    assert patiently(kms.decrypt, CiphertextBlob=sealed)["Plaintext"] == b"x"


MOODS = {
    "stalls": lambda *_: time.sleep(1) or (200, "{}"),
    "answers garbage": lambda *_: (200, "garbage"),
    "answers nothing at all": lambda *_: None,
    "answers an error that nobody knows": lambda *_: (500, '{"errorName": "Tired"}'),
    "answers too much": lambda *_: (200, json.dumps({"plaintext": "A" * 100_000})),
    "lies": lambda operation, answer: {**answer, next(iter(answer)): xks_proxy.b64(b"a lie")},
}


@pytest.mark.parametrize("mood", MOODS)
def test_a_proxy_that_misbehaves_is_told_of_in_time_and_forgiven(kms, key, proxy, mood):
    sealed = patiently(kms.encrypt, KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    proxy.mood = MOODS[mood]
    for call, parameters in (
        (kms.encrypt, {"KeyId": key, "Plaintext": b"x"}),
        (kms.decrypt, {"CiphertextBlob": sealed}),
    ):
        began = time.monotonic()
        code, text = error_of(call, **parameters)
        assert code == "KMSInvalidStateException", text
        assert time.monotonic() - began < 10
    proxy.mood = None
    assert patiently(kms.decrypt, CiphertextBlob=sealed)["Plaintext"] == b"x"


REFUSALS = {
    "AuthenticationFailedException": "XksProxyIncorrectAuthenticationCredentialException",
    "InvalidUriPathException": "XksProxyInvalidConfigurationException",
    "InternalException": "XksProxyInvalidResponseException",
    "ThrottlingException": "XksProxyUriUnreachableException",
    "DependencyTimeoutException": "XksProxyUriUnreachableException",
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_store_whose_proxy_refuses_is_not_made(kms, proxy, name):
    proxy.mood = lambda *_: (400, json.dumps({"errorName": name}))
    deadline = time.monotonic() + PATIENCE
    while True:
        code, text = error_of(kms.create_custom_key_store, **described())
        if not any(late in text for late in LATE) or time.monotonic() > deadline:
            break
    assert code == REFUSALS[name], text
    assert kms.describe_custom_key_stores()["CustomKeyStores"] == []


def test_names_and_addresses_are_unique_and_states_have_rules(kms, store):
    name = entry(kms, store)["CustomKeyStoreName"]
    code, _ = error_of(kms.create_custom_key_store, **described(CustomKeyStoreName=name))
    assert code == "CustomKeyStoreNameInUseException"
    code, _ = error_of(kms.create_custom_key_store, **described())
    assert code == "XksProxyUriInUseException"
    for call in (kms.delete_custom_key_store,):
        assert error_of(call, CustomKeyStoreId=store)[0] == "CustomKeyStoreInvalidStateException"
    kms.update_custom_key_store(CustomKeyStoreId=store, NewCustomKeyStoreName=f"{name}!")
    assert entry(kms, store)["CustomKeyStoreName"] == f"{name}!"
    endpoint = {"XksProxyUriEndpoint": f"https://{xks_proxy.HOST}"}
    code, _ = error_of(kms.update_custom_key_store, CustomKeyStoreId=store, **endpoint)
    assert code == "CustomKeyStoreInvalidStateException"
    kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    code, _ = error_of(kms.disconnect_custom_key_store, CustomKeyStoreId=store)
    assert code == "CustomKeyStoreInvalidStateException"
    patiently(kms.update_custom_key_store, CustomKeyStoreId=store, **endpoint)
    kms.delete_custom_key_store(CustomKeyStoreId=store)
    for call in (
        kms.connect_custom_key_store,
        kms.disconnect_custom_key_store,
        kms.update_custom_key_store,
        kms.delete_custom_key_store,
        kms.describe_custom_key_stores,
    ):
        assert error_of(call, CustomKeyStoreId=store)[0] == "CustomKeyStoreNotFoundException"


def test_a_connection_that_fails_says_why(kms, proxy):
    store = patiently(kms.create_custom_key_store, **described())["CustomKeyStoreId"]
    assert entry(kms, store)["ConnectionState"] == "DISCONNECTED"
    proxy.mood = lambda *_: (200, "[]")
    deadline = time.monotonic() + PATIENCE
    while True:
        kms.connect_custom_key_store(CustomKeyStoreId=store)
        shown = entry(kms, store)
        if shown["ConnectionErrorCode"] == "XKS_PROXY_INVALID_RESPONSE":
            break
        assert time.monotonic() < deadline, shown
        kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    assert shown["ConnectionState"] == "FAILED"
    code, _ = error_of(kms.connect_custom_key_store, CustomKeyStoreId=store)
    assert code == "CustomKeyStoreInvalidStateException"


def test_keys_that_a_store_does_not_have(kms, store, proxy):
    common = {"Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store}
    code, _ = error_of(functools.partial(patiently, kms.create_key), XksKeyId="nobody", **common)
    assert code == "XksKeyNotFoundException"
    code, _ = error_of(
        kms.create_key, XksKeyId="a", KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY", **common
    )
    assert code == "UnsupportedOperationException"
    code, _ = error_of(kms.generate_random, NumberOfBytes=8, CustomKeyStoreId=store)
    assert code == "UnsupportedOperationException"
    code, _ = error_of(
        kms.create_key,
        Origin="EXTERNAL_KEY_STORE",
        CustomKeyStoreId="cks-00000000000000000",
        XksKeyId="a",
    )
    assert code == "CustomKeyStoreNotFoundException"


def test_what_keys_in_a_store_do_not_do(kms, key):
    for call, parameters in (
        (kms.enable_key_rotation, {}),
        (kms.disable_key_rotation, {}),
        (kms.get_key_rotation_status, {}),
        (kms.rotate_key_on_demand, {}),
        (kms.list_key_rotations, {}),
        (kms.generate_data_key_pair, {"KeyPairSpec": "ECC_NIST_P256"}),
        (kms.delete_imported_key_material, {}),
    ):
        code, _ = error_of(call, KeyId=key, **parameters)
        assert code == "UnsupportedOperationException", call
