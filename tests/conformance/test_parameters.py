"""Parameter Store: parameters are put, read, listed, labelled, tagged and deleted."""

import base64
import json
import re
import uuid
from datetime import datetime, timedelta, timezone

import aws_encryption_sdk
import pytest
from aws_encryption_sdk import CommitmentPolicy, StrictAwsKmsMasterKeyProvider
from conftest import ACCOUNT, REGION, client, new_key
from expect import refused

NEVER_THERE = "ParameterNotFound"


@pytest.fixture
def ssm(server, account):
    """Parameter Store in an account of its own, where lists hold only what the test made."""
    return client(server, "ssm", account=account)


def put(ssm, name, value="v", **more):
    more.setdefault("Type", "String")
    return ssm.put_parameter(Name=name, Value=value, **more)


def value(ssm, name, **more):
    return ssm.get_parameter(Name=name, **more)["Parameter"]["Value"]


def names(page):
    return [parameter["Name"] for parameter in page["Parameters"]]


def arn(account, path):
    return f"arn:aws:ssm:{REGION}:{account}:parameter/{path}"


# Reading


def test_a_parameter_is_read_as_it_was_put(ssm, account):
    answer = put(ssm, "/app/db/host", "db.example", Description="where it is")
    assert {key: answer[key] for key in ("Tier", "Version")} == {"Tier": "Standard", "Version": 1}
    parameter = ssm.get_parameter(Name="/app/db/host")["Parameter"]
    changed = parameter.pop("LastModifiedDate")
    assert abs(changed - datetime.now(timezone.utc)) < timedelta(minutes=1)
    assert parameter == {
        "ARN": arn(account, "app/db/host"),
        "DataType": "text",
        "Name": "/app/db/host",
        "Type": "String",
        "Value": "db.example",
        "Version": 1,
    }


def test_a_name_of_one_part_is_one_with_and_without_its_slash(ssm, account):
    put(ssm, "a", "1")
    with refused("ParameterAlreadyExists", ALREADY_EXISTS):
        put(ssm, "/a", "2")
    for name in ["a", "/a"]:
        parameter = ssm.get_parameter(Name=name)["Parameter"]
        assert (parameter["Name"], parameter["ARN"]) == (name, arn(account, "a"))
    ssm.add_tags_to_resource(
        ResourceType="Parameter", ResourceId="/a", Tags=[{"Key": "k", "Value": ""}]
    )
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="a")["TagList"]
    assert tags == [{"Key": "k", "Value": ""}]
    assert ssm.delete_parameters(Names=["/a"])["DeletedParameters"] == ["/a"]
    with refused(NEVER_THERE, ""):
        ssm.get_parameter(Name="a")


def test_an_arn_names_a_parameter_with_its_stored_name(ssm, account):
    put(ssm, "/app/key", "1")
    put(ssm, "/app/key", "2", Overwrite=True)
    parameter = ssm.get_parameter(Name=arn(account, "app/key"))["Parameter"]
    assert (parameter["Name"], parameter["Value"]) == ("/app/key", "2")
    parameter = ssm.get_parameter(Name=arn(account, "app/key:1"))["Parameter"]
    assert (parameter["Name"], parameter["Value"]) == ("/app/key", "1")
    assert (parameter["Selector"], parameter["ARN"]) == (":1", arn(account, "app/key"))


def test_lists_of_strings_are_kept_to_the_letter(ssm):
    for text in ["a,,b", " red , ,blue, "]:
        put(ssm, "list", text, Type="StringList", Overwrite=True)
        assert value(ssm, "list") == text


def test_many_are_read_at_once(ssm, account):
    put(ssm, "/b", "1")
    put(ssm, "/a", "2")
    put(ssm, "/a", "3", Overwrite=True)
    wanted = ["/none", "/b", "/a", "/a:1", "b", "/a", "/a:9", "/x:label", "/x:label"]
    answer = ssm.get_parameters(Names=wanted)
    found = [(p["Name"], p.get("Selector"), p["Value"]) for p in answer["Parameters"]]
    assert found == [("/a", ":1", "2"), ("/a", None, "3"), ("/b", None, "1"), ("b", None, "1")]
    assert answer["InvalidParameters"] == ["/a:9", "/none", "/x:label"]
    by_arn = ssm.get_parameters(Names=[arn(account, "a")])
    assert names(by_arn) == ["/a"] and by_arn["InvalidParameters"] == []


