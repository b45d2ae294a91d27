"""EventBridge: buses, rules, targets, tags and permissions, with each documented refusal."""

import json
import re

import pytest
from botocore.exceptions import ClientError
from conftest import REGION, client
from expect import refused

QUEUE = "arn:aws:sqs:eu-central-1:111122223333:queue"
PATTERN = json.dumps({"source": ["orders"]})
TOO_MANY = "The requested resource exceeds the maximum number allowed."


@pytest.fixture
def events(server, account):
    return client(server, "events", account=account)


def arn(account, rest):
    return f"arn:aws:events:{REGION}:{account}:{rest}"


def test_a_bus_is_made_shown_changed_and_deleted(events, account):
    made = events.create_event_bus(Name="orders", Tags=[{"Key": "team", "Value": "red"}])
    assert made["EventBusArn"] == arn(account, "event-bus/orders")
    events.update_event_bus(Name="orders", Description="of customers")
    shown = events.describe_event_bus(Name="orders")
    assert (shown["Name"], shown["Description"]) == ("orders", "of customers")
    assert shown["LastModifiedTime"] >= shown["CreationTime"]
    names = [bus["Name"] for bus in events.list_event_buses()["EventBuses"]]
    assert names == ["default", "orders"]
    tags = events.list_tags_for_resource(ResourceARN=made["EventBusArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "red"}]
    events.delete_event_bus(Name="orders")
    events.delete_event_bus(Name="orders")
    with refused("ResourceNotFoundException", "Event bus orders does not exist."):
        events.describe_event_bus(Name="orders")


def test_buses_are_refused_in_awss_words(events):
    events.create_event_bus(Name="orders")
    with refused("ResourceAlreadyExistsException", "Event bus orders already exists."):
        events.create_event_bus(Name="orders")
    with refused("ResourceAlreadyExistsException", "Event bus default already exists."):
        events.create_event_bus(Name="default")
    with refused("ValidationException", "Cannot delete event bus default."):
        events.delete_event_bus(Name="default")
    with refused("ResourceNotFoundException", "Event bus none does not exist."):
        events.update_event_bus(Name="none")
    with refused("ResourceNotFoundException", "Event bus none does not exist."):
        events.put_rule(Name="r", EventPattern=PATTERN, EventBusName="none")
    with refused("ResourceNotFoundException", "Event bus none does not exist."):
        events.list_rules(EventBusName="none")


def test_a_bus_takes_only_a_key_that_it_can_use(server, events, account):
    kms = client(server, "kms", account=account)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": account},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:SourceArn": arn(account, "event-bus/orders")}},
            },
        ],
    }
    key = kms.create_key(Policy=json.dumps(policy))["KeyMetadata"]
    made = events.create_event_bus(Name="orders", KmsKeyIdentifier=key["KeyId"])
    assert made["KmsKeyIdentifier"] == key["Arn"]
    assert events.describe_event_bus(Name="orders")["KmsKeyIdentifier"] == key["Arn"]
    with refused("AccessDeniedException") as caught:
        events.create_event_bus(Name="returns", KmsKeyIdentifier=key["KeyId"])
    text = caught.value.response["Error"]["Message"]
    assert text.startswith("Access to call kms:GenerateDataKey is denied. Reason: events.amazonaws")
    unknown = re.compile(
        r"Parameter Invalid keyId not-a-key \(Service: Kms, Status Code: 400, "
        r"Request ID: [0-9a-f-]{36}\) \(SDK Attempt Count: 1\) is not valid\."
    )
    with refused("ValidationException", unknown):
        events.update_event_bus(Name="orders", KmsKeyIdentifier="not-a-key")
    kms.disable_key(KeyId=key["KeyId"])
    disabled = f"Parameter kmsKeyIdentifier is not valid. Reason: {key['Arn']} is disabled."
    with refused("ValidationException", disabled):
        events.update_event_bus(Name="orders", KmsKeyIdentifier=key["Arn"])
    assert events.update_event_bus(Name="orders")["KmsKeyIdentifier"] == key["Arn"]
    assert "KmsKeyIdentifier" not in events.update_event_bus(Name="orders", KmsKeyIdentifier="")


