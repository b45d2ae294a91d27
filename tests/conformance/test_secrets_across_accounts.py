"""Secrets replicated to another account, each side by an unmodified boto3 client of its own."""

import json
import re

import program
import pytest
from conftest import REGION, client
from expect import refused
from test_organizations import new_account

# How long a test waits for what comes soon.
SECONDS = 30
ABROAD = "InvalidParameterException"


def allow(account, action, **more):
    return {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": action,
        "Resource": "*",
        **more,
    }


def key(kms, owner, user):
    """A key of one account with which the other may encrypt, and no more."""
    document = {
        "Version": "2012-10-17",
        "Statement": [allow(owner, "kms:*"), allow(user, "kms:Encrypt")],
    }
    return kms.create_key(Policy=json.dumps(document))["KeyMetadata"]["Arn"]


class Pair:
    """A primary in one account, and a replica in the other that waits for it."""

    def __init__(self, server, here, there):
        self.here = client(server, "secretsmanager", account=here)
        self.there = client(server, "secretsmanager", account=there)
        self.kms = client(server, account=there)
        self.key = key(self.kms, there, here)
        self.primary = self.here.create_secret(Name="db", SecretString="one")["ARN"]
        self.replica = self.there.create_secret(
            Name="copy", CrossAccountPrimaryARN=self.primary, KmsKeyId=self.key
        )["ARN"]

    def associate(self, **more):
        more.setdefault("ReplicaRestriction", "NoRestriction")
        return self.here.associate_cross_account_replica(
            SecretId="db", CrossAccountReplicaARN=self.replica, **more
        )

    def text(self):
        return self.there.get_secret_value(SecretId="copy")["SecretString"]

    def standings(self):
        here = self.here.describe_secret(SecretId="db").get("CrossAccountReplicas", [{}])
        there = self.there.describe_secret(SecretId="copy").get("CrossAccountPrimary", {})
        return here[0].get("ReplicationStatus"), there.get("ReplicationStatus")


@pytest.fixture
def pair(server, account, other_account):
    return Pair(server, account, other_account)


def test_a_value_reaches_the_other_account_under_its_own_key(pair):
    assert pair.standings() == (None, "Pending")
    with refused("ResourceNotFoundException"):
        pair.text()
    answer = pair.associate()
    assert (answer["ARN"], answer["CrossAccountReplicaARN"]) == (pair.primary, pair.replica)
    assert answer["ReplicationStatus"] == "InProgress"
    assert pair.standings() == ("InSync", "InSync") and pair.text() == "one"
    pair.here.put_secret_value(SecretId="db", SecretString="two")
    assert pair.text() == "two"
    described = pair.there.describe_secret(SecretId="copy")
    assert described["CrossAccountPrimary"]["PrimarySecretARN"] == pair.primary
    assert described["KmsKeyId"] == pair.key
    [listed] = pair.there.list_secrets()["SecretList"]
    assert listed["ARN"] == pair.replica
    assert pair.associate()["ReplicationStatus"] == "InSync"


def test_a_key_that_is_disabled_fails_the_replica_and_not_the_primary(pair):
    pair.associate()
    pair.kms.disable_key(KeyId=pair.key)
    pair.here.put_secret_value(SecretId="db", SecretString="two")
    assert pair.here.get_secret_value(SecretId="db")["SecretString"] == "two"
    assert pair.standings() == ("Failed", "Failed")
    pair.kms.enable_key(KeyId=pair.key)
    assert pair.text() == "one"
    pair.associate()
    assert pair.standings() == ("InSync", "InSync") and pair.text() == "two"


def test_the_replica_is_read_only_until_it_stands_alone(pair):
    pair.associate()
    text = (
        "Operation not permitted on a cross-account replica secret. Call must be made on the "
        "primary secret."
    )
    for call, more in [
        (pair.there.put_secret_value, {"SecretString": "x"}),
        (pair.there.update_secret, {"Description": "x"}),
        (pair.there.rotate_secret, {}),
        (pair.there.replicate_secret_to_regions, {"AddReplicaRegions": [{"Region": "us-east-1"}]}),
    ]:
        with refused(ABROAD, text):
            call(SecretId="copy", **more)
    pair.there.tag_resource(SecretId="copy", Tags=[{"Key": "a", "Value": "b"}])
    with refused(ABROAD, re.compile(".*Stop its replication first.")):
        pair.there.delete_secret(SecretId="copy")
    with refused(ABROAD, re.compile(".*still has a cross-account replica .*")):
        pair.here.delete_secret(SecretId="db")
    names = [one["PolicyName"] for one in policies(pair)]
    assert names == ["cross-account-replication"]
    assert pair.there.stop_replication_to_replica(SecretId="copy")["ARN"] == pair.replica
    assert pair.standings() == ("Detached", None) and policies(pair) == []
    pair.there.put_secret_value(SecretId="copy", SecretString="own")
    pair.here.put_secret_value(SecretId="db", SecretString="two")
    assert pair.text() == "own"


def policies(pair):
    return pair.there.list_resource_policies(SecretId="copy")["ResourcePolicies"]


