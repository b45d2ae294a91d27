"""Files of trails under a KMS key: who may, what is recorded, and who can read them."""

import datetime
import gzip
import json
import os
import subprocess

import aws_encryption_sdk
import botocore.session
import pytest
from aws_encryption_sdk import CommitmentPolicy, DiscoveryAwsKmsMasterKeyProvider
from botocore.exceptions import ClientError

import bucket
import program
from conftest import REGION, client
from test_cloudtrail import BUCKET, Trail, begin, finish, lookup, of_kind

ACCOUNT = "200000000003"
ARN = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/main"
GZIP = b"\x1f\x8b"


@pytest.fixture(scope="module")
def place(clean_environment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("encrypted")
    options = ["--trails", folder, "--trail-interval", "1", "--digest-interval", "2"]
    data = tmp_path_factory.mktemp("encrypted-data") / "data"
    with program.Server("dev", "--data", str(data), *map(str, options)) as server:
        yield server, folder


def statement(**more):
    return {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": "kms:GenerateDataKey*",
        "Resource": "*",
        **more,
    }


def made_key(kms, *more):
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    own = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [own, *more]})
    return kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]


def bound(value=ARN, source=ARN):
    return statement(
        Condition={
            "StringEquals": {
                "kms:EncryptionContext:aws:cloudtrail:arn": value,
                "aws:SourceArn": source,
            }
        }
    )


def code_of(refused):
    return refused.value.response["Error"]["Code"]


def test_a_key_must_be_there_for_cloudtrail(place):
    server, _ = place
    kms = client(server, account=ACCOUNT)
    trail = client(server, "cloudtrail", account=ACCOUNT)
    closed = made_key(kms)
    elsewhere = made_key(kms, bound(source=f"{ARN}-other"))
    disabled = made_key(kms, bound())
    kms.disable_key(KeyId=disabled)
    unknown = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-4000-8000-000000000000"
    for key, code in [
        (closed, "InsufficientEncryptionPolicyException"),
        (elsewhere, "InsufficientEncryptionPolicyException"),
        (unknown, "KmsKeyNotFoundException"),
        ("alias/nobody", "KmsKeyNotFoundException"),
        (disabled, "KmsException"),
        ("arn:aws:s3:::bucket", "InvalidKmsKeyIdException"),
    ]:
        with pytest.raises(ClientError) as refused:
            trail.create_trail(Name="main", S3BucketName=BUCKET, KmsKeyId=key)
        assert code_of(refused) == code, key
        if key == closed:
            text = f"Insufficient permissions to access S3 bucket {BUCKET} or KMS key {key}."
            assert refused.value.response["Error"]["Message"] == text
    assert trail.list_trails()["Trails"] == []
    # By an alias, too; told is always the key.
    kms.create_alias(AliasName="alias/trail", TargetKeyId=made_key(kms, bound()))
    made = trail.create_trail(Name="main", S3BucketName=BUCKET, KmsKeyId="alias/trail")
    assert made["KmsKeyId"].startswith(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/")
    assert trail.get_trail(Name="main")["Trail"]["KmsKeyId"] == made["KmsKeyId"]
    assert "KmsKeyId" not in trail.update_trail(Name="main", KmsKeyId="")
    trail.delete_trail(Name="main")


class Encrypted(Trail):
    """A trail whose files are encrypted."""

    def __init__(self, server, folder, key):
        self.server, self.account, self.folder = server, ACCOUNT, folder / BUCKET
        self.trail = client(server, "cloudtrail", account=ACCOUNT)
        self.kms = client(server, account=ACCOUNT)
        self.key = key
        self.started = datetime.datetime.now(datetime.timezone.utc)
        self.arn = begin(self.trail, EnableLogFileValidation=True, KmsKeyId=key)

    def finish(self):
        return finish(self.trail, EnableLogFileValidation=True, KmsKeyId=self.key)


def opener(server):
    """What S3 does for a reader who may decrypt: here by the AWS Encryption SDK for Python."""
    policy = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    sdk = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=policy)
    session = botocore.session.get_session()
    session.set_credentials(ACCOUNT, "test")
    session.set_config_variable("region", REGION)

    def opened(body):
        assert not body.startswith(GZIP), "an object is not encrypted"
        provider = DiscoveryAwsKmsMasterKeyProvider(botocore_session=session)
        plain, header = sdk.decrypt(source=body, key_provider=provider)
        assert header.encryption_context["aws:cloudtrail:arn"] == ARN
        return plain

    return opened


def test_files_are_encrypted_and_the_chain_holds(place, clean_environment):
    server, folder = place
    kms = client(server, account=ACCOUNT)
    trail = Encrypted(server, folder, made_key(kms, bound()))
    trail.work_until_digests(2)
    # A key that can't be used holds the trail up, and loses nothing.
    kms.disable_key(KeyId=trail.key)
    failed = lambda: trail.trail.get_trail_status(Name="main").get("LatestDeliveryError")
    error = program.wait_until(failed, 30, "the delivery fails")
    assert "DisabledException" in error and trail.key in error
    kms.list_aliases()
    files = len(trail.files("CloudTrail"))
    kms.enable_key(KeyId=trail.key)
    program.wait_until(lambda: len(trail.files("CloudTrail")) > files, 30, "it goes on")
    trail.finish()
    clean_environment.setenv("AWS_ENDPOINT_URL_KMS", server.endpoint)
    opened = opener(server)
    with bucket.served(folder, opened) as endpoint:
        code, output = trail.validate(endpoint)
    clean_environment.delenv("AWS_ENDPOINT_URL_KMS")
    assert code == 0 and "log files valid" in output, output
    # CloudTrail asked for a data key as itself, and it is in the key's owner's record.
    event = lookup(trail.trail, "EventName", "GenerateDataKey")[0]
    record = json.loads(event["CloudTrailEvent"])
    assert record["userIdentity"] == {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}
    assert record["sourceIPAddress"] == record["userAgent"] == "cloudtrail.amazonaws.com"
    assert record["requestParameters"]["encryptionContext"] == {"aws:cloudtrail:arn": ARN}
    assert record["resources"][0]["ARN"] == trail.key and "sharedEventID" in record
    assert record["recipientAccountId"] == ACCOUNT
    # And what is in the files is every event, once.
    ids, names = [], set()
    for file in of_kind(trail.folder, "CloudTrail"):
        for event in json.loads(gzip.decompress(opened_by_command(server, file)))["Records"]:
            ids.append(event["eventID"])
            names.add(event["eventName"])
    assert len(ids) == len(set(ids)) and {"ListAliases", "DisableKey", "EnableKey"} <= names


def opened_by_command(server, file):
    """The content of a file, by `bulla decrypt`."""
    environment = {
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
    }
    done = subprocess.run(
        [program.binary(), "decrypt", "--discovery", "-i", str(file)],
        capture_output=True,
        timeout=60,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
