"""Parameter Store as tools use it that keep an application's settings there, such as chamber."""

import json
import uuid

import pytest
from conftest import client
from expect import refused


@pytest.fixture
def ssm(server, account):
    kms = client(server, account=account)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/parameter_store_key", TargetKeyId=key)
    return client(server, "ssm", account=account)


def write(ssm, service, key, value):
    """What `chamber write` does: looks for the current version, then overwrites."""
    name = f"/{service}/{key}"
    try:
        ssm.get_parameters(Names=[name], WithDecryption=True)["Parameters"][0]
    except IndexError:
        pass
    return ssm.put_parameter(
        KeyId="alias/parameter_store_key",
        Name=name,
        Type="SecureString",
        Value=value,
        Overwrite=True,
        Description=str(uuid.uuid4()),
    )["Version"]


def listed(ssm, service):
    """What `chamber list` does: descriptions under a path, a filter by names' beginning else."""
    pages = ssm.get_paginator("describe_parameters").paginate(
        ParameterFilters=[{"Key": "Path", "Option": "OneLevel", "Values": [f"/{service}"]}],
        PaginationConfig={"PageSize": 50},
    )
    return {p["Name"]: p["Version"] for page in pages for p in page["Parameters"]}


def exported(ssm, service):
    """What `chamber exec` and `export` do: everything under a path, decrypted."""
    pages = ssm.get_paginator("get_parameters_by_path").paginate(
        Path=f"/{service}", Recursive=False, WithDecryption=True
    )
    parameters = (parameter for page in pages for parameter in page["Parameters"])
    return {p["Name"].rsplit("/", 1)[1].upper(): p["Value"] for p in parameters}


def test_a_service_has_its_settings_written_listed_and_exported(ssm):
    for number in range(23):
        assert write(ssm, "web", f"key_{number}", f"value {number}") == 1
    assert write(ssm, "web", "key_3", "newer") == 2
    write(ssm, "web2", "other", "not of it")
    versions = listed(ssm, "web")
    assert len(versions) == 23
    assert (versions["/web/key_3"], versions["/web/key_4"]) == (2, 1)
    values = exported(ssm, "web")
    assert len(values) == 23
    assert (values["KEY_3"], values["KEY_22"]) == ("newer", "value 22")


def test_a_settings_history_tells_who_wrote_which_version(ssm, account):
    for value in ["one", "two", "three"]:
        write(ssm, "web", "password", value)
    pages = ssm.get_paginator("get_parameter_history").paginate(
        Name="/web/password", WithDecryption=True
    )
    history = [entry for page in pages for entry in page["Parameters"]]
    assert [(e["Version"], e["Value"]) for e in history] == [(1, "one"), (2, "two"), (3, "three")]
    assert {e["LastModifiedUser"] for e in history} == {f"arn:aws:iam::{account}:root"}
    assert {e["KeyId"] for e in history} == {"alias/parameter_store_key"}


def test_a_setting_is_read_deleted_and_missed(ssm):
    write(ssm, "web", "token", "t")
    (read,) = ssm.get_parameters(Names=["/web/token"], WithDecryption=True)["Parameters"]
    assert (read["Value"], read["Type"]) == ("t", "SecureString")
    ssm.delete_parameter(Name="/web/token")
    answer = ssm.get_parameters(Names=["/web/token"], WithDecryption=True)
    assert (answer["Parameters"], answer["InvalidParameters"]) == ([], ["/web/token"])
    with refused("ParameterNotFound", ""):
        ssm.delete_parameter(Name="/web/token")


def test_settings_expire_as_the_clock_goes_on(clock_server, account):
    ssm = client(clock_server, "ssm", account=account)
    now = json.loads(clock_server.control("clock", {"advance": "PT0S"})[1])["now"]
    year = int(now[:4]) + 1
    policy = {
        "Type": "Expiration",
        "Version": "1.0",
        "Attributes": {"Timestamp": f"{year}{now[4:10]}T00:00:00Z"},
    }
    ssm.put_parameter(
        Name="/web/short",
        Value="v",
        Type="SecureString",
        Tier="Advanced",
        Policies=json.dumps([policy]),
    )
    (described,) = ssm.describe_parameters()["Parameters"]
    (shown,) = described["Policies"]
    assert (shown["PolicyType"], shown["PolicyStatus"]) == ("Expiration", "Pending")
    assert json.loads(shown["PolicyText"]) == policy
    clock_server.advance("P360D")
    ssm.get_parameter(Name="/web/short")
    clock_server.advance("P6D")
    with refused("ParameterNotFound", ""):
        ssm.get_parameter(Name="/web/short")
    assert ssm.describe_parameters()["Parameters"] == []