def test_deleting_many_tells_which_were_there(ssm):
    put(ssm, "/a")
    put(ssm, "/b")
    answer = ssm.delete_parameters(Names=["/b", "/none", "/a"])
    assert answer["DeletedParameters"] == ["/a", "/b"]
    assert answer["InvalidParameters"] == ["/none"]
    assert names(ssm.describe_parameters()) == []


# Versions and labels


def test_selectors_choose_versions(ssm):
    for text in ["1", "2", "3"]:
        put(ssm, "/p", text, Overwrite=True)
    ssm.label_parameter_version(Name="/p", ParameterVersion=2, Labels=["stable"])
    for selector, expected in [("", "3"), (":1", "1"), (":01", "1"), (":3", "3"), (":stable", "2")]:
        parameter = ssm.get_parameter(Name=f"/p{selector}")["Parameter"]
        assert parameter["Value"] == expected
        assert parameter.get("Selector", "") == selector
        assert parameter["Name"] == "/p"


@pytest.mark.parametrize("selector", ["99", "0", "2147483648", "99999999999999999999"])
def test_a_version_that_is_not_there_is_named(ssm, selector):
    put(ssm, "/p")
    text = f"Systems Manager could not find version {selector} of /p. Verify the version and try again."
    with refused("ParameterVersionNotFound", text):
        ssm.get_parameter(Name=f"/p:{selector}")


@pytest.mark.parametrize("selector", ["missing", "-1"])
def test_a_label_that_is_not_there_is_named(ssm, selector):
    put(ssm, "/p")
    text = (
        "Systems Manager could not find a version of /p that has the specified label, "
        f"{selector}. Verify the parameter label and try again."
    )
    with refused("ParameterVersionNotFound", text):
        ssm.get_parameter(Name=f"/p:{selector}")


def test_labels_move_and_invalid_ones_are_told(ssm):
    put(ssm, "/p", "1")
    put(ssm, "/p", "2", Overwrite=True)
    labels = ["ok", "1st", "awsome", "SSM-x", "b d", "ok"]
    answer = ssm.label_parameter_version(Name="/p", Labels=labels)
    assert answer["ParameterVersion"] == 2
    assert sorted(answer["InvalidLabels"]) == ["1st", "SSM-x", "awsome", "b d"]
    ssm.label_parameter_version(Name="/p", ParameterVersion=1, Labels=["ok"])
    history = ssm.get_parameter_history(Name="/p")["Parameters"]
    assert [entry["Labels"] for entry in history] == [["ok"], []]
    answer = ssm.unlabel_parameter_version(
        Name="/p", ParameterVersion=2, Labels=["ok", "none", "b d"]
    )
    assert answer["RemovedLabels"] == [] and sorted(answer["InvalidLabels"]) == ["b d", "none", "ok"]
    answer = ssm.unlabel_parameter_version(Name="/p", ParameterVersion=1, Labels=["ok"])
    assert (answer["RemovedLabels"], answer["InvalidLabels"]) == (["ok"], [])


def test_a_version_has_ten_labels(ssm):
    put(ssm, "/p")
    ssm.label_parameter_version(Name="/p", Labels=[f"l{n}" for n in range(10)])
    text = (
        "A parameter version can have maximum 10 labels.Move one or more labels to another "
        "version and try again."
    )
    with refused("ParameterVersionLabelLimitExceeded", text):
        ssm.label_parameter_version(Name="/p", Labels=["more"])


def test_a_hundred_versions_are_kept_and_a_labelled_one_does_not_go(ssm):
    for number in range(100):
        put(ssm, "/p", str(number), Overwrite=True)
    assert put(ssm, "/p", "100", Overwrite=True)["Version"] == 101
    with refused("ParameterVersionNotFound"):
        ssm.get_parameter(Name="/p:1")
    assert value(ssm, "/p:2") == "1"
    ssm.label_parameter_version(Name="/p", ParameterVersion=2, Labels=["old"])
    text = (
        "You attempted to create a new version of /p by calling the PutParameter API with the "
        "overwrite flag. Version 2, the oldest version, can't be deleted because it has a label "
        "associated with it. Move the label to another version of the parameter, and try again."
    )
    with refused("ParameterMaxVersionLimitExceeded", text):
        put(ssm, "/p", "101", Overwrite=True)
    pages = ssm.get_paginator("get_parameter_history").paginate(Name="/p")
    versions = [entry["Version"] for page in pages for entry in page["Parameters"]]
    assert versions == list(range(2, 102))