def test_a_rule_is_made_shown_switched_and_deleted(events, account):
    made = events.put_rule(Name="r", EventPattern=PATTERN, Description="d")
    assert made["RuleArn"] == arn(account, "rule/r")
    shown = events.describe_rule(Name="r")
    del shown["ResponseMetadata"]
    assert shown == {
        "Name": "r",
        "Arn": made["RuleArn"],
        "EventPattern": PATTERN,
        "State": "ENABLED",
        "Description": "d",
        "EventBusName": "default",
        "CreatedBy": account,
    }
    events.disable_rule(Name="r")
    assert events.describe_rule(Name="r")["State"] == "DISABLED"
    events.enable_rule(Name="r")
    assert events.list_rules()["Rules"][0]["State"] == "ENABLED"
    events.delete_rule(Name="r")
    events.delete_rule(Name="r")
    text = "Rule r does not exist on EventBus default."
    for call in (events.describe_rule, events.enable_rule, events.disable_rule):
        with refused("ResourceNotFoundException", text):
            call(Name="r")


REFUSED_RULES = [
    ({}, "Parameter(s) EventPattern or ScheduleExpression must be specified."),
    ({"ScheduleExpression": "rate(1 minutes)"}, "Parameter ScheduleExpression is not valid."),
    ({"ScheduleExpression": "cron(* * * * * *)"}, "Parameter ScheduleExpression is not valid."),
    (
        {"ScheduleExpression": "rate(5 minutes)", "EventBusName": "orders"},
        "ScheduleExpression is supported only on the default event bus.",
    ),
]


@pytest.mark.parametrize("more, text", REFUSED_RULES, ids=range(len(REFUSED_RULES)))
def test_rules_are_refused_in_awss_words(events, more, text):
    events.create_event_bus(Name="orders")
    with refused("ValidationException", text):
        events.put_rule(Name="r", **more)


# Recorded by LocalStack's tests.
REFUSED_PATTERNS = [
    ('{"resources": []}', "Empty arrays are not allowed", 17),
    ('{"string": "my-value"}', '"string" must be an object or an array', 13),
    ('{"my_key": [{"EXISTS": true}]}', "Unrecognized match type EXISTS", 28),
    ('{"time": [{"prefix": 123}]}', "prefix match pattern must be a string", 25),
    (
        '{"detail": {"c-count": [{"numeric": [">", 0, ">", 0]}]}}',
        "Bad numeric range operator: >",
        49,
    ),
    ("[1]", "Filter is not an object", 2),
]


@pytest.mark.parametrize("pattern, reason, column", REFUSED_PATTERNS)
def test_patterns_are_refused_in_awss_words(events, pattern, reason, column):
    text = (
        f"Event pattern is not valid. Reason: {reason}\n"
        f' at [Source: (String)"{pattern}"; line: 1, column: {column}]'
    )
    with refused("InvalidEventPatternException", text):
        events.put_rule(Name="r", EventPattern=pattern)
    with refused("InvalidEventPatternException", text):
        events.test_event_pattern(EventPattern=pattern, Event="{}")


EVENT = {
    "id": "1",
    "account": "111122223333",
    "source": "orders",
    "time": "2026-01-01T00:00:00Z",
    "region": "eu-central-1",
    "detail-type": "Order Placed",
    "resources": ["arn:aws:x:::1"],
    "detail": {"amount": 12.5, "ip": "10.0.3.7", "items": [{"id": "a", "n": 1}, {"id": "b", "n": 2}]},
}

VERDICTS = [
    ({"source": ["orders", "returns"]}, True),
    ({"source": [{"prefix": "ord"}], "detail-type": [{"suffix": "Placed"}]}, True),
    ({"detail-type": [{"equals-ignore-case": "order placed"}]}, True),
    ({"detail": {"amount": [{"numeric": [">", 12, "<=", 12.5]}]}}, True),
    ({"detail": {"amount": [{"numeric": ["<", 12.5]}]}}, False),
    ({"detail": {"ip": [{"cidr": "10.0.0.0/16"}]}}, True),
    ({"detail": {"ip": [{"wildcard": "10.*.7"}]}}, True),
    ({"detail": {"ip": [{"anything-but": {"prefix": "10."}}]}}, False),
    ({"detail": {"gone": [{"exists": False}]}}, True),
    ({"detail": {"items": {"id": ["a"], "n": [2]}}}, False),
    ({"$or": [{"source": ["x"]}, {"detail": {"items": {"n": [2]}}}]}, True),
]


@pytest.mark.parametrize("pattern, verdict", VERDICTS, ids=range(len(VERDICTS)))
def test_a_pattern_is_tested(events, pattern, verdict):
    answer = events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(EVENT))
    assert answer["Result"] is verdict


def test_what_is_no_event_is_not_tested(events):
    for event in ("text", "{}", json.dumps({k: v for k, v in EVENT.items() if k != "account"})):
        with refused("ValidationException", "Parameter Event is not valid."):
            events.test_event_pattern(EventPattern=PATTERN, Event=event)


