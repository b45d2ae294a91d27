"""Secrets Manager: values, versions and labels, lists, deletion."""

import json
import uuid
from datetime import datetime, timedelta, timezone

import boto3
import pytest
from botocore.config import Config
from conftest import REGION, client
from expect import refused

NOT_FOUND = "Secrets Manager can't find the specified secret."
MARKED = "You can't perform this operation on the secret because it was marked for deletion."


@pytest.fixture
def secrets(server, account):
    """Secrets Manager in an account of its own."""
    return client(server, "secretsmanager", account=account)


@pytest.fixture
def secret(secrets):
    """The ARN of a secret with the text `one`."""
    return secrets.create_secret(Name="app/db", SecretString="one")["ARN"]


def read(secrets, secret, **more):
    return secrets.get_secret_value(SecretId=secret, **more)["SecretString"]


def stages(secrets, secret):
    return secrets.describe_secret(SecretId=secret)["VersionIdsToStages"]


def token():
    return str(uuid.uuid4())


class TestCreating:
    def test_text(self, secrets, account):
        made = secrets.create_secret(Name="app/db", SecretString="one", Description="d")
        begin = f"arn:aws:secretsmanager:{REGION}:{account}:secret:app/db-"
        assert made["ARN"].startswith(begin) and len(made["ARN"]) == len(begin) + 6
        answer = secrets.get_secret_value(SecretId="app/db")
        assert (answer["ARN"], answer["Name"]) == (made["ARN"], "app/db")
        assert (answer["SecretString"], answer["VersionId"]) == ("one", made["VersionId"])
        assert answer["VersionStages"] == ["AWSCURRENT"]
        assert datetime.now(timezone.utc) - answer["CreatedDate"] < timedelta(minutes=2)
        assert "SecretBinary" not in answer

    def test_bytes(self, secrets):
        value = bytes(range(256)) * 256
        secrets.create_secret(Name="bytes", SecretBinary=value)
        answer = secrets.get_secret_value(SecretId="bytes")
        assert answer["SecretBinary"] == value and "SecretString" not in answer

    def test_the_longest_value(self, secrets):
        text = "ä" * 32_768
        secrets.create_secret(Name="long", SecretString="x" * 65_536)
        assert read(secrets, "long") == "x" * 65_536
        secrets.put_secret_value(SecretId="long", SecretString=text)
        assert read(secrets, "long") == text
        with refused("ValidationException"):
            secrets.put_secret_value(SecretId="long", SecretBinary=b"x" * 65_537)

    def test_without_a_value(self, secrets):
        made = secrets.create_secret(Name="empty")
        assert "VersionId" not in made
        described = secrets.describe_secret(SecretId="empty")
        del described["ResponseMetadata"]
        assert set(described) == {"ARN", "Name", "LastChangedDate", "CreatedDate"}
        with refused(
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
        ):
            secrets.get_secret_value(SecretId="empty")
        put = secrets.put_secret_value(
            SecretId="empty", SecretString="x", VersionStages=["AWSPENDING"]
        )
        assert sorted(put["VersionStages"]) == ["AWSCURRENT", "AWSPENDING"]

    def test_twice(self, secrets):
        first = token()
        made = secrets.create_secret(Name="a", SecretString="x", ClientRequestToken=first)
        again = secrets.create_secret(Name="a", SecretString="x", ClientRequestToken=first)
        assert (made["ARN"], made["VersionId"]) == (again["ARN"], again["VersionId"])
        with refused(
            "ResourceExistsException",
            f"You can't use ClientRequestToken {first} because that value is already in use for "
            f"a version of secret {made['ARN']}.",
        ):
            secrets.create_secret(Name="a", SecretString="y", ClientRequestToken=first)
        with refused(
            "ResourceExistsException",
            "The operation failed because the secret a already exists.",
        ):
            secrets.create_secret(Name="a", SecretString="x")

    def test_names(self, secrets):
        secrets.create_secret(Name="Invalid/_+=.@-Name-a1b2c3", SecretString="x")
        assert read(secrets, "Invalid/_+=.@-Name-a1b2c3") == "x"
        arn = secrets.describe_secret(SecretId="Invalid/_+=.@-Name-a1b2c3")["ARN"]
        assert read(secrets, arn) == "x"
        with refused("ResourceNotFoundException", NOT_FOUND):
            secrets.get_secret_value(SecretId=arn[: -len("-XXXXXX")])
        made = secrets.create_secret(Name="plain-a1b2c3-", SecretString="y")["ARN"]
        assert read(secrets, made[: -len("-XXXXXX")]) == "y"
        with refused(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of "
            "the following: -/_+=.@!",
        ):
            secrets.create_secret(Name="has space", SecretString="x")

    def test_a_value_is_of_one_kind(self, secrets):
        with refused("InvalidParameterException"):
            secrets.create_secret(Name="both", SecretString="x", SecretBinary=b"x")

    def test_a_request_needs_a_token(self, server, account):
        # botocore makes one up, unless it is told that there is one.
        bare = boto3.client(
            "secretsmanager",
            endpoint_url=server.endpoint,
            region_name=REGION,
            aws_access_key_id=account,
            aws_secret_access_key="test",
            config=Config(parameter_validation=False),
        )
        with refused(
            "InvalidRequestException",
            "You must provide a ClientRequestToken value. We recommend a UUID-type value.",
        ):
            bare.create_secret(Name="a", SecretString="x", ClientRequestToken=None)

    def test_keys(self, server, secrets, account):
        kms = client(server, account=account)
        key = kms.create_key()["KeyMetadata"]["Arn"]
        secrets.create_secret(Name="own", SecretString="x", KmsKeyId=key)
        assert secrets.describe_secret(SecretId="own")["KmsKeyId"] == key
        secrets.create_secret(Name="aws", SecretString="x", KmsKeyId="alias/aws/secretsmanager")
        assert "KmsKeyId" not in secrets.describe_secret(SecretId="aws")
        (version,) = secrets.list_secret_version_ids(SecretId="own")["Versions"]
        assert version["KmsKeyIds"] == [key]
        (version,) = secrets.list_secret_version_ids(SecretId="aws")["Versions"]
        assert version["KmsKeyIds"] == ["DefaultEncryptionKey"]
        kms.disable_key(KeyId=key)
        with refused("DecryptionFailure"):
            secrets.get_secret_value(SecretId="own")
        with refused("EncryptionFailure"):
            secrets.put_secret_value(SecretId="own", SecretString="y")
        with refused("EncryptionFailure"):
            secrets.create_secret(Name="new", SecretString="x", KmsKeyId="alias/none")


