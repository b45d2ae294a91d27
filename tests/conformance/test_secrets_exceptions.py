"""Every exception that AWS's interface model documents of every operation of Secrets Manager: each
is provoked, or it is said why nothing can provoke it. A model that documents more fails the suite.
"""

import uuid

from botocore.exceptions import ClientError
from conftest import REGION, client
from documented import NO_VALUE, OWN_FAULT, Suite, method

THERE = "us-east-1"
IN_ANSWER = "told in the answer, beside what was found"

# What nothing can provoke here, and why.
BEYOND = {
    ("CreateSecret", "LimitExceededException"): "half a million secrets",
    ("CreateSecret", "MalformedPolicyDocumentException"): "it takes no policy",
    ("CreateSecret", "PreconditionNotMetException"): "for services that own secrets",
    ("CreateSecret", "ResourceNotFoundException"): "a key that is missing fails to encrypt",
    ("DescribeSecret", "InvalidParameterException"): NO_VALUE,
    ("GetRandomPassword", "InvalidRequestException"): NO_VALUE,
    ("GetSecretValue", "InvalidParameterException"): NO_VALUE,
    ("ListResourcePolicies", "InvalidParameterException"): NO_VALUE,
    ("ListSecretVersionIds", "InvalidParameterException"): NO_VALUE,
    ("ListSecrets", "InvalidRequestException"): NO_VALUE,
    ("RestoreSecret", "InvalidParameterException"): NO_VALUE,
    ("RestoreSecret", "InvalidRequestException"): "a secret that is not deleted stays so",
    ("StopReplicationToReplica", "InvalidParameterException"): NO_VALUE,
    ("UpdateSecret", "MalformedPolicyDocumentException"): "it takes no policy",
    ("UpdateSecret", "PreconditionNotMetException"): "for services that own secrets",
    ("ValidateResourcePolicy", "InvalidParameterException"): NO_VALUE,
    ("ValidateResourcePolicy", "MalformedPolicyDocumentException"): IN_ANSWER,
}


class World:
    """An account with a secret `db` for each case to spoil."""

    def __init__(self, server, account):
        self.server, self.account = server, account
        self.here = client(server, "secretsmanager", account=account)
        self.there = client(server, "secretsmanager", account=account, region=THERE)
        self.kms = client(server, account=account)
        self.key = self.kms.create_key()["KeyMetadata"]["KeyId"]
        self.token = str(uuid.uuid4())
        self.arn = self.create(SecretString="one")["ARN"]

    def create(self, **more):
        more = {"Name": "db", "KmsKeyId": self.key, "ClientRequestToken": self.token, **more}
        return self.here.create_secret(**more)

    def mark(self):
        """The secret's deletion is scheduled."""
        self.here.delete_secret(SecretId="db")
        return self.here

    def replicate(self):
        """A client of the region where the secret has its replica."""
        self.here.replicate_secret_to_regions(SecretId="db", AddReplicaRegions=[{"Region": THERE}])
        return self.there

    def disable(self):
        """The secret's key is disabled."""
        self.kms.disable_key(KeyId=self.key)
        return self.here

    def label(self, count):
        for number in range(count):
            self.here.update_secret_version_stage(
                SecretId="db", VersionStage=f"L{number}", MoveToVersionId=self.token
            )
        return self.here

    def batch(self, **more):
        """Raises what a batch tells of its only secret."""
        answer = self.here.batch_get_secret_value(SecretIdList=[more.get("id", "db")])
        [error] = answer["Errors"]
        error = {"Code": error["ErrorCode"], "Message": error["Message"]}
        meta = {"HTTPStatusCode": 400}
        raise ClientError({"Error": error, "ResponseMetadata": meta}, "BatchGetSecretValue")

    def other(self, name="copy"):
        """The ARN that a secret of another account could have."""
        return f"arn:aws:secretsmanager:{REGION}:999999999999:secret:{name}-AbCdEf"

    def second_replica(self):
        """A primary that has its replica already, and the ARN of another."""
        account = str(int(self.account) + 500_000_000_000)
        there = client(self.server, "secretsmanager", account=account)
        kms = client(self.server, account=account)
        policy = (
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",'
            '"Action":"kms:*","Resource":"*"}]}'
        )
        key = kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
        made = [
            there.create_secret(Name=name, KmsKeyId=key, CrossAccountPrimaryARN=self.arn)["ARN"]
            for name in ("one", "two")
        ]
        self.associate(made[0])
        return made[1]

    def associate(self, arn, **more):
        return self.here.associate_cross_account_replica(
            **{"SecretId": "db", "CrossAccountReplicaARN": arn, **more},
            ReplicaRestriction="NoRestriction",
        )