def test_history_tells_each_version_as_it_was(ssm, account):
    put(ssm, "/p", "1", Description="d", AllowedPattern="[0-9a-z]+")
    put(ssm, "/p", "two", Type="SecureString", Overwrite=True)
    put(ssm, "/p", "3", Type="StringList", Overwrite=True)
    page = ssm.get_parameter_history(Name="/p", WithDecryption=True, MaxResults=1)
    first = page["Parameters"][0]
    first.pop("LastModifiedDate")
    assert first == {
        "Name": "/p",
        "Type": "String",
        "LastModifiedUser": f"arn:aws:iam::{account}:root",
        "Description": "d",
        "Value": "1",
        "AllowedPattern": "[0-9a-z]+",
        "Version": 1,
        "Labels": [],
        "Tier": "Standard",
        "Policies": [],
        "DataType": "text",
    }
    rest = ssm.get_parameter_history(
        Name="/p", WithDecryption=True, NextToken=page["NextToken"], MaxResults=2
    )
    told = [(e["Type"], e.get("KeyId"), e["Value"], e["Description"]) for e in rest["Parameters"]]
    assert told == [("SecureString", "alias/aws/ssm", "two", "d"), ("StringList", None, "3", "d")]
    assert "NextToken" not in rest


# Secure strings


def test_a_secure_string_is_kept_under_its_key(ssm, server, account):
    put(ssm, "/secret", "hush", Type="SecureString")
    assert value(ssm, "/secret", WithDecryption=True) == "hush"
    sealed = base64.b64decode(value(ssm, "/secret"))
    kms = client(server, account=account)
    # AWS managed keys are for their service alone.
    with refused("AccessDeniedException"):
        kms.decrypt(
            CiphertextBlob=sealed, EncryptionContext={"PARAMETER_ARN": arn(account, "secret")}
        )
    described = ssm.describe_parameters()["Parameters"][0]
    assert described["KeyId"] == "alias/aws/ssm"
    assert kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]["KeyManager"] == "AWS"


@pytest.mark.parametrize("tier", ["Standard", "Advanced"])
def test_who_may_use_the_key_decrypts_it_directly(ssm, server, account, tier):
    kms = client(server, account=account)
    key = new_key(kms)
    kms.create_alias(AliasName="alias/own", TargetKeyId=key)
    put(ssm, "/a/secret", "hush", Type="SecureString", KeyId="alias/own", Tier=tier)
    assert value(ssm, "/a/secret", WithDecryption=True) == "hush"
    sealed = base64.b64decode(value(ssm, "/a/secret"))
    if tier == "Standard":
        context = {"PARAMETER_ARN": arn(account, "a/secret")}
        answer = kms.decrypt(CiphertextBlob=sealed, EncryptionContext=context)
        assert (answer["Plaintext"], answer["KeyId"]) == (b"hush", key)
        with refused("InvalidCiphertextException"):
            kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"PARAMETER_ARN": "other"})
    assert ssm.describe_parameters()["Parameters"][0]["KeyId"] == "alias/own"


def test_an_advanced_secure_string_is_an_encryption_sdk_message(server, kms):
    # The Encryption SDK makes its own client, which is of the account that the environment names.
    ssm, name = client(server, "ssm"), f"/big/{uuid.uuid4()}"
    key = new_key(kms)
    text = "x" * 5000
    put(ssm, name, text, Type="SecureString", KeyId=key, Tier="Advanced")
    sealed = base64.b64decode(value(ssm, name))
    assert sealed[:4].hex() == "01800378"
    sdk = aws_encryption_sdk.EncryptionSDKClient(
        commitment_policy=CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT
    )
    provider = StrictAwsKmsMasterKeyProvider(key_ids=[key])
    plain, header = sdk.decrypt(source=sealed, key_provider=provider)
    assert plain.decode() == text
    assert set(header.encryption_context) == {"PARAMETER_ARN", "aws-crypto-public-key"}
    assert header.encryption_context["PARAMETER_ARN"] == arn(ACCOUNT, name[1:])
    assert header.frame_length == 4096
    assert [k.key_provider.provider_id for k in header.encrypted_data_keys] == ["aws-kms"]
    assert value(ssm, name, WithDecryption=True) == text