class TestVersions:
    def test_putting_moves_the_labels(self, secrets, secret):
        first = secrets.get_secret_value(SecretId=secret)["VersionId"]
        second = secrets.put_secret_value(SecretId=secret, SecretString="two")["VersionId"]
        assert stages(secrets, secret) == {first: ["AWSPREVIOUS"], second: ["AWSCURRENT"]}
        assert read(secrets, secret) == "two"
        assert read(secrets, secret, VersionStage="AWSPREVIOUS") == "one"
        assert read(secrets, secret, VersionId=first) == "one"
        with refused(
            "InvalidRequestException",
            "You provided a VersionStage that is not associated to the provided VersionId.",
        ):
            secrets.get_secret_value(SecretId=secret, VersionId=first, VersionStage="AWSCURRENT")
        missing = token()
        with refused(
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret value for VersionId: " + missing,
        ):
            secrets.get_secret_value(SecretId=secret, VersionId=missing)

    def test_own_labels(self, secrets, secret):
        first = secrets.get_secret_value(SecretId=secret)["VersionId"]
        put = secrets.put_secret_value(
            SecretId=secret, SecretString="two", VersionStages=["BLUE", "AWSPENDING"]
        )
        assert read(secrets, secret) == "one"
        secrets.put_secret_value(SecretId=secret, SecretString="three", VersionStages=["BLUE"])
        assert stages(secrets, secret)[put["VersionId"]] == ["AWSPENDING"]
        secrets.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSPENDING", RemoveFromVersionId=put["VersionId"]
        )
        listed = secrets.list_secret_version_ids(SecretId=secret)["Versions"]
        assert put["VersionId"] not in [version["VersionId"] for version in listed]
        listed = secrets.list_secret_version_ids(SecretId=secret, IncludeDeprecated=True)
        assert listed["Versions"][0]["VersionId"] == first and len(listed["Versions"]) == 3
        with refused("LimitExceededException"):
            secrets.put_secret_value(
                SecretId=secret,
                SecretString="many",
                VersionStages=[f"L{number}" for number in range(20)],
            )

    def test_moving_the_current_one(self, secrets, secret):
        first = secrets.get_secret_value(SecretId=secret)["VersionId"]
        put = secrets.put_secret_value(
            SecretId=secret, SecretString="two", VersionStages=["AWSPENDING"]
        )
        move = {"SecretId": secret, "VersionStage": "AWSCURRENT"}
        with refused(
            "InvalidParameterException",
            "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is "
            f"currently attached to version {first}, so you must explicitly reference that "
            "version in RemoveFromVersionId.",
        ):
            secrets.update_secret_version_stage(MoveToVersionId=put["VersionId"], **move)
        with refused("InvalidParameterException"):
            secrets.update_secret_version_stage(RemoveFromVersionId=first, **move)
        with refused("ResourceNotFoundException"):
            secrets.update_secret_version_stage(MoveToVersionId=token(), **move)
        secrets.update_secret_version_stage(
            MoveToVersionId=put["VersionId"], RemoveFromVersionId=first, **move
        )
        assert read(secrets, secret) == "two"
        assert read(secrets, secret, VersionStage="AWSPREVIOUS") == "one"

    def test_repeating_a_put(self, secrets, secret):
        one = {"SecretId": secret, "SecretString": "two", "ClientRequestToken": token()}
        secrets.put_secret_value(**one)
        secrets.put_secret_value(SecretId=secret, SecretString="three")
        assert secrets.put_secret_value(**one)["VersionStages"] == ["AWSPREVIOUS"]
        assert read(secrets, secret) == "three"
        with refused("ResourceExistsException"):
            secrets.put_secret_value(**one | {"SecretString": "other"})
        with refused("InvalidRequestException"):
            secrets.put_secret_value(SecretId=secret)

    def test_updating(self, secrets, secret):
        answer = secrets.update_secret(SecretId=secret, Description="new")
        assert "VersionId" not in answer
        answer = secrets.update_secret(SecretId=secret, SecretString="two")
        assert stages(secrets, secret)[answer["VersionId"]] == ["AWSCURRENT"]
        described = secrets.describe_secret(SecretId=secret)
        assert (described["Description"], read(secrets, secret)) == ("new", "two")
        used = {"ClientRequestToken": answer["VersionId"]}
        secrets.update_secret(SecretId=secret, SecretString="two", **used)
        with refused("ResourceExistsException"):
            secrets.update_secret(SecretId=secret, SecretString="three", **used)
        with refused("ResourceNotFoundException", NOT_FOUND):
            secrets.update_secret(SecretId="none", Description="x")

    def test_the_last_reading_is_a_day(self, secrets, secret):
        assert "LastAccessedDate" not in secrets.describe_secret(SecretId=secret)
        read(secrets, secret)
        accessed = secrets.describe_secret(SecretId=secret)["LastAccessedDate"]
        assert accessed.timestamp() % 86_400 == 0
        (version,) = secrets.list_secret_version_ids(SecretId=secret)["Versions"]
        assert version["LastAccessedDate"] == accessed