def test_targets_are_put_listed_and_removed(events):
    events.put_rule(Name="r", EventPattern=PATTERN)
    target = {
        "Id": "one",
        "Arn": QUEUE,
        "InputTransformer": {"InputPathsMap": {"s": "$.source"}, "InputTemplate": '"<s>"'},
        "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 60},
        "DeadLetterConfig": {"Arn": QUEUE},
        # Of a service that is not here: kept and shown all the same.
        "SqsParameters": {"MessageGroupId": "g"},
    }
    answer = events.put_targets(Rule="r", Targets=[target])
    assert (answer["FailedEntryCount"], answer["FailedEntries"]) == (0, [])
    assert events.list_targets_by_rule(Rule="r")["Targets"] == [target]
    assert events.list_rule_names_by_target(TargetArn=QUEUE)["RuleNames"] == ["r"]
    with refused("ValidationException", "Rule can't be deleted since it has targets."):
        events.delete_rule(Name="r")
    answer = events.remove_targets(Rule="r", Ids=["one"])
    assert (answer["FailedEntryCount"], answer["FailedEntries"]) == (0, [])
    assert events.list_rule_names_by_target(TargetArn=QUEUE)["RuleNames"] == []


def test_targets_are_refused_in_awss_words(events):
    events.put_rule(Name="r", EventPattern=PATTERN)
    six = [{"Id": str(number), "Arn": QUEUE} for number in range(6)]
    with refused("LimitExceededException", TOO_MANY):
        events.put_targets(Rule="r", Targets=six)
    text = "Parameter queue is not valid. Reason: Provided Arn is not in correct format."
    with refused("ValidationException", text):
        events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": "queue"}])
    for call in (
        lambda: events.put_targets(Rule="none", Targets=[{"Id": "t", "Arn": QUEUE}]),
        lambda: events.remove_targets(Rule="none", Ids=["t"]),
        lambda: events.list_targets_by_rule(Rule="none"),
    ):
        with refused("ResourceNotFoundException", "Rule none does not exist on EventBus default."):
            call()


def test_lists_come_in_pages(events):
    for number in range(12):
        events.put_rule(Name=f"r{number:02}", EventPattern=PATTERN)
    first = events.list_rules(Limit=5)
    second = events.list_rules(Limit=5, NextToken=first["NextToken"])
    last = events.list_rules(Limit=5, NextToken=second["NextToken"])
    assert "NextToken" not in last
    names = [rule["Name"] for page in (first, second, last) for rule in page["Rules"]]
    assert names == [f"r{number:02}" for number in range(12)]
    prefixed = events.list_rules(NamePrefix="r1")["Rules"]
    assert [rule["Name"] for rule in prefixed] == ["r10", "r11"]


