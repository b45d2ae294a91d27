"""Grants between accounts, through a client that knows nothing of Bulla."""

import re

import pytest
from botocore.exceptions import ClientError
from conftest import client, missing_id, new_key
from expect import denied_abroad, refused

NO_GRANT = "0" * 64
TOKEN = re.compile(r"[A-Za-z0-9+/]+=*")


@pytest.fixture
def abroad(server, other_account):
    """The root user of another account, who needs no permission of its own."""
    return client(server, account=other_account)


@pytest.fixture
def own_key(own_kms):
    return new_key(own_kms)


def root(account):
    return f"arn:aws:iam::{account}:root"


def grant(kms, key, to, *operations, **more):
    return kms.create_grant(
        KeyId=key, GranteePrincipal=to, Operations=list(operations), **more
    )


def test_a_grant_opens_a_key_and_its_end_closes_it(own_kms, abroad, own_key, other_account):
    closed = denied_abroad("kms:Encrypt", other_account)
    with refused("AccessDeniedException", closed):
        abroad.encrypt(KeyId=own_key, Plaintext=b"x")
    made = grant(own_kms, own_key, root(other_account), "Encrypt", "Decrypt")
    assert re.fullmatch(r"[0-9a-f]{64}", made["GrantId"])
    assert TOKEN.fullmatch(made["GrantToken"])
    blob = abroad.encrypt(KeyId=own_key, Plaintext=b"x")["CiphertextBlob"]
    assert abroad.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    with refused("AccessDeniedException", denied_abroad("kms:DescribeKey", other_account)):
        abroad.describe_key(KeyId=own_key)
    own_kms.revoke_grant(KeyId=own_key, GrantId=made["GrantId"])
    with refused("AccessDeniedException", closed):
        abroad.encrypt(KeyId=own_key, Plaintext=b"x")


def test_constraints_bind_the_encryption_context(own_kms, abroad, own_key, other_account):
    constraints = {"EncryptionContextSubset": {"Team": "Blue"}}
    grant(
        own_kms, own_key, root(other_account), "Encrypt", "DescribeKey", Constraints=constraints
    )
    for context in ({"Team": "Blue"}, {"tEAM": "Blue", "more": "x"}):
        abroad.encrypt(KeyId=own_key, Plaintext=b"x", EncryptionContext=context)
    for context in ({}, {"Team": "blue"}, {"Other": "Blue"}):
        with refused("AccessDeniedException"):
            abroad.encrypt(KeyId=own_key, Plaintext=b"x", EncryptionContext=context)
    abroad.describe_key(KeyId=own_key)


def test_one_name_is_one_grant(own_kms, own_key, other_account):
    def named(*operations):
        return grant(own_kms, own_key, root(other_account), *operations, Name="once")

    first, again = named("Encrypt", "Decrypt"), named("Decrypt", "Encrypt")
    assert first["GrantId"] == again["GrantId"]
    assert first["GrantToken"] != again["GrantToken"]
    assert named("Encrypt")["GrantId"] != first["GrantId"]


def test_a_listing_has_everything_and_pages(own_kms, own_key, account, other_account):
    constraints = {"EncryptionContextEquals": {"a": "1"}}
    made = grant(
        own_kms,
        own_key,
        root(other_account),
        "Encrypt",
        Name="all",
        RetiringPrincipal=root(account),
        Constraints=constraints,
    )
    (entry,) = own_kms.list_grants(KeyId=own_key, GrantId=made["GrantId"])["Grants"]
    assert entry.pop("CreationDate").microsecond == 0
    assert entry == {
        "KeyId": own_key,
        "GrantId": made["GrantId"],
        "Name": "all",
        "GranteePrincipal": root(other_account),
        "RetiringPrincipal": root(account),
        "IssuingAccount": root(account),
        "Operations": ["Encrypt"],
        "Constraints": constraints,
    }
    for _ in range(6):
        grant(own_kms, own_key, root(account), "Decrypt", RetiringPrincipal=root(account))
    pages = own_kms.get_paginator("list_grants").paginate(
        KeyId=own_key, PaginationConfig={"PageSize": 3}
    )
    sizes = [len(page["Grants"]) for page in pages]
    assert sizes == [3, 3, 1]
    only = own_kms.list_grants(KeyId=own_key, GranteePrincipal=root(other_account))["Grants"]
    assert [entry["GrantId"] for entry in only] == [made["GrantId"]]
    assert "Constraints" not in own_kms.list_grants(
        KeyId=own_key, GranteePrincipal=root(account)
    )["Grants"][0]
    retirable = own_kms.get_paginator("list_retirable_grants").paginate(
        RetiringPrincipal=root(account), PaginationConfig={"PageSize": 5}
    )
    assert [len(page["Grants"]) for page in retirable] == [5, 2]