class TestDeleting:
    def test_a_window(self, secrets, secret):
        for days in (6, 31):
            with refused(
                "InvalidParameterException",
                "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
            ):
                secrets.delete_secret(SecretId=secret, RecoveryWindowInDays=days)
        with refused(
            "InvalidParameterException",
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        ):
            secrets.delete_secret(
                SecretId=secret, RecoveryWindowInDays=7, ForceDeleteWithoutRecovery=True
            )
        deleted = secrets.delete_secret(SecretId=secret)
        expected = datetime.now(timezone.utc) + timedelta(days=30)
        assert abs(deleted["DeletionDate"] - expected) < timedelta(minutes=2)
        assert "DeletedDate" in secrets.describe_secret(SecretId=secret)
        for call in (
            lambda: secrets.get_secret_value(SecretId=secret),
            lambda: secrets.put_secret_value(SecretId=secret, SecretString="x"),
            lambda: secrets.update_secret(SecretId=secret, Description="x"),
            lambda: secrets.tag_resource(SecretId=secret, Tags=[{"Key": "a", "Value": "b"}]),
            lambda: secrets.delete_secret(SecretId=secret),
        ):
            with refused("InvalidRequestException", MARKED):
                call()
        with refused(
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled "
            "for deletion.",
        ):
            secrets.create_secret(Name="app/db", SecretString="x")
        assert secrets.list_secrets()["SecretList"] == []
        (listed,) = secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]
        assert "DeletedDate" in listed
        secrets.restore_secret(SecretId=secret)
        secrets.restore_secret(SecretId=secret)
        assert read(secrets, secret) == "one"

    def test_at_once(self, secrets, secret):
        secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
        secrets.delete_secret(SecretId="app/db", ForceDeleteWithoutRecovery=True)
        with refused("ResourceNotFoundException", NOT_FOUND):
            secrets.delete_secret(SecretId="app/db")
        with refused("ResourceNotFoundException", NOT_FOUND):
            secrets.restore_secret(SecretId=secret)
        assert secrets.create_secret(Name="app/db", SecretString="two")["ARN"] != secret

    def test_the_window_ends(self, clock_server, account):
        secrets = client(clock_server, "secretsmanager", account=account)
        secrets.create_secret(Name="a", SecretString="x")
        secrets.delete_secret(SecretId="a", RecoveryWindowInDays=7)
        clock_server.advance("P6D")
        secrets.describe_secret(SecretId="a")
        clock_server.advance("P2D")
        with refused("ResourceNotFoundException", NOT_FOUND):
            secrets.describe_secret(SecretId="a")


