"""Lambda's operations: functions, versions, aliases, policies, tags, and what each refuses."""

import base64
import hashlib
import json

import boto3
import pytest
from botocore.exceptions import ClientError
from conftest import client, new_key

import functions
from functions import ECHO, call, create, python

REGION = "us-east-1"


@pytest.fixture
def iam(server, account):
    return client(server, "iam", account=account)


@pytest.fixture
def awslambda(server, account):
    return client(server, "lambda", account=account, region=REGION)


@pytest.fixture
def role(iam):
    return functions.role(iam)


def refusal(operation, **parameters):
    with pytest.raises(ClientError) as caught:
        operation(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_function_is_made_read_and_deleted(awslambda, role, account):
    zipped = python(ECHO)
    made = awslambda.create_function(
        FunctionName="f",
        Runtime="python3.12",
        Role=role,
        Handler="main.handler",
        Code={"ZipFile": zipped},
        Description="echoes",
        Environment={"Variables": {"LEVEL": "debug"}},
        Tags={"team": "red"},
    )
    arn = f"arn:aws:lambda:{REGION}:{account}:function:f"
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["FunctionArn"] == arn and made["Version"] == "$LATEST"
    assert (made["State"], made["StateReasonCode"]) == ("Pending", "Creating")
    assert made["CodeSize"] == len(zipped)
    assert made["CodeSha256"] == base64.b64encode(hashlib.sha256(zipped).digest()).decode()
    awslambda.get_waiter("function_active_v2").wait(FunctionName="f")
    found = awslambda.get_function(FunctionName="f")
    assert found["Tags"] == {"team": "red"}
    configuration = found["Configuration"]
    assert configuration["State"] == "Active" and configuration["Role"] == role
    assert configuration["LastUpdateStatus"] == "Successful"
    assert configuration["Environment"] == {"Variables": {"LEVEL": "debug"}}
    assert (configuration["Timeout"], configuration["MemorySize"]) == (3, 128)
    for name in ["f", f"{account}:function:f", arn]:
        assert awslambda.get_function_configuration(FunctionName=name)["FunctionArn"] == arn
    listed = awslambda.list_functions()["Functions"]
    assert [function["FunctionName"] for function in listed] == ["f"]
    assert awslambda.get_function_code_signing_config(FunctionName="f")["FunctionName"] == "f"
    awslambda.delete_function(FunctionName="f")
    missing = ("ResourceNotFoundException", f"Function not found: {arn}")
    assert refusal(awslambda.get_function, FunctionName="f") == missing
    assert refusal(awslambda.delete_function, FunctionName="f") == missing
    assert refusal(awslambda.invoke, FunctionName="f") == missing
    assert awslambda.list_functions()["Functions"] == []


def test_lists_go_by_pages(awslambda, role):
    names = sorted(create(awslambda, role) for _ in range(5))
    pages = awslambda.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2})
    listed = [[one["FunctionName"] for one in page["Functions"]] for page in pages]
    assert listed == [names[:2], names[2:4], names[4:]]


