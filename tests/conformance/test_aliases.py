"""Aliases: names that point at keys and can be moved."""

import pytest
from conftest import ACCOUNT, REGION, missing_id, new_key
from expect import refused, refused_with_any

NO_PREFIX = (
    'Alias must start with the prefix "alias/". Please see '
    "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
)


def alias_arn(alias, account=ACCOUNT):
    return f"arn:aws:kms:{REGION}:{account}:{alias}"


def test_an_alias_is_listed_with_its_target(own_kms, account, alias):
    key = new_key(own_kms)
    own_kms.create_alias(AliasName=alias, TargetKeyId=key)
    (entry,) = own_kms.list_aliases()["Aliases"]
    assert entry.pop("CreationDate") == entry.pop("LastUpdatedDate")
    assert entry == {
        "AliasName": alias,
        "AliasArn": alias_arn(alias, account),
        "TargetKeyId": key.split("/")[1],
    }


@pytest.mark.parametrize("form", ["name", "arn"])
def test_an_alias_stands_for_its_key(kms, key, alias, form):
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    name = alias if form == "name" else alias_arn(alias)
    assert kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == key
    assert kms.encrypt(KeyId=name, Plaintext=b"x")["KeyId"] == key


def test_an_alias_behind_the_prefix_of_keys_is_no_name(kms, key, alias):
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    name = alias_arn(f"key/{alias}")
    with refused("NotFoundException", f"Invalid keyId '{name}'"):
        kms.describe_key(KeyId=name)


def test_aliases_of_one_key_can_be_listed_alone(own_kms):
    keys = [new_key(own_kms) for _ in range(2)]
    for number in range(4):
        own_kms.create_alias(AliasName=f"alias/{number}", TargetKeyId=keys[number % 2])
    for number, key in enumerate(keys):
        names = {entry["AliasName"] for entry in own_kms.list_aliases(KeyId=key)["Aliases"]}
        assert names == {f"alias/{number}", f"alias/{number + 2}"}


def test_aliases_come_in_pages(own_kms):
    key = new_key(own_kms)
    made = {f"alias/{number}" for number in range(5)}
    for name in made:
        own_kms.create_alias(AliasName=name, TargetKeyId=key)
    pages = own_kms.get_paginator("list_aliases").paginate(PaginationConfig={"PageSize": 2})
    listed = [entry["AliasName"] for page in pages for entry in page["Aliases"]]
    assert len(listed) == 5 and set(listed) == made


def test_a_name_needs_the_prefix(kms, key):
    with refused("ValidationException", NO_PREFIX):
        kms.create_alias(AliasName="books", TargetKeyId=key)


def test_a_name_has_only_aws_characters(unchecked_kms, key):
    message = (
        "1 validation error detected: Value 'alias/a b' at 'aliasName' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"
    )
    with refused("ValidationException", message):
        unchecked_kms.create_alias(AliasName="alias/a b", TargetKeyId=key)


def test_a_name_is_given_once(kms, key, alias):
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    message = f"An alias with the name {alias_arn(alias)} already exists"
    with refused("AlreadyExistsException", message):
        kms.create_alias(AliasName=alias, TargetKeyId=new_key(kms))
    assert kms.describe_key(KeyId=alias)["KeyMetadata"]["Arn"] == key


@pytest.mark.parametrize("name", ["alias/aws/books", "alias/aws/ssm"])
def test_aws_names_are_reserved(own_kms, name):
    key = new_key(own_kms)
    codes = {"NotAuthorizedException", "InvalidAliasNameException", "ValidationException"}
    with refused_with_any(codes):
        own_kms.create_alias(AliasName=name, TargetKeyId=key)
    assert own_kms.list_aliases(KeyId=key)["Aliases"] == []


def test_an_alias_of_no_key_is_refused(kms, alias):
    key_id = missing_id()
    message = f"Key 'arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}' does not exist"
    with refused("NotFoundException", message):
        kms.create_alias(AliasName=alias, TargetKeyId=key_id)