class TestLists:
    @pytest.fixture
    def three(self, secrets):
        for name, text, team in [
            ("prod/db", "Orders database", "red"),
            ("prod/web", "Web key", "blue"),
            ("test/db", "Old", "red"),
        ]:
            secrets.create_secret(
                Name=name, Description=text, Tags=[{"Key": "team", "Value": team}]
            )

    def names(self, secrets, **asked):
        pages = secrets.get_paginator("list_secrets").paginate(**asked)
        return [secret["Name"] for page in pages for secret in page["SecretList"]]

    def test_pages_and_orders(self, secrets, three):
        assert self.names(secrets, SortBy="name") == ["prod/db", "prod/web", "test/db"]
        down = {"SortBy": "name", "SortOrder": "desc", "PaginationConfig": {"PageSize": 1}}
        assert self.names(secrets, **down) == ["test/db", "prod/web", "prod/db"]
        assert sorted(self.names(secrets)) == ["prod/db", "prod/web", "test/db"]
        secrets.put_secret_value(SecretId="prod/web", SecretString="x")
        read(secrets, "prod/web")
        for order in ("last-changed-date", "last-accessed-date"):
            assert self.names(secrets, SortBy=order)[0] == "prod/web"
        with refused("InvalidNextTokenException"):
            secrets.list_secrets(NextToken="nonsense")

    @pytest.mark.parametrize(
        "filters, wanted",
        [
            ({"name": ["prod"]}, ["prod/db", "prod/web"]),
            ({"name": ["!prod"]}, ["test/db"]),
            ({"name": ["prod"], "tag-value": ["red"]}, ["prod/db"]),
            ({"tag-key": ["te"]}, ["prod/db", "prod/web", "test/db"]),
            ({"description": ["orders"]}, ["prod/db"]),
            ({"all": ["web blue"]}, ["prod/web"]),
            ({"owning-service": ["rds"]}, []),
            ({"primary-region": ["eu"]}, []),
        ],
    )
    def test_filters(self, secrets, three, filters, wanted):
        filters = [{"Key": key, "Values": values} for key, values in filters.items()]
        assert self.names(secrets, SortBy="name", Filters=filters) == wanted

    def test_a_list_says_what_describe_says(self, secrets, secret):
        (listed,) = secrets.list_secrets()["SecretList"]
        described = secrets.describe_secret(SecretId=secret)
        del described["ResponseMetadata"]
        listed["VersionIdsToStages"] = listed.pop("SecretVersionsToStages")
        assert listed == described

    def test_many_values_at_once(self, secrets, secret):
        secrets.create_secret(Name="bytes", SecretBinary=b"\0")
        answer = secrets.batch_get_secret_value(SecretIdList=[secret, "bytes", "none"])
        first, second = answer["SecretValues"]
        assert (first["SecretString"], second["SecretBinary"]) == ("one", b"\0")
        assert answer["Errors"] == [
            {
                "SecretId": "none",
                "ErrorCode": "ResourceNotFoundException",
                "Message": NOT_FOUND,
            }
        ]
        named = [{"Key": "name", "Values": ["app"]}]
        answer = secrets.batch_get_secret_value(Filters=named)
        assert [value["Name"] for value in answer["SecretValues"]] == ["app/db"]
        with refused("InvalidParameterException"):
            secrets.batch_get_secret_value(Filters=named, SecretIdList=["app/db"])
        with refused("InvalidParameterException"):
            secrets.batch_get_secret_value()