@pytest.mark.parametrize("tier", ["Standard", "Advanced"])
def test_a_parameter_stops_with_its_key(ssm, server, account, tier):
    kms = client(server, account=account)
    key = new_key(kms)
    put(ssm, "/s", "hush", Type="SecureString", KeyId=key, Tier=tier)
    kms.disable_key(KeyId=key)
    text = re.compile(
        re.escape(f"{key} is disabled. (Service: AWSKMS; Status Code: 400; ")
        + r"Error Code: DisabledException; Request ID: [0-9a-f-]{36}; Proxy: null\)"
    )
    for call in [
        lambda: ssm.get_parameter(Name="/s", WithDecryption=True),
        lambda: ssm.get_parameters(Names=["/s"], WithDecryption=True),
        lambda: ssm.get_parameters_by_path(Path="/", WithDecryption=True),
        lambda: ssm.get_parameter_history(Name="/s", WithDecryption=True),
        lambda: put(ssm, "/s", "new", Type="SecureString", Overwrite=True),
    ]:
        with refused("InvalidKeyId", text):
            call()
    value(ssm, "/s")
    kms.enable_key(KeyId=key)
    assert value(ssm, "/s", WithDecryption=True) == "hush"
    kms.schedule_key_deletion(KeyId=key)
    pending = re.compile(re.escape(f"{key} is pending deletion. (") + ".*KMSInvalidStateException.*")
    with refused("InvalidKeyId", pending):
        ssm.get_parameter(Name="/s", WithDecryption=True)


def test_a_key_that_is_not_there_is_told_in_kms_words(ssm, account):
    for key, text in [
        ("alias/none", f"Alias arn:aws:kms:{REGION}:{account}:alias/none is not found. ("),
        ("none", "Invalid keyId 'none' ("),
    ]:
        with refused("InvalidKeyId", re.compile(re.escape(text) + ".*Error Code: NotFoundException.*")):
            put(ssm, "/s", Type="SecureString", KeyId=key)


def test_a_reader_without_the_key_is_denied(server, ssm, account):
    kms = client(server, account=account)
    iam = client(server, "iam", account=account)
    key = new_key(kms)
    put(ssm, "/s", "hush", Type="SecureString", KeyId=key)
    reader = user(server, iam, "reader", ["ssm:GetParameter"])
    assert reader.get_parameter(Name="/s")["Parameter"]["Value"] != "hush"
    text = re.compile(
        "The ciphertext refers to a customer master key that does not exist, does not exist in "
        r"this region, or you are not allowed to access. \(.*AccessDeniedException.*|"
        r"User: .* is not authorized to perform: kms:Decrypt .*\(Service: AWSKMS; .*"
    )
    with refused("AccessDeniedException", text):
        reader.get_parameter(Name="/s", WithDecryption=True)


def user(server, iam, name, actions, resource="*"):
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return client(server, "ssm", account=key["AccessKeyId"], secret=key["SecretAccessKey"])


# Overwriting


def test_an_overwrite_keeps_what_it_does_not_name(ssm):
    put(ssm, "/p", "ab", Description="d", AllowedPattern="[a-z]+", Tier="Advanced")
    ssm.put_parameter(Name="/p", Value="cd", Overwrite=True)
    described = ssm.describe_parameters()["Parameters"][0]
    kept = [described[key] for key in ("Type", "Tier", "Description", "AllowedPattern", "Version")]
    assert kept == ["String", "Advanced", "d", "[a-z]+", 2]
    with refused("ParameterPatternMismatchException"):
        ssm.put_parameter(Name="/p", Value="1", Overwrite=True)


def test_a_type_may_change(ssm):
    put(ssm, "/p", "a")
    for version, kind in enumerate(["SecureString", "String", "StringList"], 2):
        assert put(ssm, "/p", "a", Type=kind, Overwrite=True)["Version"] == version
        assert ssm.get_parameter(Name="/p")["Parameter"]["Type"] == kind


def test_a_parameter_made_anew_begins_at_one(ssm):
    put(ssm, "/p", "1")
    put(ssm, "/p", "2", Overwrite=True)
    ssm.delete_parameter(Name="/p")
    assert put(ssm, "/p", "3", Overwrite=True)["Version"] == 1
    assert len(ssm.get_parameter_history(Name="/p")["Parameters"]) == 1