def test_the_primarys_account_ends_it(pair):
    pair.associate()
    ended = pair.here.disassociate_cross_account_replica(
        SecretId="db", CrossAccountReplicaARN=pair.replica
    )
    assert (ended["ARN"], ended["CrossAccountReplicaARN"]) == (pair.primary, pair.replica)
    assert pair.standings() == (None, "Detached")
    pair.here.put_secret_value(SecretId="db", SecretString="two")
    assert pair.text() == "one"
    with refused("InvalidRequestException"):
        pair.here.disassociate_cross_account_replica(
            SecretId="db", CrossAccountReplicaARN=pair.replica
        )
    with refused("ResourceNotFoundException"):
        pair.here.disassociate_cross_account_replica(
            SecretId="none", CrossAccountReplicaARN=pair.replica
        )
    with refused(ABROAD):
        pair.here.disassociate_cross_account_replica(
            SecretId="db", CrossAccountReplicaARN=pair.primary
        )
    pair.here.delete_secret(SecretId="db")


def test_documented_exceptions_of_an_association(server, pair):
    with refused("ResourceNotFoundException"):
        pair.here.associate_cross_account_replica(
            SecretId="none", CrossAccountReplicaARN=pair.replica
        )
    with refused(ABROAD):
        pair.here.associate_cross_account_replica(
            SecretId="db", CrossAccountReplicaARN=pair.primary
        )
    with refused("InvalidRequestException", re.compile(".*organization.*")):
        pair.associate(ReplicaRestriction="SameOrg")
    with refused("ValidationException"):
        pair.associate(ReplicaRestriction="Nobody")
    pair.kms.disable_key(KeyId=pair.key)
    with refused("InvalidRequestException", re.compile(".*is disabled.*")):
        pair.associate()
    assert pair.standings() == (None, "Pending")
    pair.kms.enable_key(KeyId=pair.key)
    pair.associate()
    second = pair.there.create_secret(
        Name="second", CrossAccountPrimaryARN=pair.primary, KmsKeyId=pair.key
    )["ARN"]
    with refused("LimitExceededException"):
        pair.here.associate_cross_account_replica(
            SecretId="db", CrossAccountReplicaARN=second, ReplicaRestriction="NoRestriction"
        )


def test_documented_exceptions_of_creating_a_replica(pair):
    more = {"Name": "other", "CrossAccountPrimaryARN": pair.primary, "KmsKeyId": pair.key}
    for wrong in [
        {"SecretString": "x"},
        {"SecretBinary": b"x"},
        {"Description": "x"},
        {"Type": "x"},
        {"AddReplicaRegions": [{"Region": "us-east-1"}]},
        {"KmsKeyId": "alias/aws/secretsmanager"},
        {"CrossAccountPrimaryARN": pair.replica},
        {"CrossAccountPrimaryARN": pair.primary.replace(REGION, "us-east-1")},
    ]:
        with refused(ABROAD):
            pair.there.create_secret(**{**more, **wrong})
    with refused("ResourceExistsException"):
        pair.there.create_secret(**{**more, "Name": "copy"})


def test_both_accounts_have_it_in_their_record(server, pair, account, other_account):
    pair.associate()
    for number in (account, other_account):
        trail = client(server, "cloudtrail", account=number)

        def found(name):
            by_name = [{"AttributeKey": "EventName", "AttributeValue": name}]
            events = trail.lookup_events(LookupAttributes=by_name)["Events"]
            return [json.loads(event["CloudTrailEvent"]) for event in events]

        [made] = found("AssociateCrossAccountReplica")
        assert made["recipientAccountId"] == number
        assert made["userIdentity"]["accountId"] == account
        assert {one["ARN"] for one in made["resources"]} >= {pair.replica}
        # What a service tells of itself is written down soon after the commit that it is of.
        for name in ("ReplicationStarted", "ReplicationSucceeded"):
            [ended] = program.wait_until(lambda: found(name), SECONDS, f"{name} is recorded")
        assert ended["eventType"] == "AwsServiceEvent"
        assert "one" not in json.dumps([made, ended]).split('"')


def assumed(server, account):
    """The roles that Secrets Manager assumed, as the account's record has it."""
    trail = client(server, "cloudtrail", account=account)
    attributes = [{"AttributeKey": "EventName", "AttributeValue": "AssumeRole"}]
    events = trail.lookup_events(LookupAttributes=attributes)["Events"]
    service = {"type": "AWSService", "invokedBy": "secretsmanager.amazonaws.com"}
    records = [json.loads(event["CloudTrailEvent"]) for event in events]
    assert all(record["userIdentity"] == service for record in records)
    return {record["requestParameters"]["roleArn"] for record in records}


def test_a_role_replicates_where_one_is_given(server, pair, iam, account):
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "secretsmanager.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                    "Condition": {"StringEquals": {"aws:SourceAccount": account}},
                }
            ],
        }
    )
    role = iam.create_role(RoleName="copier", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["kms:Encrypt"], "Resource": "*"}],
    }
    iam.put_role_policy(
        RoleName="copier", PolicyName="own", PolicyDocument=json.dumps(document)
    )
    pair.associate(ReplicationRoleARN=role)
    [entry] = pair.here.describe_secret(SecretId="db")["CrossAccountReplicas"]
    assert entry["ReplicationRoleARN"] == role and pair.text() == "one"
    assert assumed(server, account) == {role}
    pair.here.put_secret_value(SecretId="db", SecretString="two")
    assert pair.text() == "two"
    iam.delete_role_policy(RoleName="copier", PolicyName="own")
    pair.here.put_secret_value(SecretId="db", SecretString="three")
    assert pair.standings() == ("Failed", "Failed") and pair.text() == "two"


def test_accounts_of_one_organization_need_no_word_about_it(server, account):
    organizations = client(server, "organizations", account=account)
    organizations.create_organization(FeatureSet="ALL")
    pair = Pair(server, account, new_account(organizations))
    pair.associate(ReplicaRestriction="SameOrg")
    assert pair.text() == "one"
