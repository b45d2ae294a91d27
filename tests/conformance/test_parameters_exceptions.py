"""Every exception that AWS's interface model documents of every operation of Parameter Store: each
is provoked, or it is said why nothing can provoke it. A model that documents more fails the suite.
"""

import json

from conftest import REGION, client
from documented import IN_TURN, OWN_FAULT, Suite, method, race
from test_quotas import quota

ADVANCED_PARAMETERS = "L-527D1CD8"
SETTING = "/ssm/parameter-store/default-parameter-tier"
MISSING, VERSION = "ParameterNotFound", "ParameterVersionNotFound"
KEY, TOKEN = "InvalidKeyId", "InvalidNextToken"
TYPE, ID = "InvalidResourceType", "InvalidResourceId"
FILTER_KEY, OPTION, FILTER_VALUE = "InvalidFilterKey", "InvalidFilterOption", "InvalidFilterValue"
PATTERN, ATTRIBUTE = "InvalidAllowedPatternException", "InvalidPolicyAttributeException"
RESOURCE = "ResourceNotFoundException"
REFUSED, STALE = "ResourcePolicyInvalidParameterException", "ResourcePolicyConflictException"
NO_POLICY, MALFORMED = "ResourcePolicyNotFoundException", "MalformedResourcePolicyDocumentException"
SETTING_MISSING = "ServiceSettingNotFound"

# AWS sends these without a text (recorded), or has no member for one in its model.
SILENT = {MISSING, ID, TYPE, "TooManyTagsError"}

# What nothing can provoke here, and why.
BEYOND = {
    ("DeleteResourcePolicy", MALFORMED): "it takes no policy",
    ("PutParameter", "HierarchyTypeMismatchException"): (
        "AWS lets a parameter's type change (recorded), and nothing else is known to raise it"
    ),
    ("PutParameter", "UnsupportedParameterType"): (
        "the model's own list of types comes first (recorded)"
    ),
}


class World:
    """An account with an advanced parameter `/p`, and `/s`, a secure string under a key."""

    def __init__(self, server, account):
        self.server, self.account = server, account
        self.ssm = client(server, "ssm", account=account)
        self.kms = client(server, account=account)
        self.key = self.kms.create_key()["KeyMetadata"]["KeyId"]
        self.put(Tier="Advanced")
        self.put(Name="/s", Type="SecureString", KeyId=self.key)
        document = {
            "Effect": "Allow",
            "Principal": {"AWS": account},
            "Action": "ssm:GetParameter",
            "Resource": self.arn(),
        }
        self.policy = json.dumps({"Version": "2012-10-17", "Statement": document})

    def put(self, **more):
        more = {"Name": "/p", "Value": "v", "Type": "String", **more}
        return self.ssm.put_parameter(**more)

    def put_policies(self, *policies):
        return self.put(Overwrite=True, Policies=f"[{','.join(policies)}]")

    def arn(self, name="p"):
        return f"arn:aws:ssm:{REGION}:{self.account}:parameter/{name}"

    def disable(self):
        """The key of `/s` is disabled."""
        self.kms.disable_key(KeyId=self.key)
        return self.ssm

    def labelled(self, count):
        self.ssm.label_parameter_version(Name="/p", Labels=[f"l{n}" for n in range(count)])
        return self.ssm

    def many_versions(self):
        """`/p` has as many versions as are kept, and the oldest has a label."""
        self.labelled(1)
        for _ in range(99):
            self.put(Overwrite=True)
        return self.put(Overwrite=True)

    def full(self):
        """The account has as many advanced parameters as it may."""
        quota(self.server, self.account, "set", "ssm", ADVANCED_PARAMETERS, "1")
        return self.put(Name="/q", Tier="Advanced")

    def share(self, **more):
        return self.ssm.put_resource_policy(
            **{"ResourceArn": self.arn(), "Policy": self.policy, **more}
        )

    def stale(self):
        """The id of the policy of `/p`, with a hash that is not its own."""
        return {"PolicyId": self.share()["PolicyId"], "PolicyHash": "0" * 64}


def tag(count):
    return [{"Key": f"k{number}", "Value": "v"} for number in range(count)]


def by(key="Type", values=("String",), **more):
    return {"ParameterFilters": [{"Key": key, "Values": list(values), **more}]}