# Lists


def test_a_path_lists_one_level_or_all(ssm):
    for name in ["/a/x", "/a/b/y", "/a/b/c/z", "/a.b/n", "/ab", "/a/w", "plain"]:
        put(ssm, name)
    level = lambda path, **more: names(ssm.get_parameters_by_path(Path=path, **more))
    assert level("/a") == ["/a/w", "/a/x"]
    assert level("/a/") == ["/a/w", "/a/x"]
    assert sorted(level("/a", Recursive=True)) == ["/a/b/c/z", "/a/b/y", "/a/w", "/a/x"]
    assert level("/a/b") == ["/a/b/y"]
    assert level("/none") == []
    assert level("/") == ["/ab", "plain"]
    assert len(level("/", Recursive=True)) == 7


def test_lists_are_paged_to_their_end(ssm):
    wanted = [f"/p/{n:02}" for n in range(23)] + ["/p/deep/a", "/p/deep/b"]
    for name in wanted:
        put(ssm, name)
    pages = list(
        ssm.get_paginator("get_parameters_by_path").paginate(
            Path="/p", Recursive=True, PaginationConfig={"PageSize": 10}
        )
    )
    assert [len(page["Parameters"]) for page in pages] == [10, 10, 5]
    assert sorted(name for page in pages for name in names(page)) == sorted(wanted)
    pages = list(ssm.get_paginator("describe_parameters").paginate())
    assert [len(page["Parameters"]) for page in pages] == [10, 10, 5]
    assert "NextToken" not in pages[-1]
    # A page that ends where the list ends is the last.
    one = ssm.get_parameters_by_path(Path="/p/deep", MaxResults=2)
    assert names(one) == ["/p/deep/a", "/p/deep/b"] and "NextToken" not in one
    for call in [
        lambda token: ssm.get_parameters_by_path(Path="/p", NextToken=token),
        lambda token: ssm.describe_parameters(NextToken=token),
        lambda token: ssm.get_parameter_history(Name="/p/00", NextToken=token),
    ]:
        with refused("InvalidNextToken", "The following token is invalid: fixture-invalid-token."):
            call("fixture-invalid-token")


def test_a_path_is_filtered(ssm):
    put(ssm, "/p/s", "1")
    put(ssm, "/p/l", "1", Type="StringList")
    put(ssm, "/p/k", "1", Type="SecureString")
    put(ssm, "/p/s", "2", Overwrite=True)
    ssm.label_parameter_version(Name="/p/s", ParameterVersion=1, Labels=["old"])
    by = lambda **filter: ssm.get_parameters_by_path(Path="/p", ParameterFilters=[filter])
    assert names(by(Key="Type", Values=["String"])) == ["/p/s"]
    assert names(by(Key="Type", Option="BeginsWith", Values=["String"])) == ["/p/l", "/p/s"]
    assert names(by(Key="KeyId", Values=["alias/aws/ssm"])) == ["/p/k"]
    labelled = by(Key="Label", Values=["old"])["Parameters"]
    assert [(p["Name"], p["Value"], p["Version"]) for p in labelled] == [("/p/s", "1", 1)]
    assert "Selector" not in labelled[0]


DESCRIBED = [
    ({"Key": "Name", "Values": ["/p/s"]}, ["/p/s"]),
    ({"Key": "Name", "Values": ["p/s", "/p/d/a"]}, ["/p/d/a", "/p/s"]),
    ({"Key": "Name", "Option": "BeginsWith", "Values": ["/p/"]}, ["/p/d/a", "/p/k", "/p/s"]),
    ({"Key": "Name", "Option": "BeginsWith", "Values": ["/p/k", "/p"]}, ["/p/d/a", "/p/k", "/p/s"]),
    ({"Key": "Name", "Option": "Contains", "Values": ["d/"]}, ["/p/d/a"]),
    ({"Key": "Path", "Values": ["/p"]}, ["/p/k", "/p/s"]),
    ({"Key": "Path", "Option": "Recursive", "Values": ["/p"]}, ["/p/d/a", "/p/k", "/p/s"]),
    ({"Key": "Path", "Option": "OneLevel", "Values": ["/p/d", "/"]}, ["/p/d/a", "other"]),
    ({"Key": "Type", "Values": ["SecureString"]}, ["/p/k"]),
    ({"Key": "KeyId", "Option": "BeginsWith", "Values": ["alias/"]}, ["/p/k"]),
    ({"Key": "Tier", "Values": ["Advanced"]}, ["other"]),
    ({"Key": "DataType", "Values": ["integer"]}, ["/p/d/a"]),
    ({"Key": "tag:team", "Values": ["red"]}, ["/p/s"]),
    ({"Key": "tag:team"}, ["/p/s"]),
    ({"Key": "tag:team", "Values": ["blue"]}, []),
]


