"""What Bulla does not serve gets a clear error of the caller's kind, never a 500."""

import boto3
import pytest
from botocore.exceptions import ClientError
from conftest import missing_id


def refusal(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    assert 400 <= answer["ResponseMetadata"]["HTTPStatusCode"] < 500, answer
    # A retry would not help, and clients must not think so.
    assert answer["ResponseMetadata"]["RetryAttempts"] == 0
    return answer["Error"]["Code"]


def test_an_operation_of_organizations_without_a_row(server):
    code = refusal(boto3.client("organizations").list_handshakes_for_account)
    assert code in {"UnknownOperationException", "UnsupportedOperationException"}


def test_an_operation_of_sts_without_a_row(sts):
    arn = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
    code = refusal(sts.assume_root, TargetPrincipal="111122223333", TaskPolicyArn={"arn": arn})
    assert code == "InvalidAction"


@pytest.mark.parametrize(
    "service, operation, parameters",
    [
        ("sqs", "list_queues", {}),
        ("dynamodb", "list_tables", {}),
        ("sns", "list_topics", {}),
        ("s3", "list_buckets", {}),
        ("ec2", "describe_instances", {}),
        ("apigateway", "get_rest_apis", {}),
        ("kinesis", "describe_stream", {"StreamName": missing_id()}),
    ],
)
def test_another_service(server, service, operation, parameters):
    refusal(getattr(boto3.client(service), operation), **parameters)