def policy(kind, version="1.0", **attributes):
    return json.dumps({"Type": kind, "Version": version, "Attributes": attributes})


NONE_SUCH = {"PolicyId": "none", "PolicyHash": "0" * 64}
EXPIRATION = policy("Expiration", Timestamp="2999-01-01T00:00:00Z")
LATER = policy("Expiration", Timestamp="2999-01-02T00:00:00Z")
# What each operation needs beside the parameter's name or ARN to get as far as to that.
MORE = {
    "AddTagsToResource": {"Tags": tag(1)},
    "LabelParameterVersion": {"Labels": ["l"]},
    "RemoveTagsFromResource": {"TagKeys": ["k0"]},
    "UnlabelParameterVersion": {"Labels": ["l"], "ParameterVersion": 1},
    "DeleteResourcePolicy": NONE_SUCH,
    "PutResourcePolicy": {"Policy": '{"Version":"2012-10-17","Statement":[]}'},
    "UpdateServiceSetting": {"SettingValue": "Standard"},
}
# What provokes the rest, by operation and exception.
CASES = {
    ("AddTagsToResource", "TooManyTagsError"): lambda w: w.ssm.add_tags_to_resource(
        ResourceType="Parameter", ResourceId="/p", Tags=tag(51)
    ),
    ("DeleteResourcePolicy", STALE): lambda w: w.ssm.delete_resource_policy(
        ResourceArn=w.arn(), **w.stale()
    ),
    ("DeleteResourcePolicy", NO_POLICY): lambda w: w.ssm.delete_resource_policy(
        ResourceArn=w.arn(), **NONE_SUCH
    ),
    ("DescribeParameters", FILTER_KEY): lambda w: w.ssm.describe_parameters(**by("Label", ["l"])),
    ("DescribeParameters", OPTION): lambda w: w.ssm.describe_parameters(**by(Option="Contains")),
    ("DescribeParameters", FILTER_VALUE): lambda w: w.ssm.describe_parameters(
        **by("Tier", ["Gold"])
    ),
    ("DescribeParameters", TOKEN): lambda w: w.ssm.describe_parameters(NextToken="none"),
    ("GetParameter", KEY): lambda w: w.disable().get_parameter(Name="/s", WithDecryption=True),
    ("GetParameter", VERSION): lambda w: w.ssm.get_parameter(Name="/p:9"),
    ("GetParameterHistory", TOKEN): lambda w: w.ssm.get_parameter_history(
        Name="/p", NextToken="none"
    ),
    ("GetParameterHistory", KEY): lambda w: w.disable().get_parameter_history(
        Name="/s", WithDecryption=True
    ),
    ("GetParameters", KEY): lambda w: w.disable().get_parameters(
        Names=["/p", "/s"], WithDecryption=True
    ),
    ("GetParametersByPath", FILTER_KEY): lambda w: w.ssm.get_parameters_by_path(
        Path="/", **by("Name", ["/p"])
    ),
    ("GetParametersByPath", OPTION): lambda w: w.ssm.get_parameters_by_path(
        Path="/", **by(Option="Contains")
    ),
    ("GetParametersByPath", FILTER_VALUE): lambda w: w.ssm.get_parameters_by_path(
        Path="/", **by("Label", ["a", "b"])
    ),
    ("GetParametersByPath", KEY): lambda w: w.disable().get_parameters_by_path(
        Path="/", WithDecryption=True
    ),
    ("GetParametersByPath", TOKEN): lambda w: w.ssm.get_parameters_by_path(
        Path="/", NextToken="none"
    ),
    ("LabelParameterVersion", "ParameterVersionLabelLimitExceeded"): lambda w: (
        w.labelled(10).label_parameter_version(Name="/p", Labels=["more"])
    ),
    ("LabelParameterVersion", VERSION): lambda w: w.ssm.label_parameter_version(
        Name="/p", ParameterVersion=9, Labels=["l"]
    ),
    ("PutParameter", KEY): lambda w: w.put(Name="/q", Type="SecureString", KeyId="alias/none"),
    ("PutParameter", "ParameterLimitExceeded"): World.full,
    ("PutParameter", "ParameterAlreadyExists"): World.put,
    ("PutParameter", "HierarchyLevelLimitExceededException"): lambda w: w.put(
        Name="/" + "/".join("abcdefghijklmnop")
    ),
    ("PutParameter", PATTERN): lambda w: w.put(Name="/q", AllowedPattern="["),
    ("PutParameter", "ParameterMaxVersionLimitExceeded"): World.many_versions,
    ("PutParameter", "ParameterPatternMismatchException"): lambda w: w.put(
        Name="/q", AllowedPattern="[0-9]+"
    ),
    ("PutParameter", "PoliciesLimitExceededException"): lambda w: w.put_policies(
        *(policy("NoChangeNotification", After=str(n), Unit="Days") for n in range(1, 12))
    ),
    ("PutParameter", "InvalidPolicyTypeException"): lambda w: w.put_policies(policy("Other")),
    ("PutParameter", ATTRIBUTE): lambda w: w.put_policies(
        policy("NoChangeNotification", After="0", Unit="Days")
    ),
    ("PutParameter", "IncompatiblePolicyException"): lambda w: w.put_policies(EXPIRATION, LATER),
    ("PutResourcePolicy", REFUSED): lambda w: w.share(ResourceArn=w.arn("s")),
    ("PutResourcePolicy", "ResourcePolicyLimitExceededException"): lambda w: (
        w.share() and w.share()
    ),
    ("PutResourcePolicy", STALE): lambda w: w.share(**w.stale()),
    ("PutResourcePolicy", MALFORMED): lambda w: w.share(Policy="{}"),
    ("PutResourcePolicy", NO_POLICY): lambda w: w.share(**NONE_SUCH),
    ("UnlabelParameterVersion", VERSION): lambda w: w.ssm.unlabel_parameter_version(
        Name="/p", ParameterVersion=9, Labels=["l"]
    ),
}