def test_an_alias_moves_to_another_key(kms, key, alias):
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    blob = kms.encrypt(KeyId=alias, Plaintext=b"before")["CiphertextBlob"]
    other = new_key(kms)
    kms.update_alias(AliasName=alias, TargetKeyId=other)
    assert kms.encrypt(KeyId=alias, Plaintext=b"x")["KeyId"] == other
    # What was encrypted before still belongs to the old key.
    assert kms.decrypt(CiphertextBlob=blob)["KeyId"] == key
    message = "The key ID in the request does not identify a CMK that can perform this operation."
    with refused("IncorrectKeyException", message):
        kms.decrypt(CiphertextBlob=blob, KeyId=alias)


def test_moving_an_alias_changes_its_date(own_kms, alias):
    own_kms.create_alias(AliasName=alias, TargetKeyId=new_key(own_kms))
    own_kms.update_alias(AliasName=alias, TargetKeyId=new_key(own_kms))
    (entry,) = own_kms.list_aliases()["Aliases"]
    assert entry["LastUpdatedDate"] >= entry["CreationDate"]


def test_an_unknown_alias_cannot_be_moved_or_deleted(kms, key, alias):
    message = f"Alias {alias_arn(alias)} is not found."
    with refused("NotFoundException", message):
        kms.update_alias(AliasName=alias, TargetKeyId=key)
    with refused("NotFoundException", message):
        kms.delete_alias(AliasName=alias)


def test_a_deleted_alias_is_free_again(kms, key, alias):
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    kms.delete_alias(AliasName=alias)
    with refused("NotFoundException"):
        kms.describe_key(KeyId=alias)
    kms.create_alias(AliasName=alias, TargetKeyId=new_key(kms))


def test_rotation_takes_no_alias(kms, key, alias):
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    message = "Key Aliases are not supported for this operation."
    for call in (
        kms.get_key_rotation_status,
        kms.list_key_rotations,
        kms.enable_key_rotation,
        kms.disable_key_rotation,
        kms.rotate_key_on_demand,
    ):
        with refused("InvalidArnException", message):
            call(KeyId=alias)


def test_management_takes_no_alias(kms, key, alias):
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    codes = {"InvalidArnException", "NotFoundException", "ValidationException"}
    for call in (kms.disable_key, kms.get_key_policy, kms.schedule_key_deletion):
        with refused_with_any(codes):
            call(KeyId=alias)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"


class TestAwsManagedKeys:
    """Keys that AWS's services use come into being when they are first asked for."""

    def test_a_managed_key_is_made_on_first_use(self, own_kms):
        first = own_kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]
        assert (first["KeyManager"], first["KeyState"]) == ("AWS", "Enabled")
        second = own_kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]
        assert second["KeyId"] == first["KeyId"]
        listed = {a["AliasName"]: a.get("TargetKeyId") for a in own_kms.list_aliases()["Aliases"]}
        assert listed["alias/aws/ssm"] == first["KeyId"]

    def test_each_account_has_its_own(self, own_kms, kms):
        mine = own_kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]
        theirs = kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]
        assert mine["KeyId"] != theirs["KeyId"]

    def test_a_managed_key_serves_no_direct_call(self, own_kms):
        own_kms.describe_key(KeyId="alias/aws/ssm")
        with refused("AccessDeniedException"):
            own_kms.encrypt(KeyId="alias/aws/ssm", Plaintext=b"x")

    def test_a_managed_key_cannot_be_changed(self, own_kms):
        key = own_kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]["KeyId"]
        codes = {
            "AccessDeniedException",
            "KMSInvalidStateException",
            "NotAuthorizedException",
            "UnsupportedOperationException",
            "ValidationException",
        }
        policy = own_kms.get_key_policy(KeyId=key)["Policy"]
        for call, more in (
            (own_kms.disable_key, {}),
            (own_kms.schedule_key_deletion, {}),
            (own_kms.put_key_policy, {"Policy": policy}),
            (own_kms.tag_resource, {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        ):
            with refused_with_any(codes):
                call(KeyId=key, **more)
        metadata = own_kms.describe_key(KeyId=key)["KeyMetadata"]
        assert metadata["KeyState"] == "Enabled"

    def test_an_unknown_service_has_no_managed_key(self, own_kms):
        with refused("NotFoundException"):
            own_kms.describe_key(KeyId="alias/aws/no-such-service")