class TestTags:
    def test_coming_and_going(self, secrets, secret):
        tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
        secrets.tag_resource(SecretId=secret, Tags=tags)
        secrets.tag_resource(SecretId=secret, Tags=[{"Key": "a", "Value": "3"}])
        assert secrets.describe_secret(SecretId=secret)["Tags"] == [
            {"Key": "a", "Value": "3"},
            {"Key": "b", "Value": "2"},
        ]
        secrets.untag_resource(SecretId=secret, TagKeys=["a", "none"])
        secrets.untag_resource(SecretId=secret, TagKeys=["b"])
        assert "Tags" not in secrets.describe_secret(SecretId=secret)
        for tags in (
            [{"Key": "aws:a", "Value": ""}],
            [{"Key": "a", "Value": ""}] * 2,
            [{"Key": str(number), "Value": ""} for number in range(51)],
        ):
            with refused("InvalidParameterException"):
                secrets.tag_resource(SecretId=secret, Tags=tags)
        with refused("ResourceNotFoundException", NOT_FOUND):
            secrets.untag_resource(SecretId="none", TagKeys=["a"])


class TestPasswords:
    def test_the_usual_one(self, secrets):
        password = secrets.get_random_password()["RandomPassword"]
        assert len(password) == 32 and " " not in password
        assert password != secrets.get_random_password()["RandomPassword"]

    def test_what_it_is_made_of(self, secrets):
        password = secrets.get_random_password(
            PasswordLength=500,
            ExcludeCharacters="abc0/@\"'\\",
            ExcludePunctuation=True,
            ExcludeUppercase=True,
            IncludeSpace=True,
        )["RandomPassword"]
        assert set(password) <= set("defghijklmnopqrstuvwxyz123456789 ")
        assert " " in password

    def test_what_can_not_be(self, secrets):
        with refused(
            "InvalidParameterException",
            "Password length is too short based on the required types.",
        ):
            secrets.get_random_password(PasswordLength=3)
        with refused("InvalidParameterException"):
            secrets.get_random_password(
                ExcludeLowercase=True,
                ExcludeUppercase=True,
                ExcludeNumbers=True,
                ExcludePunctuation=True,
            )
        with refused("ValidationException"):
            secrets.get_random_password(PasswordLength=4097)