class TestRoles:
    def test_a_role_must_trust_lambda(self, awslambda, iam, account):
        trust = json.loads(json.dumps(functions.TRUST).replace("lambda", "ec2"))
        text = "The role defined for the function cannot be assumed by Lambda."
        for role in [
            functions.role(iam, trust=trust),
            f"arn:aws:iam::{account}:role/nobody",
        ]:
            with pytest.raises(ClientError) as caught:
                create(awslambda, role)
            assert caught.value.response["Error"] == {
                "Code": "InvalidParameterValueException",
                "Message": text,
            }
            assert caught.value.response["Type"] == "User"

    def test_a_trust_policy_may_name_the_function(self, awslambda, iam, account):
        trust = json.loads(json.dumps(functions.TRUST))
        arn = f"arn:aws:lambda:{REGION}:{account}:function:f-*"
        trust["Statement"]["Condition"] = {
            "ArnLike": {"aws:SourceArn": arn},
            "StringEquals": {"aws:SourceAccount": account},
        }
        name = create(awslambda, functions.role(iam, trust=trust))
        assert call(awslambda, name, 1) == (1, None)

    def test_whoever_gives_a_role_must_be_allowed_to(self, server, awslambda, iam, role, account):
        iam.create_user(UserName="dev")
        allow = {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": allow})
        iam.put_user_policy(UserName="dev", PolicyName="p", PolicyDocument=policy)
        key = iam.create_access_key(UserName="dev")["AccessKey"]
        dev = client(
            server,
            "lambda",
            account=key["AccessKeyId"],
            secret=key["SecretAccessKey"],
            region=REGION,
        )
        with pytest.raises(ClientError) as caught:
            create(dev, role)
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        user = f"arn:aws:iam::{account}:user/dev"
        assert caught.value.response["Error"]["Message"] == (
            f"User: {user} is not authorized to perform: iam:PassRole on resource: {role} "
            "because no identity-based policy allows the iam:PassRole action"
        )
        passing = {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": role,
            "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow, passing]})
        iam.put_user_policy(UserName="dev", PolicyName="p", PolicyDocument=policy)
        assert call(dev, create(dev, role), "x") == ("x", None)


class TestSettings:
    def test_what_is_wrong_is_told_as_aws_does(self, awslambda, role):
        def refused(**settings):
            with pytest.raises(ClientError) as caught:
                create(awslambda, role, **settings)
            error = caught.value.response["Error"]
            return error["Code"], error["Message"]

        code, text = refused(Environment={"Variables": {"AWS_REGION": "x", "AA": "1"}})
        assert (code, text) == (
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided contains reserved keys that are currently not supported "
            "for modification. Reserved keys used in this request: AWS_REGION",
        )
        code, text = refused(Environment={"Variables": {"AA": "v" * 5000}})
        assert code == "InvalidParameterValueException" and "4KB limit" in text
        code, text = refused(Runtime="java21")
        assert code == "InvalidParameterValueException" and "'runtime' failed" in text
        code, text = refused(Timeout=901)
        assert (code, text) == (
            "ValidationException",
            "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: "
            "Member must have value less than or equal to 900",
        )
        code, text = refused(MemorySize=10241)
        assert code == "ValidationException" and "less than or equal to 10240" in text
        layer = "arn:aws:lambda:us-east-1:111122223333:layer:l:1"
        code, text = refused(Layers=[layer])
        assert code == "InvalidParameterValueException" and "Layers" in text

    def test_a_name_is_taken_once(self, awslambda, role):
        name = create(awslambda, role)
        settings = {"Runtime": "python3.12", "Handler": "m.h", "Code": {"ZipFile": python(ECHO)}}
        again = refusal(awslambda.create_function, FunctionName=name, Role=role, **settings)
        assert again == ("ResourceConflictException", f"Function already exist: {name}")

    def test_settings_are_changed_one_by_one(self, awslambda, role):
        name = create(awslambda, role, Description="a", Environment={"Variables": {"AA": "1"}})
        before = awslambda.get_function_configuration(FunctionName=name)
        update = awslambda.update_function_configuration
        changed = update(FunctionName=name, Timeout=7, RevisionId=before["RevisionId"])
        assert (changed["LastUpdateStatus"], changed["Timeout"]) == ("InProgress", 7)
        awslambda.get_waiter("function_updated_v2").wait(FunctionName=name)
        after = awslambda.get_function_configuration(FunctionName=name)
        assert after["RevisionId"] != before["RevisionId"] and after["Description"] == "a"
        assert after["Environment"] == {"Variables": {"AA": "1"}}
        stale = refusal(update, FunctionName=name, Timeout=8, RevisionId=before["RevisionId"])
        assert stale == (
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the "
            "GetFunction/GetAlias API to retrieve the latest Revision Id",
        )
        update(FunctionName=name, Environment={"Variables": {}})
        assert "Environment" not in awslambda.get_function_configuration(FunctionName=name)

    def test_new_code_runs_on_the_next_call(self, awslambda, role):
        name = create(awslambda, role)
        assert call(awslambda, name, 1) == (1, None)
        code = python("def handler(event, context): return 2")
        dry = awslambda.update_function_code(FunctionName=name, ZipFile=code, DryRun=True)
        assert dry["CodeSha256"] == base64.b64encode(hashlib.sha256(code).digest()).decode()
        assert call(awslambda, name, 1) == (1, None)
        awslambda.update_function_code(FunctionName=name, ZipFile=code)
        assert call(awslambda, name, 1) == (2, None)

    def test_variables_lie_under_a_key_of_kms(self, server, awslambda, iam, account):
        kms = client(server, account=account, region=REGION)
        key = new_key(kms)
        policy = {
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key},
        }
        variables = {"Variables": {"PASSWORD": "s3cret"}}
        code = "import os\ndef handler(event, context): return os.environ['PASSWORD']"
        settings = {"KMSKeyArn": key, "Environment": variables, "code": code}
        name = create(awslambda, functions.role(iam, policy), **settings)
        shown = awslambda.get_function_configuration(FunctionName=name)
        assert (shown["Environment"], shown["KMSKeyArn"]) == (variables, key)
        assert call(awslambda, name) == ("s3cret", None)
        # A role that may not decrypt them runs no function.
        poor = create(awslambda, functions.role(iam), **settings)
        code, text = refusal(awslambda.invoke, FunctionName=poor)
        assert code == "KMSAccessDeniedException" and "AccessDenied" in text
        kms.disable_key(KeyId=key)
        shown = awslambda.get_function_configuration(FunctionName=name)["Environment"]
        assert "Variables" not in shown and "Disabled" in shown["Error"]["ErrorCode"]
        awslambda.update_function_configuration(FunctionName=name, Timeout=9)
        assert refusal(awslambda.invoke, FunctionName=name)[0] == "KMSDisabledException"


class TestVersions:
    def test_a_version_stays_what_it_was(self, awslambda, role):
        name = create(awslambda, role, Description="first")
        one = awslambda.publish_version(FunctionName=name)
        arn = awslambda.get_function_configuration(FunctionName=name)["FunctionArn"]
        assert (one["Version"], one["FunctionArn"]) == ("1", f"{arn}:1")
        # Nothing changed: the same version again.
        assert awslambda.publish_version(FunctionName=name)["Version"] == "1"
        code = python("def handler(event, context): return 2")
        two = awslambda.update_function_code(FunctionName=name, ZipFile=code, Publish=True)
        assert two["Version"] == "2"
        assert call(awslambda, name, 1, Qualifier="1") == (1, None)
        assert call(awslambda, f"{arn}:2", 1) == (2, None)
        listed = awslambda.list_versions_by_function(FunctionName=name)["Versions"]
        assert [one["Version"] for one in listed] == ["$LATEST", "1", "2"]
        pages = awslambda.get_paginator("list_versions_by_function")
        pages = pages.paginate(FunctionName=name, PaginationConfig={"PageSize": 1})
        assert [len(page["Versions"]) for page in pages] == [1, 1, 1]
        awslambda.delete_function(FunctionName=name, Qualifier="1")
        gone = refusal(awslambda.invoke, FunctionName=name, Qualifier="1")
        assert gone == ("ResourceNotFoundException", f"Function not found: {arn}:1")
        awslambda.publish_version(FunctionName=name, Description="third")
        kept = refusal(awslambda.delete_function, FunctionName=name, Qualifier="$LATEST")
        assert kept[1] == "$LATEST version cannot be deleted without deleting the function."

    def test_publishing_can_ask_for_certain_code(self, awslambda, role):
        name = create(awslambda, role)
        sha = awslambda.get_function_configuration(FunctionName=name)["CodeSha256"]
        wrong = base64.b64encode(b"0" * 32).decode()
        refused = refusal(awslambda.publish_version, FunctionName=name, CodeSha256=wrong)
        assert refused == (
            "InvalidParameterValueException",
            f"CodeSHA256 ({wrong}) is different from current CodeSHA256 in $LATEST ({sha}). "
            "Please try again with the CodeSHA256 in $LATEST.",
        )
        assert awslambda.publish_version(FunctionName=name, CodeSha256=sha)["Version"] == "1"

    def test_aliases_stand_for_versions(self, awslambda, role):
        name = create(awslambda, role, code="def handler(event, context): return context.function_version")
        arn = awslambda.publish_version(FunctionName=name)["FunctionArn"].rsplit(":", 1)[0]
        awslambda.update_function_configuration(FunctionName=name, Description="x")
        awslambda.publish_version(FunctionName=name)
        made = awslambda.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
        assert made["AliasArn"] == f"{arn}:live"
        assert call(awslambda, name, Qualifier="live") == ("1", None)
        again = refusal(awslambda.create_alias, FunctionName=name, Name="live", FunctionVersion="1")
        assert again == ("ResourceConflictException", f"Alias already exists: {arn}:live")
        updated = awslambda.update_alias(
            FunctionName=name, Name="live", FunctionVersion="2", RevisionId=made["RevisionId"]
        )
        assert updated["RevisionId"] != made["RevisionId"]
        assert call(awslambda, f"{arn}:live") == ("2", None)
        split = {"AdditionalVersionWeights": {"1": 1.0}}
        awslambda.update_alias(FunctionName=name, Name="live", RoutingConfig=split)
        assert awslambda.get_alias(FunctionName=name, Name="live")["RoutingConfig"] == split
        assert call(awslambda, name, Qualifier="live") == ("1", None)
        held = refusal(awslambda.delete_function, FunctionName=name, Qualifier="1")
        assert held[0] == "ResourceConflictException" and "live" in held[1]
        awslambda.create_alias(FunctionName=name, Name="next", FunctionVersion="$LATEST")
        listed = awslambda.list_aliases(FunctionName=name)["Aliases"]
        assert [alias["Name"] for alias in listed] == ["live", "next"]
        listed = awslambda.list_aliases(FunctionName=name, FunctionVersion="2")["Aliases"]
        assert [alias["Name"] for alias in listed] == ["live"]
        awslambda.delete_alias(FunctionName=name, Name="live")
        awslambda.delete_alias(FunctionName=name, Name="live")
        gone = refusal(awslambda.get_alias, FunctionName=name, Name="live")
        assert gone == ("ResourceNotFoundException", f"Cannot find alias arn: {arn}:live")


class TestPermissions:
    def test_statements_come_and_go(self, awslambda, role, account):
        name = create(awslambda, role)
        arn = awslambda.get_function_configuration(FunctionName=name)["FunctionArn"]
        none = ("ResourceNotFoundException", "The resource you requested does not exist.")
        assert refusal(awslambda.get_policy, FunctionName=name) == none
        rule = f"arn:aws:events:{REGION}:{account}:rule/r"
        statement = awslambda.add_permission(
            FunctionName=name,
            StatementId="s",
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=rule,
            SourceAccount=account,
        )["Statement"]
        assert json.loads(statement) == {
            "Sid": "s",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "lambda:InvokeFunction",
            "Resource": arn,
            "Condition": {
                "StringEquals": {"AWS:SourceAccount": account},
                "ArnLike": {"AWS:SourceArn": rule},
            },
        }
        found = awslambda.get_policy(FunctionName=name)
        document = json.loads(found["Policy"])
        assert (document["Version"], document["Id"]) == ("2012-10-17", "default")
        assert document["Statement"] == [json.loads(statement)]
        add = {"FunctionName": name, "Action": "lambda:InvokeFunction"}
        again = refusal(awslambda.add_permission, StatementId="s", Principal=account, **add)
        assert again == (
            "ResourceConflictException",
            "The statement id (s) provided already exists. Please provide a new statement id, or "
            "remove the existing statement.",
        )
        nobody = f"arn:aws:iam::{account}:user/nobody"
        wrong = refusal(awslambda.add_permission, StatementId="t", Principal=nobody, **add)
        assert wrong == (
            "InvalidParameterValueException",
            "The provided principal was invalid. Please check the principal and try again.",
        )
        gone = refusal(awslambda.remove_permission, FunctionName=name, StatementId="t")
        assert gone[1] == "Statement t is not found in resource policy."
        awslambda.remove_permission(FunctionName=name, StatementId="s")
        assert refusal(awslambda.get_policy, FunctionName=name) == none
        gone = refusal(awslambda.remove_permission, FunctionName=name, StatementId="s")
        assert gone[1] == "No policy is associated with the given resource."

    def test_another_account_calls_by_the_functions_policy(
        self, server, awslambda, role, account, other_account
    ):
        name = create(awslambda, role)
        arn = awslambda.get_function_configuration(FunctionName=name)["FunctionArn"]
        other = client(server, "lambda", account=other_account, region=REGION)
        code, text = refusal(other.invoke, FunctionName=arn)
        assert code == "AccessDeniedException" and "lambda:InvokeFunction" in text
        # As much is heard of a function that is not there.
        assert refusal(other.invoke, FunctionName=arn + "x")[0] == "AccessDeniedException"
        awslambda.add_permission(
            FunctionName=name,
            StatementId="s",
            Action="lambda:InvokeFunction",
            Principal=other_account,
        )
        assert call(other, arn, 5) == (5, None)
        assert refusal(other.get_function, FunctionName=arn)[0] == "AccessDeniedException"
        assert refusal(other.delete_function, FunctionName=arn)[0] == "AccessDeniedException"

    def test_a_policy_has_its_limit(self, awslambda, role):
        name = create(awslambda, role)
        with pytest.raises(ClientError) as caught:
            for number in range(200):
                awslambda.add_permission(
                    FunctionName=name,
                    StatementId=f"{number}-{'s' * 90}",
                    Action="lambda:InvokeFunction",
                    Principal="events.amazonaws.com",
                )
        error = caught.value.response["Error"]
        assert error["Code"] == "PolicyLengthExceededException" and "(20480)" in error["Message"]


def test_tags_are_on_functions_alone(awslambda, role):
    name = create(awslambda, role, Tags={"a": "1"})
    arn = awslambda.get_function_configuration(FunctionName=name)["FunctionArn"]
    awslambda.tag_resource(Resource=arn, Tags={"b": "2", "a": "3"})
    assert awslambda.list_tags(Resource=arn)["Tags"] == {"a": "3", "b": "2"}
    awslambda.untag_resource(Resource=arn, TagKeys=["a", "c"])
    assert awslambda.list_tags(Resource=arn)["Tags"] == {"b": "2"}
    refused = refusal(awslambda.list_tags, Resource=f"{arn}:1")
    assert refused == (
        "InvalidParameterValueException",
        "Tags on function aliases and versions are not supported. Please specify a function ARN.",
    )
    too_many = {f"k{number}": "v" for number in range(50)}
    assert refusal(awslambda.tag_resource, Resource=arn, Tags=too_many)[1].endswith("50 tags.")


def test_concurrency_is_reserved(awslambda, role):
    name = create(awslambda, role)
    put = awslambda.put_function_concurrency
    put(FunctionName=name, ReservedConcurrentExecutions=0)
    assert awslambda.get_function(FunctionName=name)["Concurrency"] == {
        "ReservedConcurrentExecutions": 0
    }
    with pytest.raises(ClientError) as caught:
        awslambda.invoke(FunctionName=name)
    answer = caught.value.response
    assert answer["Error"] == {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}
    assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    awslambda.delete_function_concurrency(FunctionName=name)
    assert "ReservedConcurrentExecutions" not in awslambda.get_function_concurrency(
        FunctionName=name
    )
    assert call(awslambda, name, 1) == (1, None)
    settings = awslambda.get_account_settings()
    assert settings["AccountUsage"]["FunctionCount"] == 1
    assert settings["AccountLimit"]["CodeSizeUnzipped"] == 262144000


def test_paths_that_name_no_operation_are_unknown(server):
    awslambda = boto3.client("lambda", region_name=REGION)
    with pytest.raises(ClientError) as caught:
        awslambda.list_layers()
    answer = caught.value.response
    assert answer["Error"]["Code"] == "UnknownOperationException"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 404