def test_rules_have_tags(events):
    rule = events.put_rule(Name="r", EventPattern=PATTERN)["RuleArn"]
    events.tag_resource(ResourceARN=rule, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    events.tag_resource(ResourceARN=rule, Tags=[{"Key": "a", "Value": "3"}])
    events.untag_resource(ResourceARN=rule, TagKeys=["b", "c"])
    assert events.list_tags_for_resource(ResourceARN=rule)["Tags"] == [{"Key": "a", "Value": "3"}]
    bus = events.create_event_bus(Name="orders")["EventBusArn"]
    # Recorded by LocalStack's tests.
    for gone, text in (
        (f"{rule}x", "Rule rx does not exist on EventBus default."),
        (rule.replace("/r", "/orders/r"), "Rule r does not exist on EventBus orders."),
        (rule.replace("/r", "/none/r"), "Event bus none does not exist."),
        (f"{bus}x", "Event bus ordersx does not exist."),
    ):
        for call in (
            lambda: events.tag_resource(ResourceARN=gone, Tags=[{"Key": "a", "Value": "1"}]),
            lambda: events.untag_resource(ResourceARN=gone, TagKeys=["a"]),
            lambda: events.list_tags_for_resource(ResourceARN=gone),
        ):
            with refused("ResourceNotFoundException", text):
                call()


def test_permissions_let_other_accounts_in(server, events, account, other_account):
    bus = arn(account, "event-bus/default")
    entry = {"Source": "s", "DetailType": "d", "Detail": "{}", "EventBusName": bus}
    foreign = client(server, "events", account=other_account)
    with refused("AccessDeniedException"):
        foreign.put_events(Entries=[entry])
    events.put_permission(Action="events:PutEvents", Principal=other_account, StatementId="them")
    (statement,) = json.loads(events.describe_event_bus()["Policy"])["Statement"]
    assert statement == {
        "Sid": "them",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{other_account}:root"},
        "Action": "events:PutEvents",
        "Resource": bus,
    }
    assert foreign.put_events(Entries=[entry])["FailedEntryCount"] == 0
    with refused("ResourceNotFoundException", "Statement with the provided id does not exist."):
        events.remove_permission(StatementId="none")
    events.remove_permission(StatementId="them")
    assert "Policy" not in events.describe_event_bus()
    with refused("AccessDeniedException"):
        foreign.put_events(Entries=[entry])
    with refused("ResourceNotFoundException", "Event bus none does not exist."):
        events.put_permission(EventBusName="none", Policy="{}")


def test_connections_and_destinations_are_made_changed_and_deleted(events):
    basic = {"BasicAuthParameters": {"Username": "ann", "Password": "secret-word"}}
    connection = events.create_connection(
        Name="c", AuthorizationType="BASIC", AuthParameters=basic
    )
    assert connection["ConnectionState"] == "AUTHORIZED"
    shown = events.describe_connection(Name="c")
    assert shown["AuthParameters"] == {"BasicAuthParameters": {"Username": "ann"}}
    assert "secret-word" not in json.dumps(shown, default=str)
    with refused("ResourceAlreadyExistsException", "Connection c already exists."):
        events.create_connection(Name="c", AuthorizationType="BASIC", AuthParameters=basic)
    destination = {
        "Name": "d",
        "ConnectionArn": connection["ConnectionArn"],
        "InvocationEndpoint": "https://hooks.example/*",
        "HttpMethod": "POST",
    }
    made = events.create_api_destination(**destination, InvocationRateLimitPerSecond=7)
    assert made["ApiDestinationState"] == "ACTIVE"
    with refused("ResourceAlreadyExistsException", "An api-destination d already exists."):
        events.create_api_destination(**destination)
    events.update_api_destination(Name="d", HttpMethod="PUT", Description="x")
    shown = events.describe_api_destination(Name="d")
    assert (shown["HttpMethod"], shown["InvocationRateLimitPerSecond"]) == ("PUT", 7)
    assert events.list_api_destinations()["ApiDestinations"][0]["Name"] == "d"
    events.update_connection(Name="c", Description="y")
    assert events.list_connections(NamePrefix="c")["Connections"][0]["Name"] == "c"
    gone = events.deauthorize_connection(Name="c")
    assert gone["ConnectionState"] == "DEAUTHORIZED"
    assert events.describe_api_destination(Name="d")["ApiDestinationState"] == "INACTIVE"
    events.delete_api_destination(Name="d")
    assert events.delete_connection(Name="c")["ConnectionState"] == "DELETING"
    # Recorded by LocalStack's tests.
    connection = "Failed to describe the connection(s). Connection 'c' does not exist."
    destination = (
        "Failed to describe the api-destination(s). An api-destination 'c' does not exist."
    )
    for call, text in (
        (events.describe_connection, connection),
        (events.delete_connection, connection),
        (events.describe_api_destination, destination),
        (events.delete_api_destination, destination),
    ):
        with refused("ResourceNotFoundException", text):
            call(Name="c")


def test_entries_fail_one_by_one(events):
    good = {"Source": "s", "DetailType": "d", "Detail": "{}"}
    answer = events.put_events(
        Entries=[
            good,
            {**good, "Detail": "no json"},
            {"DetailType": "d", "Detail": "{}"},
            {**good, "Source": "aws.kms"},
            {**good, "EventBusName": "none"},
        ]
    )
    assert answer["FailedEntryCount"] == 3
    codes = [entry.get("ErrorCode") for entry in answer["Entries"]]
    assert codes == [None, "MalformedDetail", "InvalidArgument", "NotAuthorizedForSource", None]
    text = "Total size of the entries in the request is over the limit."
    with refused("ValidationException", text):
        events.put_events(Entries=[{**good, "Detail": json.dumps({"x": "y" * 270_000})}])
    with pytest.raises(ClientError, match="less than or equal to 10"):
        events.put_events(Entries=[good] * 11)


def test_rules_per_bus_are_limited(clean_environment):
    import program

    with program.Server("dev", "--quota", "rules-per-bus=2") as server:
        events = client(server, "events")
        for name in ("a", "b", "a"):
            events.put_rule(Name=name, EventPattern=PATTERN)
        with refused("LimitExceededException", TOO_MANY):
            events.put_rule(Name="c", EventPattern=PATTERN)
