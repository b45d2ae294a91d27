"""Every exception that AWS's interface model documents of what is served of EventBridge: each is
provoked, or it is said why nothing can provoke it. A model that documents more fails the suite.
"""

import json

from conftest import REGION, client
from documented import IN_TURN, OWN_FAULT, Suite, method, race
from test_quotas import at, quota

QUEUE = f"arn:aws:sqs:{REGION}:111122223333:queue"
PATTERN = json.dumps({"source": ["orders"]})
PARTNER = "aws.partner/example.com/orders"
# Quotas, by their codes.
RULES, BUSES, RATE = "L-244521F2", "L-658A4FD9", "L-3C47459F"
CONNECTIONS, DESTINATIONS = "L-595D6D42", "L-FB1C3A6D"
MISSING, EXISTS = "ResourceNotFoundException", "ResourceAlreadyExistsException"
LIMIT, INVALID = "LimitExceededException", "InvalidEventPatternException"
DENIED, THROTTLED = "AccessDeniedException", "ThrottlingException"

# What nothing can provoke here, and why.
EVERYWHERE = {
    "ConcurrentModificationException": IN_TURN,
    "InternalException": OWN_FAULT,
    "ManagedRuleException": "for the rules of AWS's own services, which make none here",
    "OperationDisabledException": "for regions where AWS does not have the operation",
}
BEYOND = {
    ("CreateConnection", MISSING): "for private networks, to which nothing connects here",
    ("CreateEventBus", "InvalidStateException"): "partners' event sources can't be made here",
    ("UpdateApiDestination", LIMIT): "it makes nothing that is counted",
    ("UpdateConnection", LIMIT): "it makes nothing that is counted",
}


class World:
    """An account with a bus `b`, a rule `r`, a connection `c` and an API destination `d`."""

    def __init__(self, server, account):
        self.server, self.account = server, account
        self.events = client(server, "events", account=account)
        self.bus("b")
        self.rule("r")
        self.connection = self.connect("c")["ConnectionArn"]
        self.destination("d")

    def arn(self, rest):
        return f"arn:aws:events:{REGION}:{self.account}:{rest}"

    def bus(self, name, **more):
        return self.events.create_event_bus(Name=name, **more)

    def rule(self, name, **more):
        return self.events.put_rule(**{"Name": name, "EventPattern": PATTERN, **more})

    def connect(self, name, events=None):
        return (events or self.events).create_connection(
            Name=name,
            AuthorizationType="API_KEY",
            AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}},
        )

    def destination(self, name, **more):
        return self.events.create_api_destination(
            **{"Name": name, "ConnectionArn": self.connection, **more},
            InvocationEndpoint="https://hooks.example/",
            HttpMethod="POST",
        )

    def targets(self, count):
        targets = [{"Id": f"t{number}", "Arn": QUEUE} for number in range(count)]
        return self.events.put_targets(Rule="r", Targets=targets)

    def set(self, code, value=1):
        """The account has another value of a quota."""
        quota(self.server, self.account, "set", "events", code, str(value))
        return self

    def nobody(self):
        """A client of a user who may do nothing."""
        iam = client(self.server, "iam", account=self.account)
        iam.create_user(UserName="nobody")
        key = iam.create_access_key(UserName="nobody")["AccessKey"]
        name, secret = key["AccessKeyId"], key["SecretAccessKey"]
        return client(self.server, "events", account=name, secret=secret)

    def hurry(self, call):
        """Calls faster than once a second, by a client that does not wait when it is told to."""
        self.set(RATE)
        events = at(self.server, "events", self.account)
        for number in range(100):
            call(events, f"c{number}")


