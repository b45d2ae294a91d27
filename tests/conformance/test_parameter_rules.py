"""Parameter Store's rules for requests: a row each, with AWS's refusal."""

import re
from collections import namedtuple

import boto3
import pytest
from botocore.config import Config
from conftest import REGION, client
from expect import matches

Rule = namedtuple("Rule", "operation input code text")

MISFORMED = (
    "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it "
    "can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of "
    "letters, numbers and the following 3 symbols .-_"
)
MISFORMED_PATH = (
    "The parameter doesn't meet the parameter name requirements. The parameter name must begin "
    "with a forward slash \"/\". It can't be prefixed with \\\"aws\\\" or \\\"ssm\\\" "
    "(case-insensitive). It must use only letters, numbers, or the following symbols: . (period), "
    "- (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, "
    "must use the forward slash symbol \"/\". Valid example: /get/parameters2-/by1./path0_."
)
SELECTOR = (
    "Invalid parameter name. Please use correct syntax for referencing a version/label  "
    "<name>:<version/label>"
)
QUALIFIED = "Parameter name must be a fully qualified name."
PLAIN_PREFIX = "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive)."
ENDS = "Parameter name must not end with slash."
LONG = "x" * 4097
ADVANCED_GUIDE = (
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/"
    "parameter-store-advanced-parameters.html"
)
EXPIRATION = '{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2999-01-01T00:00:00Z"}}'
PATTERN = "The syntax of the allowedPattern parameter is invalid."
ONE = "1 validation error detected: "
SECRET = "/aws/reference/secretsmanager/db"


def put(code, text, **input):
    whole = {"Name": "/new", "Value": "v", "Type": "String", **input}
    return Rule("put_parameter", {k: v for k, v in whole.items() if v is not None}, code, text)


def overwrite(code, text, **input):
    return put(code, text, **{"Name": "/there", "Overwrite": True, **input})


def policies(code, text, *list):
    joined = "[" + ",".join(list) + "]"
    return put(code, text, Tier="Advanced", Policies=joined)


def notification(**attributes):
    import json

    kind = "ExpirationNotification" if "Before" in attributes else "NoChangeNotification"
    return json.dumps({"Type": kind, "Version": "1.0", "Attributes": attributes})


def get(code, text, name, **more):
    return Rule("get_parameter", {"Name": name, **more}, code, text)


def path(code, text, path="/", **more):
    return Rule("get_parameters_by_path", {"Path": path, **more}, code, text)


def described(code, text, **filter):
    return Rule("describe_parameters", {"ParameterFilters": [filter]}, code, text)


V = "ValidationException"
POLICY = "InvalidPolicyAttributeException"