@pytest.fixture
def described(ssm):
    put(ssm, "/p/s", Tags=[{"Key": "team", "Value": "red"}])
    put(ssm, "/p/k", Type="SecureString")
    put(ssm, "/p/d/a", "1", DataType="integer")
    put(ssm, "other", Tier="Advanced")
    return ssm


@pytest.mark.parametrize("filter, expected", DESCRIBED)
def test_descriptions_are_filtered(described, filter, expected):
    assert names(described.describe_parameters(ParameterFilters=[filter])) == expected


def test_filters_are_joined_and_the_old_form_is_a_beginning(described):
    both = [
        {"Key": "Path", "Option": "Recursive", "Values": ["/p"]},
        {"Key": "Type", "Values": ["String"]},
    ]
    assert names(described.describe_parameters(ParameterFilters=both)) == ["/p/d/a", "/p/s"]
    old = lambda key, *values: names(
        described.describe_parameters(Filters=[{"Key": key, "Values": list(values)}])
    )
    assert old("Name", "/p/") == ["/p/d/a", "/p/k", "/p/s"]
    assert old("Name", "oth") == ["other"]
    assert old("Type", "SecureString") == ["/p/k"]
    assert old("KeyId", "alias/aws/ssm") == ["/p/k"]
    with refused("ValidationException"):
        described.describe_parameters(
            ParameterFilters=both, Filters=[{"Key": "Name", "Values": ["a"]}]
        )


def test_a_description_has_no_value(ssm, account):
    put(ssm, "/p", "1", Description="d")
    (described,) = ssm.describe_parameters()["Parameters"]
    described.pop("LastModifiedDate")
    assert described == {
        "Name": "/p",
        "ARN": arn(account, "p"),
        "Type": "String",
        "LastModifiedUser": f"arn:aws:iam::{account}:root",
        "Description": "d",
        "Version": 1,
        "Tier": "Standard",
        "Policies": [],
        "DataType": "text",
    }


# Tags, settings, sharing


def test_tags_keep_their_order(ssm):
    put(ssm, "/p", Tags=[{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}])
    resource = {"ResourceType": "Parameter", "ResourceId": "/p"}
    ssm.add_tags_to_resource(
        **resource, Tags=[{"Key": "c", "Value": "3"}, {"Key": "b", "Value": "4"}]
    )
    listed = lambda: [
        (tag["Key"], tag["Value"]) for tag in ssm.list_tags_for_resource(**resource)["TagList"]
    ]
    assert listed() == [("b", "4"), ("a", "2"), ("c", "3")]
    ssm.remove_tags_from_resource(**resource, TagKeys=["a", "none"])
    assert listed() == [("b", "4"), ("c", "3")]


def test_settings_choose_the_tier(ssm, account):
    setting = "/ssm/parameter-store/default-parameter-tier"
    shown = ssm.get_service_setting(SettingId=setting)["ServiceSetting"]
    assert (shown["SettingValue"], shown["Status"]) == ("Standard", "Default")
    ssm.update_service_setting(SettingId=shown["ARN"], SettingValue="Intelligent-Tiering")
    shown = ssm.get_service_setting(SettingId=setting)["ServiceSetting"]
    assert (shown["SettingValue"], shown["Status"]) == ("Intelligent-Tiering", "Customized")
    assert shown["LastModifiedUser"] == f"arn:aws:iam::{account}:root"
    assert shown["ARN"] == f"arn:aws:ssm:{REGION}:{account}:servicesetting{setting}"
    assert put(ssm, "/small")["Tier"] == "Standard"
    assert put(ssm, "/large", "x" * 4097)["Tier"] == "Advanced"
    shown = ssm.reset_service_setting(SettingId=setting)["ServiceSetting"]
    assert (shown["SettingValue"], shown["Status"]) == ("Standard", "Default")
    with refused("ServiceSettingNotFound"):
        ssm.get_service_setting(SettingId="/ssm/none")
    with refused("ValidationException"):
        ssm.update_service_setting(SettingId=setting, SettingValue="Gold")