class TestPolicies:
    def policy(self, principal, effect="Allow", **more):
        return json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": effect,
                    "Principal": principal,
                    "Action": "secretsmanager:GetSecretValue",
                    "Resource": "*",
                    **more,
                },
            }
        )

    def test_coming_and_going(self, secrets, secret, account):
        policy = self.policy({"AWS": f"arn:aws:iam::{account}:root"})
        assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId=secret)
        secrets.put_resource_policy(SecretId=secret, ResourcePolicy=policy)
        assert secrets.get_resource_policy(SecretId=secret)["ResourcePolicy"] == policy
        listed = secrets.list_resource_policies(SecretId=secret)
        assert listed["ResourcePolicies"] == [{"PolicyName": "default"}]
        secrets.delete_resource_policy(SecretId=secret)
        secrets.delete_resource_policy(SecretId=secret)
        assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId=secret)

    def test_a_denial(self, secrets, secret):
        policy = self.policy("*", effect="Deny")
        secrets.put_resource_policy(SecretId=secret, ResourcePolicy=policy)
        with refused("AccessDeniedException"):
            secrets.get_secret_value(SecretId=secret)

    def test_what_is_wrong_with_one(self, secrets, secret, account):
        with refused("MalformedPolicyDocumentException"):
            secrets.put_resource_policy(SecretId=secret, ResourcePolicy="{")
        nobody = self.policy({"AWS": f"arn:aws:iam::{account}:user/nobody"})
        with refused(
            "MalformedPolicyDocumentException",
            "This resource policy contains an unsupported principal.",
        ):
            secrets.put_resource_policy(SecretId=secret, ResourcePolicy=nobody)
        with refused("PublicPolicyException"):
            secrets.put_resource_policy(
                SecretId=secret, ResourcePolicy=self.policy("*"), BlockPublicPolicy=True
            )
        narrow = {"Condition": {"StringEquals": {"aws:PrincipalAccount": account}}}
        secrets.put_resource_policy(
            SecretId=secret, ResourcePolicy=self.policy("*", **narrow), BlockPublicPolicy=True
        )
        for policy, passes in [
            ("{", False),
            (nobody, False),
            (self.policy("*"), False),
            (self.policy("*", **narrow), True),
        ]:
            answer = secrets.validate_resource_policy(SecretId=secret, ResourcePolicy=policy)
            assert answer["PolicyValidationPassed"] is passes
            assert bool(answer["ValidationErrors"]) is not passes
        with refused("InvalidParameterException"):
            secrets.put_resource_policy(
                SecretId=secret, ResourcePolicy=self.policy("*"), PolicyName="other"
            )

    def test_another_account(self, server, secrets, account, other_account):
        other = client(server, "secretsmanager", account=other_account)
        # The other account must be there before a policy can name it.
        other.list_secrets()
        root = f"arn:aws:iam::{other_account}:root"
        kms = client(server, account=account)
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                    "Action": "kms:*",
                    "Resource": "*",
                },
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": root},
                    "Action": "kms:Decrypt",
                    "Resource": "*",
                },
            ],
        }
        key = kms.create_key(Policy=json.dumps(trust))["KeyMetadata"]["Arn"]
        shared = secrets.create_secret(Name="shared", SecretString="x", KmsKeyId=key)["ARN"]
        with refused("AccessDeniedException"):
            other.get_secret_value(SecretId=shared)
        secrets.put_resource_policy(
            SecretId=shared, ResourcePolicy=self.policy({"AWS": root})
        )
        assert read(other, shared) == "x"
        own = secrets.create_secret(Name="own", SecretString="x")["ARN"]
        secrets.put_resource_policy(SecretId=own, ResourcePolicy=self.policy({"AWS": root}))
        with refused("AccessDeniedException", "Access to KMS is not allowed"):
            other.get_secret_value(SecretId=own)


