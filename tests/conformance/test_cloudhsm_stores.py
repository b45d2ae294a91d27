"""Custom key stores of type AWS_CLOUDHSM, on tokens of SoftHSM."""

import contextlib
import uuid

import pytest
import softhsm
from conftest import client
from expect import refused
from softhsm import ANCHOR, CLUSTER, OTHER, PIN, described


@pytest.fixture
def kms(token_server, account):
    return client(token_server, account=account)


@pytest.fixture
def store(kms):
    return softhsm.connected(kms)


@pytest.fixture
def key(kms, store):
    return softhsm.new_key(kms, store)


def entry(kms, store):
    return kms.describe_custom_key_stores(CustomKeyStoreId=store)["CustomKeyStores"][0]


def test_a_store_tells_of_its_cluster_and_never_of_its_password(kms, store):
    described = entry(kms, store)
    assert described["CustomKeyStoreType"] == "AWS_CLOUDHSM"
    assert described["CloudHsmClusterId"] == CLUSTER
    assert described["TrustAnchorCertificate"] == ANCHOR
    assert described["ConnectionState"] == "CONNECTED"
    assert PIN not in repr(described)


def test_a_key_in_a_store_does_what_symmetric_keys_do(kms, store, key):
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert metadata["Origin"] == "AWS_CLOUDHSM" and metadata["CustomKeyStoreId"] == store
    assert metadata["CloudHsmClusterId"] == CLUSTER and metadata["MultiRegion"] is False
    context = {"tenant": "blue"}
    blob = kms.encrypt(KeyId=key, Plaintext=b"hello", EncryptionContext=context)["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
    assert opened["Plaintext"] == b"hello" and opened["KeyId"] == key
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob)
    data = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    moved = kms.re_encrypt(CiphertextBlob=data["CiphertextBlob"], DestinationKeyId=key)
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == data["Plaintext"]
    assert len(kms.generate_random(NumberOfBytes=24, CustomKeyStoreId=store)["Plaintext"]) == 24


def test_what_keys_in_a_store_do_not_do(kms, store, key):
    for operation in (kms.enable_key_rotation, kms.rotate_key_on_demand):
        with refused("UnsupportedOperationException"):
            operation(KeyId=key)
    with refused("UnsupportedOperationException"):
        kms.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P256")
    in_store = {"Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store}
    with refused("UnsupportedOperationException"):
        kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY", **in_store)
    with refused("UnsupportedOperationException"):
        kms.create_key(MultiRegion=True, **in_store)


def test_a_store_needs_a_cluster_that_is_there_and_vouched_for(kms):
    missing = "cluster-2222222aaaa"
    with refused("CloudHsmClusterNotFoundException"):
        kms.create_custom_key_store(**described(CloudHsmClusterId=missing))
    with refused("IncorrectTrustAnchorException"):
        kms.create_custom_key_store(**described(TrustAnchorCertificate="another"))
    for lacking in ("CloudHsmClusterId", "TrustAnchorCertificate", "KeyStorePassword"):
        parameters = described()
        del parameters[lacking]
        with refused("ValidationException"):
            kms.create_custom_key_store(**parameters)


def test_a_cluster_and_a_name_are_for_one_store(kms, store):
    with refused("CloudHsmClusterInUseException"):
        kms.create_custom_key_store(**described(CustomKeyStoreName="other"))
    with refused("CustomKeyStoreNameInUseException"):
        kms.create_custom_key_store(**described(CloudHsmClusterId=OTHER))


def test_a_wrong_password_shows_when_the_store_is_connected(kms):
    wrong = described(KeyStorePassword="not the pin")
    store = kms.create_custom_key_store(**wrong)["CustomKeyStoreId"]
    kms.connect_custom_key_store(CustomKeyStoreId=store)
    failed = entry(kms, store)
    assert failed["ConnectionState"] == "FAILED"
    assert failed["ConnectionErrorCode"] == "INVALID_CREDENTIALS"
    with refused("CustomKeyStoreInvalidStateException"):
        kms.connect_custom_key_store(CustomKeyStoreId=store)
    kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    kms.update_custom_key_store(CustomKeyStoreId=store, KeyStorePassword=PIN)
    kms.connect_custom_key_store(CustomKeyStoreId=store)
    assert entry(kms, store)["ConnectionState"] == "CONNECTED"


def test_only_a_related_cluster_takes_anothers_place(kms, store):
    with refused("CustomKeyStoreInvalidStateException"):
        kms.update_custom_key_store(CustomKeyStoreId=store, CloudHsmClusterId=OTHER)
    kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    with refused("CloudHsmClusterNotRelatedException"):
        kms.update_custom_key_store(CustomKeyStoreId=store, CloudHsmClusterId=OTHER)
    with refused("CloudHsmClusterNotFoundException"):
        kms.update_custom_key_store(
            CustomKeyStoreId=store, CloudHsmClusterId="cluster-2222222aaaa"
        )
    kms.update_custom_key_store(CustomKeyStoreId=store, CloudHsmClusterId=CLUSTER)


def test_a_cluster_that_is_away_is_not_active(tokens, account, other_account, tmp_path):
    # SoftHSM notices that its files are gone when it is asked for the first time.
    options = ("--data", str(tmp_path / "data"))
    with tokens.server(*options) as server:
        store = softhsm.connected(client(server, account=account))
        client(server, account=account).disconnect_custom_key_store(CustomKeyStoreId=store)
    with contextlib.ExitStack() as away:
        away.enter_context(tokens.gone())
        server = away.enter_context(tokens.server(*options))
        kms = client(server, account=account)
        with refused("CloudHsmClusterNotActiveException"):
            kms.connect_custom_key_store(CustomKeyStoreId=store)
        with refused("CloudHsmClusterNotActiveException"):
            kms.update_custom_key_store(CustomKeyStoreId=store, CloudHsmClusterId=CLUSTER)
        kms = client(server, account=other_account)
        with refused("CloudHsmClusterNotActiveException"):
            kms.create_custom_key_store(**described())
    with tokens.server(*options) as server:
        kms = client(server, account=account)
        kms.connect_custom_key_store(CustomKeyStoreId=store)
        assert entry(kms, store)["ConnectionState"] == "CONNECTED"


def test_a_store_with_keys_stays(kms, store, key, token_server):
    kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    with refused("CustomKeyStoreHasCMKsException"):
        kms.delete_custom_key_store(CustomKeyStoreId=store)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    token_server.advance("P8D")
    kms.delete_custom_key_store(CustomKeyStoreId=store)
    with refused("CustomKeyStoreNotFoundException"):
        kms.describe_custom_key_stores(CustomKeyStoreId=store)


def test_a_store_that_is_not_connected_takes_no_keys(kms, store):
    kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    with refused("CustomKeyStoreInvalidStateException"):
        softhsm.new_key(kms, store)
    with refused("CustomKeyStoreNotFoundException"):
        softhsm.new_key(kms, f"cks-{uuid.uuid4().hex[:17]}")


def test_the_first_store_makes_its_role(token_server, account):
    iam = client(token_server, "iam", account=account)
    name = "AWSServiceRoleForKeyManagementServiceCustomKeyStores"
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName=name)
    client(token_server, account=account).create_custom_key_store(**described())
    role = iam.get_role(RoleName=name)["Role"]
    assert role["Path"] == "/aws-service-role/cks.kms.amazonaws.com/"