def test_tokens_are_checked(own_kms, abroad, own_key, other_account):
    made = grant(own_kms, own_key, root(other_account), "Encrypt", "RetireGrant")
    token = made["GrantToken"]
    abroad.encrypt(KeyId=own_key, Plaintext=b"x", GrantTokens=[token])
    with refused("InvalidGrantTokenException"):
        abroad.encrypt(KeyId=own_key, Plaintext=b"x", GrantTokens=["AQpAMadeUp"])
    abroad.retire_grant(GrantToken=token)
    with refused("InvalidGrantTokenException"):
        own_kms.encrypt(KeyId=own_key, Plaintext=b"x", GrantTokens=[token])
    assert own_kms.list_grants(KeyId=own_key)["Grants"] == []


def test_the_named_may_retire_and_nobody_else(
    server, own_kms, abroad, own_key, account, other_account
):
    third = client(server, account="999999999999")
    made = grant(
        own_kms, own_key, root(account), "Encrypt", RetiringPrincipal=root(other_account)
    )
    grant_id = made["GrantId"]
    hidden = denied_abroad("kms:RetireGrant", "999999999999")
    with refused("AccessDeniedException", hidden):
        third.retire_grant(KeyId=own_key, GrantId=grant_id)
    with refused("AccessDeniedException", hidden):
        third.retire_grant(KeyId=own_key, GrantId=NO_GRANT)
    assert len(abroad.list_retirable_grants(RetiringPrincipal=root(other_account))["Grants"]) == 1
    bare = own_key.split("/")[1]
    with refused("NotFoundException", f"Invalid arn {bare}"):
        own_kms.retire_grant(KeyId=bare, GrantId=grant_id)
    abroad.retire_grant(KeyId=own_key, GrantId=grant_id)
    with refused("NotFoundException"):
        own_kms.retire_grant(KeyId=own_key, GrantId=grant_id)


def test_a_child_grant_is_no_looser(server, own_kms, abroad, own_key, other_account):
    third = "888888888888"
    constraints = {"EncryptionContextSubset": {"a": "1"}}
    grant(
        own_kms,
        own_key,
        root(other_account),
        "CreateGrant",
        "Encrypt",
        Constraints=constraints,
    )
    denied = denied_abroad("kms:CreateGrant", other_account)
    with refused("AccessDeniedException", denied):
        grant(abroad, own_key, root(third), "Encrypt")
    with refused("AccessDeniedException", denied):
        grant(abroad, own_key, root(third), "Decrypt", Constraints=constraints)
    tighter = {"EncryptionContextEquals": {"a": "1"}}
    grant(abroad, own_key, root(third), "Encrypt", Constraints=tighter)
    stranger = client(server, account=third)
    stranger.encrypt(KeyId=own_key, Plaintext=b"x", EncryptionContext={"a": "1"})
    with refused("AccessDeniedException"):
        stranger.encrypt(KeyId=own_key, Plaintext=b"x", EncryptionContext={"a": "1", "b": "2"})
    issuers = {entry["IssuingAccount"] for entry in own_kms.list_grants(KeyId=own_key)["Grants"]}
    assert issuers == {root(own_key.split(":")[4]), root(other_account)}