def usual(operation, code):
    """What provokes an exception that several operations on one thing have."""
    wrong = {
        MISSING: lambda w: {"Name": "/none"},
        TYPE: lambda w: {"ResourceType": "Document", "ResourceId": "/p"},
        ID: lambda w: {"ResourceType": "Parameter", "ResourceId": "/none"},
        RESOURCE: lambda w: {"ResourceArn": w.arn("none")},
        REFUSED: lambda w: {"ResourceArn": "/named/without/an/arn"},
        SETTING_MISSING: lambda w: {"SettingId": "/ssm/parameter-store/none"},
    }.get(code)
    more = MORE.get(operation, {})
    return wrong and (lambda w: method(w.ssm, operation)(**wrong(w), **more))


def beyond(operation, code):
    """Why nothing provokes an exception."""
    everywhere = {"InternalServerError": OWN_FAULT, "TooManyUpdates": IN_TURN}
    return everywhere.get(code) or BEYOND.get((operation, code))


SUITE = Suite("ssm", CASES, usual, beyond)


@SUITE.each()
def test_it_is_raised(server, account, operation, code):
    text = SUITE.raised(operation, code, lambda: World(server, account))
    assert (text == "") == (code in SILENT), text


def test_nothing_is_listed_that_is_not_documented():
    SUITE.is_exact(BEYOND)


def test_what_all_cases_begin_with_is_right(server, account):
    """So that no case fails for what it has in common with the others."""
    w = World(server, account)
    assert w.ssm.get_parameter(Name="/s", WithDecryption=True)["Parameter"]["Value"] == "v"
    assert w.put_policies(EXPIRATION)["Version"] == 2
    known = w.share()
    changed = w.share(PolicyId=known["PolicyId"], PolicyHash=known["PolicyHash"])
    w.ssm.delete_resource_policy(
        ResourceArn=w.arn(), PolicyId=changed["PolicyId"], PolicyHash=changed["PolicyHash"]
    )
    shown = w.ssm.get_service_setting(SettingId=SETTING)["ServiceSetting"]
    assert shown["SettingValue"] == "Standard"


def test_calls_that_race_are_made_in_turn(server, account):
    """Why there are never too many updates: each of them is another version."""
    w = World(server, account)
    versions = race(lambda number: w.put(Value=str(number), Overwrite=True)["Version"])
    assert sorted(versions) == list(range(2, len(versions) + 2))