RULES = [
    # Names
    *[put(V, MISFORMED, Name=n) for n in ("a b", "/a//b", "/ä", "/a!", "a:1", "/ssm/a", "/SSMa/b")],
    *[put(V, MISFORMED, Name=n) for n in ("arn:aws:ssm:eu-central-1:111122223333:parameter/a", "//")],
    put(V, QUALIFIED, Name="a/b"),
    put(V, ENDS, Name="/a/"),
    put("AccessDeniedException", "No access to reserved parameter name: aws/test.", Name="/aws/test"),
    put("AccessDeniedException", "No access to reserved parameter name: AWS-x/y.", Name="/AWS-x/y"),
    put(V, PLAIN_PREFIX, Name="awsX"),
    put(V, PLAIN_PREFIX, Name="ssmX"),
    put("HierarchyLevelLimitExceededException", None, Name="/" + "/".join("abcdefghijklmnop")),
    put("AccessDeniedException", re.compile("User: .* ssm:PutParameter on resource: .*"), Name="n" * 964),
    put(V, re.compile(ONE + ".*length less than or equal to 2048"), Name="n" * 2049),
    put(V, re.compile(ONE + ".*length greater than or equal to 1"), Name=""),
    get(V, MISFORMED, "a/b"),
    get(V, MISFORMED, "/ssm/a"),
    get(V, MISFORMED, "a b"),
    get(V, SELECTOR, "/there:"),
    get(V, SELECTOR, "/there:1:2"),
    get("ParameterNotFound", "", "/none"),
    get("ParameterNotFound", "", "/none:1"),
    get("ParameterNotFound", "", "/aws/service/none"),
    get("ParameterNotFound", "", "arn:aws:ssm:eu-west-1:{account}:parameter/there"),
    get(
        V,
        "Secrets manager ARN reference should not be passed in the GetParameter(s) request, please "
        "refer to https://docs.aws.amazon.com/systems-manager/latest/userguide/"
        "integration-ps-secretsmanager.html",
        "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db",
    ),
    # References
    get(V, SELECTOR, SECRET + ":a:b"),
    get(V, "WithDecryption flag must be True for retrieving a Secret Manager secret.", SECRET),
    get(
        "ParameterNotFound",
        "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret "
        "aws/reference/secretsmanager/dbnull not found.",
        SECRET,
        WithDecryption=True,
    ),
    get(
        "ParameterNotFound",
        "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret "
        "aws/reference/secretsmanager/db:STAGE not found.",
        SECRET + ":STAGE",
        WithDecryption=True,
    ),
    # Values, types, tiers
    put(V, "A parameter type is required when you create a parameter.", Type=None),
    put(
        V,
        ONE + "Value 'BadType' at 'type' failed to satisfy constraint: Member must satisfy enum "
        "value set: [SecureString, StringList, String]",
        Type="BadType",
    ),
    put(
        V,
        ONE + "Value at 'value' failed to satisfy constraint: Member must have length greater than "
        "or equal to 1",
        Value="",
    ),
    put(V, re.compile(ONE + "Value 'Gold' at 'tier' failed to .* enum value set: .*"), Tier="Gold"),
    put(
        V,
        "Parameter value: '{{ssm:fixture}}' failed to satisfy constraint: Parameter value can't "
        'nest another parameter. Do not use "{{}}" in the value.',
        Value="{{ssm:fixture}}",
    ),
    put(
        V,
        "Standard tier parameters support a maximum parameter value of 4096 characters. To create "
        "a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For "
        f"more information, see {ADVANCED_GUIDE}",
        Value=LONG,
    ),
    put(
        V,
        "The specified parameter value is too large. Advanced-tier parameters support a maximum "
        "parameter value of 8192 characters.",
        Value="x" * 8193,
        Tier="Advanced",
    ),
    overwrite(
        V,
        "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
        "advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the "
        "advanced parameter and recreate it as a standard parameter. Be aware that standard "
        "parameters have a value limit of 4096 characters.",
        Name="/advanced",
        Tier="Standard",
    ),
    put(
        "ParameterAlreadyExists",
        "The parameter already exists. To overwrite this value, set the overwrite option in the "
        "request to true.",
        Name="/there",
    ),
    overwrite(
        V,
        "Invalid request: tags and overwrite can't be used together. To create a parameter with "
        "tags, please remove overwrite flag. To update tags for an existing parameter, please use "
        "AddTagsToResource or RemoveTagsFromResource.",
        Tags=[{"Key": "a", "Value": "b"}],
    ),
    put(V, None, Tags=[{"Key": "aws:a", "Value": "b"}]),
    put(V, None, Tags=[{"Key": "a", "Value": "b"}, {"Key": "a", "Value": "c"}]),
    put("TooManyTagsError", "", Tags=[{"Key": str(n), "Value": ""} for n in range(51)]),
    put(V, re.compile(ONE + "Value 'a b' at 'keyId' failed .*"), Type="SecureString", KeyId="a b"),
    put("InvalidKeyId", re.compile("Alias .* is not found. .*"), Type="SecureString", KeyId="alias/no"),
    # Patterns and data types
    *[put("InvalidAllowedPatternException", PATTERN, AllowedPattern=p) for p in ("[", "(?=a)", "a++")],
    put(
        "ParameterPatternMismatchException",
        "Parameter value, cannot be validated against allowedPattern: fixture-.*",
        AllowedPattern="fixture-.*",
    ),
    overwrite(
        "ParameterPatternMismatchException",
        "Parameter value, cannot be validated against allowedPattern: [0-9]+",
        Name="/numbers",
    ),
    put(
        V,
        "The following data type is not supported: bad. (Data type names are all lowercase.)",
        DataType="bad",
    ),
    put(
        V,
        "Parameters with data type: aws:ssm:integration must start with prefix: "
        "/d9d01087-4a3f-49e0-b0b4-d568d7826553/ssm/integrations",
        DataType="aws:ssm:integration",
    ),
    put(
        V,
        "The aws:ec2:image data type is not supported for the following input type: StringList",
        DataType="aws:ec2:image",
        Type="StringList",
    ),
    *[
        put(V, None, DataType=kind)
        for kind in "aws:region aws:account:id boolean integer float hostname_ email url json".split()
    ],
    # Policies
    put(
        V,
        "You can't assign parameter policies to a standard-parameter tier. You must upgrade the "
        f"parameter to use the advanced-parameter tier. For more information, see {ADVANCED_GUIDE}",
        Policies=f"[{EXPIRATION}]",
    ),
    put(V, "Invalid policies input: not-json.", Tier="Advanced", Policies="not-json"),
    policies("InvalidPolicyTypeException", "Policy type BadType is not supported.", '{"Type":"BadType"}'),
    policies(
        "PoliciesLimitExceededException",
        "Number of policies attached to a parameter cannot exceed 10",
        *(notification(After=str(n), Unit="Days") for n in range(1, 12)),
    ),
    policies(
        "IncompatiblePolicyException",
        "There can be only one expiration policy",
        EXPIRATION,
        EXPIRATION.replace("2999", "2998"),
    ),
    policies(
        "IncompatiblePolicyException",
        "Expiration notification policies are missing expiration policy",
        notification(Before="1", Unit="Days"),
    ),
    policies(POLICY, "Attribute After must be a positive integer.", notification(After="0", Unit="Days")),
    policies(
        POLICY,
        "Attribute After must be a positive integer smaller than 8760000 .",
        notification(After="0.5", Unit="Days"),
    ),
    policies(POLICY, "Supported time units: DAYS HOURS", notification(After="1", Unit="Weeks")),
    policies(POLICY, "Mandatory policy attribute Unit is missing.", notification(After="1")),
    policies(POLICY, "Unsupported policy version.", EXPIRATION.replace("1.0", "2.0")),
    policies(POLICY, "Invalid timestamp format", EXPIRATION.replace("2999-01-01T", "1 ")),
    policies(
        POLICY,
        "A valid Expiration policy must have an attribute of Timestamp.",
        EXPIRATION.replace("Timestamp", "Time"),
    ),
    # Batches
    Rule(
        "get_parameters",
        {"Names": [f"/{n}" for n in range(11)]},
        V,
        ONE + "Value '[/0, /1, /2, /3, /4, /5, /6, /7, /8, /9, /10]' at 'names' failed to satisfy "
        "constraint: Member must have length less than or equal to 10",
    ),
    Rule("get_parameters", {"Names": ["/there", "a/b"]}, V, MISFORMED),
    Rule(
        "delete_parameters",
        {"Names": [f"/{n}" for n in range(11)]},
        V,
        re.compile(ONE + ".*length less than or equal to 10"),
    ),
    Rule("delete_parameter", {"Name": "/none"}, "ParameterNotFound", ""),
    Rule("delete_parameter", {"Name": "a/b"}, V, MISFORMED),
    # Labels
    Rule(
        "label_parameter_version",
        {"Name": "/there", "Labels": ["x" * 101]},
        V,
        ONE + f"Value '[{'x' * 101}]' at 'labels' failed to satisfy constraint: Member must satisfy "
        "constraint: [Member must have length less than or equal to 100, Member must have length "
        "greater than or equal to 1]",
    ),
    *[
        Rule(
            operation,
            {"Name": "/there", "Labels": ["l"], "ParameterVersion": 99},
            "ParameterVersionNotFound",
            "Systems Manager could not find version 99 of /there. Verify the version and try again.",
        )
        for operation in ("label_parameter_version", "unlabel_parameter_version")
    ],
    Rule("label_parameter_version", {"Name": "/none", "Labels": ["l"]}, "ParameterNotFound", ""),
    Rule("get_parameter_history", {"Name": "/none"}, "ParameterNotFound", ""),
    Rule("get_parameter_history", {"Name": "/there", "MaxResults": 51}, V, re.compile(ONE + ".*")),
    # Lists
    *[path(V, MISFORMED_PATH, p) for p in ("a", "/a b", "/ssm", "/aws/a", "//")],
    path(V, re.compile(ONE + "Value '11' at 'maxResults' failed .*"), MaxResults=11),
    path(
        "InvalidFilterKey",
        "The following filter key is not valid: Name. Valid filter keys include: "
        "[Type, KeyId, Label].",
        ParameterFilters=[{"Key": "Name", "Values": ["a"]}],
    ),
    path(
        "InvalidFilterOption",
        "The following filter option is not valid: Contains. Valid options include: "
        "[BeginsWith, Equals].",
        ParameterFilters=[{"Key": "Type", "Option": "Contains", "Values": ["String"]}],
    ),
    path(
        "InvalidFilterOption",
        "The following filter option is not valid: BeginsWith. Valid options include: [Equals].",
        ParameterFilters=[{"Key": "Label", "Option": "BeginsWith", "Values": ["a"]}],
    ),
    path(
        "InvalidFilterValue",
        "The following filter Label can have only one value",
        ParameterFilters=[{"Key": "Label", "Values": ["a", "b"]}],
    ),
    described(
        "InvalidFilterValue",
        "The following filter values are missing : null for filter key Type.",
        Key="Type",
    ),
    described("InvalidFilterValue", None, Key="Tier", Values=["Gold"]),
    described("InvalidFilterKey", None, Key="Label", Values=["a"]),
    described("InvalidFilterOption", None, Key="Path", Option="Equals", Values=["/a"]),
    described(V, MISFORMED_PATH, Key="Path", Values=["a"]),
    described(V, re.compile(ONE + ".*regular expression pattern.*"), Key="Color", Values=["red"]),
    Rule(
        "describe_parameters",
        {"ParameterFilters": [{"Key": "Name", "Values": ["a"]}, {"Key": "Name", "Values": ["b"]}]},
        V,
        "The following filter is duplicated in the request: Name. A request can contain only one "
        "occurrence of a specific filter.",
    ),
    # Tags
    Rule(
        "list_tags_for_resource",
        {"ResourceType": "Parameter", "ResourceId": "/none"},
        "InvalidResourceId",
        "",
    ),
    Rule(
        "add_tags_to_resource",
        {"ResourceType": "Document", "ResourceId": "d", "Tags": [{"Key": "a", "Value": "b"}]},
        "InvalidResourceType",
        "",
    ),
    Rule(
        "remove_tags_from_resource",
        {"ResourceType": "Parameter", "ResourceId": "/none", "TagKeys": ["a"]},
        "InvalidResourceId",
        "",
    ),
]