POLICY = '{"Version":"2012-10-17","Statement":[]}'
ALL = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*",'
    '"Resource":"*"}]}'
)
TAGS = [{"Key": "aws:x", "Value": "v"}]
STAGE = {"VersionStage": "AWSCURRENT"}
# What each operation needs beside the secret's name to get as far as to that.
MORE = {
    "AssociateCrossAccountReplica": lambda w: {"CrossAccountReplicaARN": w.other()},
    "DisassociateCrossAccountReplica": lambda w: {"CrossAccountReplicaARN": w.other()},
    "PutResourcePolicy": lambda w: {"ResourcePolicy": ALL},
    "PutSecretValue": lambda w: {"SecretString": "two"},
    "RemoveRegionsFromReplication": lambda w: {"RemoveReplicaRegions": [THERE]},
    "ReplicateSecretToRegions": lambda w: {"AddReplicaRegions": [{"Region": THERE}]},
    "TagResource": lambda w: {"Tags": [{"Key": "k", "Value": "v"}]},
    "UntagResource": lambda w: {"TagKeys": ["k"]},
    "UpdateSecret": lambda w: {"SecretString": "two"},
    "UpdateSecretVersionStage": lambda w: {"VersionStage": "L", "MoveToVersionId": w.token},
    "ValidateResourcePolicy": lambda w: {"ResourcePolicy": ALL},
}
PARAMETER, REQUEST = "InvalidParameterException", "InvalidRequestException"
LIMIT, TOKEN = "LimitExceededException", "InvalidNextTokenException"
MISSING, EXISTS = "ResourceNotFoundException", "ResourceExistsException"
# What provokes the rest, by operation and exception.
CASES = {
    ("AssociateCrossAccountReplica", PARAMETER): lambda w: w.associate(w.arn),
    ("AssociateCrossAccountReplica", LIMIT): lambda w: w.associate(w.second_replica()),
    ("BatchGetSecretValue", PARAMETER): lambda w: w.here.batch_get_secret_value(),
    ("BatchGetSecretValue", TOKEN): lambda w: w.here.batch_get_secret_value(
        Filters=[{"Key": "name", "Values": ["d"]}], NextToken="none"
    ),
    ("BatchGetSecretValue", MISSING): lambda w: w.batch(id="none"),
    ("BatchGetSecretValue", REQUEST): lambda w: w.mark() and w.batch(),
    ("BatchGetSecretValue", "DecryptionFailure"): lambda w: w.disable() and w.batch(),
    ("CancelRotateSecret", PARAMETER): lambda w: w.replicate().cancel_rotate_secret(SecretId="db"),
    ("CreateSecret", PARAMETER): lambda w: w.create(SecretString="x", SecretBinary=b"x"),
    ("CreateSecret", REQUEST): lambda w: w.mark() and w.create(SecretString="one"),
    ("CreateSecret", EXISTS): lambda w: w.create(ClientRequestToken=str(uuid.uuid4())),
    ("CreateSecret", "EncryptionFailure"): lambda w: w.disable() and w.create(Name="new"),
    ("CreateSecret", "DecryptionFailure"): lambda w: w.disable() and w.create(SecretString="one"),
    ("DeleteResourcePolicy", PARAMETER): lambda w: w.here.delete_resource_policy(
        SecretId="db", PolicyName="other"
    ),
    ("DeleteSecret", PARAMETER): lambda w: w.here.delete_secret(
        SecretId="db", RecoveryWindowInDays=3
    ),
    ("DisassociateCrossAccountReplica", PARAMETER): lambda w: (
        w.here.disassociate_cross_account_replica(SecretId="db", CrossAccountReplicaARN=w.arn)
    ),
    ("GetRandomPassword", PARAMETER): lambda w: w.here.get_random_password(PasswordLength=1),
    ("GetResourcePolicy", PARAMETER): lambda w: w.here.get_resource_policy(
        SecretId="db", PolicyName="other"
    ),
    ("GetSecretValue", "DecryptionFailure"): lambda w: w.disable().get_secret_value(SecretId="db"),
    ("ListResourcePolicies", TOKEN): lambda w: w.here.list_resource_policies(
        SecretId="db", NextToken="none"
    ),
    ("ListSecretVersionIds", TOKEN): lambda w: w.here.list_secret_version_ids(
        SecretId="db", NextToken="none"
    ),
    ("ListSecrets", PARAMETER): lambda w: w.here.list_secrets(
        Filters=[{"Key": "primary-region", "Values": ["!"]}, {"Values": ["no key"]}]
    ),
    ("ListSecrets", TOKEN): lambda w: w.here.list_secrets(NextToken="none"),
    ("PutResourcePolicy", PARAMETER): lambda w: w.here.put_resource_policy(
        SecretId="db", ResourcePolicy=ALL, PolicyName="other"
    ),
    ("PutResourcePolicy", "MalformedPolicyDocumentException"): lambda w: (
        w.here.put_resource_policy(SecretId="db", ResourcePolicy="{")
    ),
    ("PutResourcePolicy", "PublicPolicyException"): lambda w: w.here.put_resource_policy(
        SecretId="db", ResourcePolicy=ALL, BlockPublicPolicy=True
    ),
    ("PutSecretValue", PARAMETER): lambda w: w.here.put_secret_value(
        SecretId="db", SecretString="x", SecretBinary=b"x"
    ),
    ("PutSecretValue", LIMIT): lambda w: w.label(19).put_secret_value(
        SecretId="db", SecretString="x", VersionStages=["one more", "two more"]
    ),
    ("PutSecretValue", EXISTS): lambda w: w.here.put_secret_value(
        SecretId="db", SecretString="other", ClientRequestToken=w.token
    ),
    ("PutSecretValue", "EncryptionFailure"): lambda w: w.disable().put_secret_value(
        SecretId="db", SecretString="two"
    ),
    ("PutSecretValue", "DecryptionFailure"): lambda w: w.disable().put_secret_value(
        SecretId="db", SecretString="one", ClientRequestToken=w.token
    ),
    ("RemoveRegionsFromReplication", PARAMETER): lambda w: (
        w.replicate().remove_regions_from_replication(SecretId="db", RemoveReplicaRegions=[THERE])
    ),
    ("ReplicateSecretToRegions", PARAMETER): lambda w: w.here.replicate_secret_to_regions(
        SecretId="db", AddReplicaRegions=[{"Region": REGION}]
    ),
    ("RotateSecret", PARAMETER): lambda w: w.here.rotate_secret(
        SecretId="db",
        RotationLambdaARN=f"arn:aws:lambda:{REGION}:999999999999:function:f",
        RotationRules={"ScheduleExpression": "rate(1 hour)"},
    ),
    ("TagResource", PARAMETER): lambda w: w.here.tag_resource(SecretId="db", Tags=TAGS),
    ("UntagResource", PARAMETER): lambda w: w.here.untag_resource(SecretId="db", TagKeys=["aws:x"]),
    ("UpdateSecret", PARAMETER): lambda w: w.here.update_secret(
        SecretId="db", SecretString="x", SecretBinary=b"x"
    ),
    ("UpdateSecret", LIMIT): lambda w: w.label(19).update_secret(SecretId="db", SecretString="x"),
    ("UpdateSecret", EXISTS): lambda w: w.here.update_secret(
        SecretId="db", SecretString="other", ClientRequestToken=w.token
    ),
    ("UpdateSecret", "EncryptionFailure"): lambda w: w.disable().update_secret(
        SecretId="db", SecretString="two"
    ),
    ("UpdateSecret", "DecryptionFailure"): lambda w: w.disable().update_secret(
        SecretId="db", SecretString="one", ClientRequestToken=w.token
    ),
    ("UpdateSecretVersionStage", PARAMETER): lambda w: w.here.update_secret_version_stage(
        SecretId="db", VersionStage="AWSCURRENT", RemoveFromVersionId=w.token
    ),
    ("UpdateSecretVersionStage", LIMIT): lambda w: w.label(19).update_secret_version_stage(
        SecretId="db", VersionStage="one more", MoveToVersionId=w.token
    ),
}


def usual(operation, code):
    """What provokes an exception that most operations on one secret have."""
    if code not in (MISSING, REQUEST):
        return None
    more = MORE.get(operation, lambda w: {})

    def provoke(w):
        if code == REQUEST and operation == "RotateSecret":
            return w.here.rotate_secret(SecretId="db")
        if code == REQUEST and operation == "StopReplicationToReplica":
            return w.here.stop_replication_to_replica(SecretId="db")
        where = w.mark() if code == REQUEST else w.here
        name = "none" if code == MISSING else "db"
        return method(where, operation)(SecretId=name, **more(w))

    return provoke


def beyond(operation, code):
    """Why nothing provokes an exception."""
    return OWN_FAULT if code == "InternalServiceError" else BEYOND.get((operation, code))


SUITE = Suite("secretsmanager", CASES, usual, beyond)


@SUITE.each()
def test_it_is_raised(server, account, operation, code):
    assert SUITE.raised(operation, code, lambda: World(server, account))


def test_nothing_is_listed_that_is_not_documented():
    SUITE.is_exact(BEYOND)