class TestReplicas:
    THERE = "us-east-1"

    @pytest.fixture
    def there(self, server, account):
        return client(server, "secretsmanager", account=account, region=self.THERE)

    def status(self, secrets, secret):
        (status,) = secrets.describe_secret(SecretId=secret)["ReplicationStatus"]
        return status

    def test_following(self, secrets, there):
        made = secrets.create_secret(
            Name="a", SecretString="one", AddReplicaRegions=[{"Region": self.THERE}]
        )
        assert made["ReplicationStatus"] == [
            {
                "Region": self.THERE,
                "KmsKeyId": "alias/aws/secretsmanager",
                "Status": "InProgress",
            }
        ]
        status = self.status(secrets, "a")
        assert (status["Status"], status["StatusMessage"]) == ("InSync", "Replication succeeded")
        assert read(there, "a") == "one"
        secrets.put_secret_value(SecretId="a", SecretString="two")
        assert (read(there, "a"), read(there, "a", VersionStage="AWSPREVIOUS")) == ("two", "one")
        described = there.describe_secret(SecretId="a")
        assert described["ARN"] == made["ARN"].replace(REGION, self.THERE)
        assert described["PrimaryRegion"] == REGION
        assert secrets.describe_secret(SecretId="a")["PrimaryRegion"] == REGION
        with refused(
            "InvalidParameterException",
            "Operation not permitted on a replica secret. Call must be made in primary secret's "
            "region.",
        ):
            there.put_secret_value(SecretId="a", SecretString="x")
        with refused(
            "InvalidParameterException",
            f"You can't delete secret {made['ARN']} that still has replica regions "
            f"[{self.THERE}].",
        ):
            secrets.delete_secret(SecretId="a")

    def test_ending(self, secrets, secret, there):
        regions = [{"Region": self.THERE}]
        secrets.replicate_secret_to_regions(SecretId=secret, AddReplicaRegions=regions)
        there.stop_replication_to_replica(SecretId="app/db")
        there.put_secret_value(SecretId="app/db", SecretString="own")
        assert (read(secrets, secret), read(there, "app/db")) == ("one", "own")
        with refused("InvalidRequestException"):
            there.stop_replication_to_replica(SecretId="app/db")
        secrets.replicate_secret_to_regions(SecretId=secret, AddReplicaRegions=regions)
        status = self.status(secrets, secret)
        text = f"Replication failed: Secret name app/db already exists in region {self.THERE}."
        assert (status["Status"], status["StatusMessage"]) == ("Failed", text)
        secrets.replicate_secret_to_regions(
            SecretId=secret, AddReplicaRegions=regions, ForceOverwriteReplicaSecret=True
        )
        assert read(there, "app/db") == "one"
        removed = secrets.remove_regions_from_replication(
            SecretId=secret, RemoveReplicaRegions=[self.THERE]
        )
        assert removed["ReplicationStatus"] == []
        with refused("ResourceNotFoundException", NOT_FOUND):
            there.get_secret_value(SecretId="app/db")
        with refused("InvalidParameterException"):
            secrets.replicate_secret_to_regions(
                SecretId=secret, AddReplicaRegions=[{"Region": REGION}]
            )


class TestRotation:
    FUNCTION = "arn:aws:lambda:eu-central-1:111122223333:function:none"

    def test_without_a_function(self, secrets, secret):
        with refused(
            "InvalidRequestException",
            "No Lambda rotation function ARN is associated with this secret.",
        ):
            secrets.rotate_secret(SecretId=secret)
        with refused(
            "AccessDeniedException",
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the "
            "function policy grants access to the principal secretsmanager.amazonaws.com.",
        ):
            secrets.rotate_secret(
                SecretId=secret,
                RotationLambdaARN=self.FUNCTION,
                RotationRules={"AutomaticallyAfterDays": 30},
            )
        assert "RotationEnabled" not in secrets.describe_secret(SecretId=secret)
        cancelled = secrets.cancel_rotate_secret(SecretId=secret)
        assert cancelled["ARN"] == secret and "VersionId" not in cancelled

    @pytest.mark.parametrize(
        "rules",
        [
            {"ScheduleExpression": "rate(1 hour)"},
            {"ScheduleExpression": "cron(5 8 * * ? *)"},
            {"ScheduleExpression": "rate(4 hours)", "Duration": "5h"},
            {"ScheduleExpression": "rate(1 day)", "AutomaticallyAfterDays": 1},
        ],
    )
    def test_what_is_no_schedule(self, secrets, secret, rules):
        with refused("InvalidParameterException"):
            secrets.rotate_secret(
                SecretId=secret, RotationLambdaARN=self.FUNCTION, RotationRules=rules
            )