def test_an_advanced_parameter_is_shared_by_its_policy(server, ssm, account, other_account):
    put(ssm, "/shared/p", "v", Tier="Advanced")
    put(ssm, "/own")
    theirs = client(server, "ssm", account=other_account)
    named = arn(account, "shared/p")
    denied = re.compile(r"User: .* is not authorized to perform: ssm:GetParameter on resource: .*")
    with refused("AccessDeniedException", denied):
        theirs.get_parameter(Name=named)
    document = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"AWS": other_account},
                "Action": ["ssm:GetParameter", "ssm:GetParameters", "ssm:DescribeParameters"],
                "Resource": named,
            },
        }
    )
    with refused("ResourcePolicyInvalidParameterException"):
        ssm.put_resource_policy(ResourceArn=arn(account, "own"), Policy=document)
    with refused("MalformedResourcePolicyDocumentException"):
        ssm.put_resource_policy(ResourceArn=named, Policy="{}")
    with refused("ResourceNotFoundException"):
        ssm.put_resource_policy(ResourceArn=arn(account, "none"), Policy=document)
    made = ssm.put_resource_policy(ResourceArn=named, Policy=document)
    assert theirs.get_parameter(Name=named)["Parameter"]["Value"] == "v"
    assert names(theirs.get_parameters(Names=[named])) == ["/shared/p"]
    assert names(theirs.describe_parameters(Shared=True)) == ["/shared/p"]
    assert names(theirs.describe_parameters()) == []
    with refused("AccessDeniedException"):
        theirs.get_parameter_history(Name=named)
    (listed,) = ssm.get_resource_policies(ResourceArn=named)["Policies"]
    assert (listed["PolicyId"], listed["Policy"]) == (made["PolicyId"], document)
    with refused("ResourcePolicyLimitExceededException"):
        ssm.put_resource_policy(ResourceArn=named, Policy=document)
    stale = {"PolicyId": made["PolicyId"], "PolicyHash": "0" * 64}
    with refused("ResourcePolicyConflictException"):
        ssm.put_resource_policy(ResourceArn=named, Policy=document, **stale)
    with refused("ResourcePolicyConflictException"):
        ssm.delete_resource_policy(ResourceArn=named, **stale)
    known = {"PolicyId": made["PolicyId"], "PolicyHash": made["PolicyHash"]}
    with refused("ResourcePolicyNotFoundException"):
        ssm.delete_resource_policy(ResourceArn=named, **{**known, "PolicyId": "none"})
    ssm.delete_resource_policy(ResourceArn=named, **known)
    with refused("AccessDeniedException"):
        theirs.get_parameter(Name=named)
    assert names(theirs.describe_parameters(Shared=True)) == []


# Permissions


def test_permission_for_a_path_is_permission_for_all_below_it(server, ssm, account):
    iam = client(server, "iam", account=account)
    put(ssm, "/a/b", "1")
    reader = user(server, iam, "reader", ["ssm:Get*"], arn(account, "a*"))
    deny = {"Effect": "Deny", "Action": "ssm:*", "Resource": arn(account, "a/b")}
    document = json.dumps({"Version": "2012-10-17", "Statement": deny})
    iam.put_user_policy(UserName="reader", PolicyName="deny", PolicyDocument=document)
    assert names(reader.get_parameters_by_path(Path="/a")) == ["/a/b"]
    who = f"arn:aws:iam::{account}:user/reader"
    text = (
        f"User: {who} is not authorized to perform: ssm:GetParameter on resource: "
        f"{arn(account, 'a/b')} with an explicit deny in an identity-based policy"
    )
    with refused("AccessDeniedException", text):
        reader.get_parameter(Name="/a/b:1")
    with refused("AccessDeniedException"):
        reader.get_parameters(Names=["/a/c", "/a/b"])
    text = (
        f"User: {who} is not authorized to perform: ssm:DescribeParameters on resource: "
        f"arn:aws:ssm:{REGION}:{account}:* because no identity-based policy allows the "
        "ssm:DescribeParameters action"
    )
    with refused("AccessDeniedException", text):
        reader.describe_parameters()


ALREADY_EXISTS = (
    "The parameter already exists. To overwrite this value, set the overwrite option in the "
    "request to true."
)