@pytest.fixture(scope="module")
def prepared(server):
    """An account whose parameters the rules are about, and a client that checks nothing itself."""
    account = "000000300001"
    ssm = client(server, "ssm", account=account)
    ssm.put_parameter(Name="/there", Value="v", Type="String")
    ssm.put_parameter(Name="/advanced", Value="v", Type="String", Tier="Advanced")
    ssm.put_parameter(Name="/numbers", Value="1", Type="String", AllowedPattern="[0-9]+")
    unchecked = boto3.client(
        "ssm",
        endpoint_url=server.endpoint,
        region_name=REGION,
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=Config(parameter_validation=False),
    )
    before = ssm.describe_parameters()["Parameters"]
    yield unchecked, account
    # What was refused changed nothing.
    assert ssm.describe_parameters()["Parameters"] == before


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.operation}-{rule.code}")
def test_each_rule_has_its_refusal(prepared, rule):
    ssm, account = prepared
    input = dict(rule.input)
    if isinstance(input.get("Name"), str):
        input["Name"] = input["Name"].replace("{account}", account)
    with pytest.raises(ssm.exceptions.ClientError) as caught:
        getattr(ssm, rule.operation)(**input)
    answer = caught.value.response
    assert answer["Error"]["Code"] == rule.code, answer["Error"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    matches(answer["Error"].get("Message", ""), rule.text)


ACCEPTED = [
    {"Name": "n" * 963},
    {"Name": "/Level-1/L2/L3/L4/L5/L6/L7/L8/L9/L10/L11/L12/L13/L14/name"},
    {"Name": "/x.y-z_0"},
    {"Name": "/edge/standard", "Value": "x" * 4096},
    {"Name": "/edge/advanced", "Value": "x" * 8192, "Tier": "Advanced"},
    {"Name": "/tier/by/value", "Value": LONG, "Tier": "Intelligent-Tiering"},
    {"Name": "/tier/by/type", "Value": '{"a":1}', "DataType": "json", "Tier": "Intelligent-Tiering"},
    {"Name": "/policies/twice", "Tier": "Advanced", "Policies": f"[{EXPIRATION},{EXPIRATION}]"},
    {"Name": "/policies/none", "Tier": "Advanced", "Policies": "[{}]"},
    {"Name": "/image", "Value": "ami-12345678", "DataType": "aws:ec2:image"},
    {"Name": "/pattern/list", "Value": "a,b", "Type": "StringList", "AllowedPattern": "[a-z]"},
]


@pytest.mark.parametrize("input", ACCEPTED, ids=lambda input: input["Name"][:20])
def test_what_is_at_the_edge_is_taken(server, account, input):
    ssm = client(server, "ssm", account=account)
    whole = {"Value": "v", "Type": "String", **input}
    ssm.put_parameter(**whole)
    parameter = ssm.get_parameter(Name=input["Name"])["Parameter"]
    assert parameter["Value"] == whole["Value"]


def test_names_are_trimmed(server, account):
    ssm = client(server, "ssm", account=account)
    ssm.put_parameter(Name="  /a  ", Value="v", Type="String")
    assert ssm.get_parameter(Name=" /a ")["Parameter"]["Name"] == "/a"