def test_re_encrypt_needs_a_grant_on_both_keys(own_kms, abroad, own_key, other_account):
    target = new_key(own_kms)
    blob = own_kms.encrypt(KeyId=own_key, Plaintext=b"x")["CiphertextBlob"]
    grant(own_kms, own_key, root(other_account), "ReEncryptFrom")
    with refused("AccessDeniedException", denied_abroad("kms:ReEncryptTo", other_account)):
        abroad.re_encrypt(CiphertextBlob=blob, DestinationKeyId=target)
    grant(own_kms, target, root(other_account), "ReEncryptTo")
    assert abroad.re_encrypt(CiphertextBlob=blob, DestinationKeyId=target)["KeyId"] == target


def test_a_dry_run_changes_nothing(own_kms, own_key, account):
    dry = "DryRunOperationException"
    with refused(dry):
        grant(own_kms, own_key, root(account), "Encrypt", DryRun=True)
    made = grant(own_kms, own_key, root(account), "Encrypt")
    with refused(dry):
        own_kms.revoke_grant(KeyId=own_key, GrantId=made["GrantId"], DryRun=True)
    with refused(dry):
        own_kms.retire_grant(KeyId=own_key, GrantId=made["GrantId"], DryRun=True)
    assert len(own_kms.list_grants(KeyId=own_key)["Grants"]) == 1


@pytest.mark.parametrize(
    ("operations", "code", "message"),
    [
        (
            ["Sign"],
            "ValidationException",
            re.compile(r"Operations \[Sign\] are not supported when creating a grant for a .*"),
        ),
        (
            ["Nothing"],
            "ValidationException",
            re.compile(r"1 validation error detected: .* enum value set: .*"),
        ),
    ],
)
def test_operations_must_fit_the_key(
    unchecked_kms, key, operations, code, message
):
    with refused(code, message):
        grant(unchecked_kms, key, root("000000000000"), *operations)


@pytest.mark.parametrize(
    "principal",
    [
        "arn:aws:iam::000000000000:role/never-made",
        "arn:aws:iam::000000000000:user/never-made",
        "arn:aws:sts::000000000000:assumed-role/never-made/session",
    ],
)
def test_principals_must_exist(kms, key, principal):
    text = f"ARN does not refer to a valid principal: {principal}"
    with refused("InvalidArnException", text):
        grant(kms, key, principal, "Encrypt")
    with refused("InvalidArnException", text):
        kms.list_grants(KeyId=key, GranteePrincipal=principal)
    with refused("InvalidArnException", text):
        kms.list_retirable_grants(RetiringPrincipal=principal)


def test_aliases_and_unknown_keys_are_refused(kms, key, alias):
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    with refused("InvalidArnException", "Key Aliases are not supported for this operation."):
        grant(kms, alias, root("000000000000"), "Encrypt")
    with refused("NotFoundException"):
        kms.list_grants(KeyId=missing_id())


def test_a_service_needs_a_source_and_somebody_to_retire_it(own_kms, own_key):
    service = {"GranteeServicePrincipal": "rds.amazonaws.com"}
    source = {"Constraints": {"SourceArn": "arn:aws:rds:eu-central-1:111122223333:db:one"}}
    retiring = {"RetiringServicePrincipal": "rds.amazonaws.com"}
    for lacking in (source, retiring):
        with pytest.raises(ClientError) as caught:
            own_kms.create_grant(KeyId=own_key, Operations=["Decrypt"], **service, **lacking)
        assert caught.value.response["Error"]["Code"] == "ValidationException"
    own_kms.create_grant(
        KeyId=own_key, Operations=["Decrypt"], **service, **source, **retiring
    )
    (entry,) = own_kms.list_grants(KeyId=own_key)["Grants"]
    assert entry["GranteeServicePrincipal"] == entry["RetiringServicePrincipal"]
    assert "GranteePrincipal" not in entry


def test_a_deleted_key_takes_its_grants_along(clock_server, clock_kms, account):
    key = new_key(clock_kms)
    made = grant(
        clock_kms, key, root(account), "Encrypt", RetiringPrincipal=root(account)
    )
    clock_kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert len(clock_kms.list_grants(KeyId=key)["Grants"]) == 1
    clock_server.advance("P8D")
    assert clock_kms.list_retirable_grants(RetiringPrincipal=root(account))["Grants"] == []
    with refused("InvalidGrantTokenException"):
        clock_kms.retire_grant(GrantToken=made["GrantToken"])
