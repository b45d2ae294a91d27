"""Secrets read as parameters: /aws/reference/secretsmanager/NAME[:VERSION-OR-STAGE]."""

import datetime
import json

import pytest
from botocore.exceptions import ClientError
from conftest import client, new_key

PREFIX = "/aws/reference/secretsmanager/"
DEPENDENCY = "An error occurred while calling one AWS dependency service."


@pytest.fixture
def ssm(server, account):
    return client(server, "ssm", account=account)


@pytest.fixture
def secrets(server, account):
    return client(server, "secretsmanager", account=account)


def refused(call, **parameters):
    """Code and text of an error."""
    with pytest.raises(ClientError) as error:
        call(WithDecryption=True, **parameters)
    told = error.value.response["Error"]
    return told["Code"], told["Message"]


def get(ssm, name):
    return ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]


def test_a_secret_is_a_parameter(ssm, secrets):
    made = secrets.create_secret(Name="app/db", SecretString='{"password":"a=b"}')
    parameter = get(ssm, PREFIX + "app/db")
    source = parameter.pop("SourceResult")
    date = parameter.pop("LastModifiedDate")
    assert parameter == {
        "Name": PREFIX + "app/db",
        "Type": "SecureString",
        "Value": '{"password":"a=b"}',
        "Version": 0,
        "ARN": made["ARN"],
    }
    assert "a\\u003db" in source
    told = json.loads(source)
    assert list(told) == ["ARN", "name", "versionId", "secretString", "versionStages", "createdDate"]
    assert told["versionId"] == made["VersionId"] and told["versionStages"] == ["AWSCURRENT"]
    written = datetime.datetime.strptime(told["createdDate"], "%b %d, %Y, %I:%M:%S %p")
    assert written.replace(tzinfo=datetime.UTC) == date.replace(microsecond=0)
    # The leading slash is as it was sent.
    assert get(ssm, PREFIX[1:] + "app/db")["Name"] == PREFIX[1:] + "app/db"


def test_a_selector_is_a_stage_or_a_version(ssm, secrets):
    first = secrets.create_secret(Name="db", SecretString="one")["VersionId"]
    secrets.put_secret_value(SecretId="db", SecretString="two")
    secrets.update_secret_version_stage(
        SecretId="db", VersionStage="a/b", MoveToVersionId=first
    )
    assert get(ssm, PREFIX + "db")["Value"] == "two"
    for selector in ("AWSPREVIOUS", first, "a/b"):
        parameter = get(ssm, f"{PREFIX}db:{selector}")
        assert (parameter["Value"], parameter["Selector"]) == ("one", f":{selector}")
        assert parameter["Name"] == PREFIX + "db"


def test_bytes_come_as_a_buffer(ssm, secrets):
    secrets.create_secret(Name="bytes", SecretBinary=b"\x00\x7f\x80\xff")
    parameter = get(ssm, PREFIX + "bytes")
    assert "Value" not in parameter
    assert json.loads(parameter["SourceResult"])["secretBinary"]["hb"] == [0, 127, -128, -1]


def test_what_is_not_there_is_told_in_awss_words(ssm, secrets):
    secrets.create_secret(Name="db", SecretString="one")
    text = "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret "
    path = PREFIX[1:]
    for name, end in (("none", "nonenull"), ("none:STAGE", "none:STAGE"), ("db:NONE", "db:NONE")):
        wanted = ("ParameterNotFound", f"{text}{path}{end} not found.")
        assert refused(ssm.get_parameter, Name=PREFIX + name) == wanted
    secrets.delete_secret(SecretId="db")
    wanted = ("ValidationException", "Invalid Request to Secrets Manager")
    assert refused(ssm.get_parameter, Name=PREFIX + "db") == wanted


def test_a_batch_has_secrets_and_parameters(ssm, secrets):
    secrets.create_secret(Name="db", SecretString="one")
    ssm.put_parameter(Name="/plain", Value="p", Type="String")
    names = [PREFIX + "db", PREFIX + "none", PREFIX + "db:NONE", "/plain"]
    answer = ssm.get_parameters(Names=names, WithDecryption=True)
    values = [(parameter["Name"], parameter["Value"]) for parameter in answer["Parameters"]]
    assert values == [(PREFIX + "db", "one"), ("/plain", "p")]
    assert answer["InvalidParameters"] == sorted([PREFIX + "none", PREFIX + "db:NONE"])
    answer = ssm.get_parameters(Names=names)
    assert [parameter["Name"] for parameter in answer["Parameters"]] == ["/plain"]
    assert PREFIX + "db" in answer["InvalidParameters"]


def test_the_caller_needs_the_secret_and_its_key(server, account, iam, ssm, secrets):
    key = new_key(client(server, account=account))
    secret = secrets.create_secret(Name="db", SecretString="one", KmsKeyId=key)["ARN"]
    iam.create_user(UserName="reader")
    issued = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = client(
        server, "ssm", account=issued["AccessKeyId"], secret=issued["SecretAccessKey"]
    )

    def allow(*statements):
        document = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": action, "Resource": resource}
                for action, resource in statements
            ],
        }
        iam.put_user_policy(
            UserName="reader", PolicyName="p", PolicyDocument=json.dumps(document)
        )

    reference = f"arn:aws:ssm:eu-central-1:{account}:parameter{PREFIX}db"
    own = ("ssm:GetParameter*", reference)
    steps = [own], [own, ("secretsmanager:GetSecretValue", secret)]
    for allowed in steps:
        allow(*allowed)
        wanted = ("ValidationException", DEPENDENCY)
        assert refused(reader.get_parameter, Name=PREFIX + "db") == wanted
        assert refused(reader.get_parameters, Names=[PREFIX + "db"]) == wanted
    allow(*steps[1], ("kms:Decrypt", key))
    assert get(reader, PREFIX + "db")["Value"] == "one"
    allow(*steps[1][1:], ("kms:Decrypt", key))
    code, text = refused(reader.get_parameter, Name=PREFIX + "db")
    assert code == "AccessDeniedException" and reference in text