def statement(length):
    """A policy of some length."""
    allowed = {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": {"AWS": "111122223333"},
        "Action": "events:PutEvents",
        "Resource": "*",
        "Condition": {"StringEquals": {"events:source": "x" * length}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": allowed})


RULE = {"Rule": "none"}
BUS = {"EventBusName": "none"}
# What makes each operation name something that is not there, where that is more than its name.
NOT_THERE = {
    "CreateApiDestination": lambda w: {
        "Name": "new",
        "ConnectionArn": w.arn("connection/none/00000000-0000-4000-8000-000000000000"),
        "InvocationEndpoint": "https://hooks.example/",
        "HttpMethod": "POST",
    },
    "CreateEventBus": lambda w: {"Name": PARTNER, "EventSourceName": PARTNER},
    "DeleteRule": lambda w: {"Name": "r", **BUS},
    "ListRuleNamesByTarget": lambda w: {"TargetArn": QUEUE, **BUS},
    "ListRules": lambda w: BUS,
    "ListTagsForResource": lambda w: {"ResourceARN": w.arn("rule/none")},
    "ListTargetsByRule": lambda w: RULE,
    "PutPermission": lambda w: {"Policy": statement(1), **BUS},
    "PutRule": lambda w: {"Name": "r", "EventPattern": PATTERN, **BUS},
    "PutTargets": lambda w: {"Targets": [{"Id": "t", "Arn": QUEUE}], **RULE},
    "RemovePermission": lambda w: {"StatementId": "none"},
    "RemoveTargets": lambda w: {"Ids": ["t"], **RULE},
    "TagResource": lambda w: {
        "ResourceARN": w.arn("rule/none"),
        "Tags": [{"Key": "k", "Value": "v"}],
    },
    "UntagResource": lambda w: {"ResourceARN": w.arn("rule/none"), "TagKeys": ["k"]},
}
# What provokes the rest, by operation and exception.
CASES = {
    ("CreateApiDestination", EXISTS): lambda w: w.destination("d"),
    ("CreateApiDestination", LIMIT): lambda w: w.set(DESTINATIONS).destination("more"),
    ("CreateConnection", DENIED): lambda w: w.connect("more", w.nobody()),
    ("CreateConnection", EXISTS): lambda w: w.connect("c"),
    ("CreateConnection", LIMIT): lambda w: w.set(CONNECTIONS).connect("more"),
    ("CreateConnection", THROTTLED): lambda w: w.hurry(
        lambda events, name: w.connect(name, events)
    ),
    ("CreateEventBus", EXISTS): lambda w: w.bus("b"),
    ("CreateEventBus", LIMIT): lambda w: w.set(BUSES).bus("more"),
    ("PutPermission", "PolicyLengthExceededException"): lambda w: w.events.put_permission(
        EventBusName="b", Policy=statement(10_240)
    ),
    ("PutRule", INVALID): lambda w: w.rule("r", EventPattern='{"source": []}'),
    ("PutRule", LIMIT): lambda w: w.set(RULES).rule("more"),
    ("PutTargets", LIMIT): lambda w: w.targets(6),
    ("TestEventPattern", INVALID): lambda w: w.events.test_event_pattern(
        EventPattern='{"source": []}', Event="{}"
    ),
    ("UpdateConnection", DENIED): lambda w: w.nobody().update_connection(Name="c"),
    ("UpdateConnection", THROTTLED): lambda w: w.hurry(
        lambda events, _: events.update_connection(Name="c")
    ),
}


def usual(operation, code):
    """What provokes the exception of whatever names something that is not there."""
    if code != MISSING:
        return None
    named = NOT_THERE.get(operation, lambda w: {"Name": "none"})
    return lambda w: method(w.events, operation)(**named(w))


def beyond(operation, code):
    """Why nothing provokes an exception."""
    return EVERYWHERE.get(code) or BEYOND.get((operation, code))


SUITE = Suite("events", CASES, usual, beyond)


@SUITE.each()
def test_it_is_raised(server, account, operation, code):
    assert SUITE.raised(operation, code, lambda: World(server, account))


def test_nothing_is_listed_that_is_not_documented():
    SUITE.is_exact(BEYOND)


def test_what_all_cases_begin_with_is_right(server, account):
    """So that no case fails for what it has in common with the others."""
    w = World(server, account)
    assert w.targets(5)["FailedEntryCount"] == 0
    w.events.put_permission(EventBusName="b", Policy=statement(9_000))
    w.events.update_connection(Name="c")
    for code in (BUSES, RULES, CONNECTIONS, DESTINATIONS):
        w.set(code, 2)
    w.bus("more")
    w.rule("more")
    w.connect("more")
    w.destination("more")


def test_calls_that_race_are_made_in_turn(server, account):
    """Why no modification is told to be concurrent: what each of them sets is there."""
    w = World(server, account)
    rule = w.arn("rule/r")

    def tag(number):
        pair = {"Key": f"k{number}", "Value": "v"}
        w.events.tag_resource(ResourceARN=rule, Tags=[pair])
        return pair

    put = race(tag)
    listed = w.events.list_tags_for_resource(ResourceARN=rule)["Tags"]
    assert sorted(listed, key=str) == sorted(put, key=str)
