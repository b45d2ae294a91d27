"""Every exception that AWS's interface model documents of the operations of Lambda that are served:
each is provoked, or it is said why nothing can provoke it. A model that documents more fails the
suite."""

import json

from conftest import client
from documented import OWN_FAULT, Suite, method

import functions

REGION = "us-east-1"
WRONG, MISSING = "InvalidParameterValueException", "ResourceNotFoundException"
CONFLICT, STALE = "ResourceConflictException", "PreconditionFailedException"
# What no operation here can come to, and why.
NOT_SERVED = {
    "CodeArtifactUser": "package repositories", "CodeSigningConfig": "code signing",
    "CodeVerification": "code signing", "InvalidCodeSignature": "code signing",
    "EC2": "private networks", "ENI": "private networks", "Subnet": "private networks",
    "InvalidSubnet": "private networks", "InvalidSecurityGroup": "private networks",
    "EFS": "file systems", "S3Files": "file systems", "SnapStart": "snapshots",
    "DurableExecution": "durable executions", "FunctionVersionsPerCapacity": "capacity providers",
    "ModeNotSupported": "capacity providers", "NoPublishedVersion": "capacity providers",
    "RuntimeAlias": "managed runtimes", "RuntimeVersion": "managed runtimes",
    "RecursiveInvocation": "the detection of loops", "ServiceQuotaExceeded": "capacity providers",
    "AliasLimitExceeded": "a thousand aliases", "CodeStorageExceeded": "many large archives",
    "PublicPolicy": "the blocking of public policies",
    "SerializedRequestEntity": "durable executions",
}
SERVED = {
    "ServiceException": OWN_FAULT,
    "UnsupportedMediaTypeException": "payloads have one form",
    "ResourceNotReadyException": "functions can be called at once",
    "InvalidZipFileException": "archives are read when they come",
    "InvalidRuntimeException": "a machine without an interpreter",
    "KMSNotFoundException": "a key that is gone was pending its deletion for a week",
}
NO_VALUE = "no value of its parameters gets as far as that"
# Of all operations Invoke alone is held back by something that a test can bring about.
RATES = "AWS's request rates, which tests of their own exceed"


def beyond(operation, code):
    """Why nothing provokes an exception."""
    reasons = [why for begin, why in NOT_SERVED.items() if code.startswith(begin)]
    if code == "TooManyRequestsException" and operation != "Invoke":
        reasons.append(RATES)
    if (operation, code) in BEYOND:
        reasons.append(NO_VALUE)
    return SERVED.get(code) or (reasons[0] if reasons else None)


class World:
    """An account with a function `f`."""

    def __init__(self, server, account):
        self.aws = client(server, "lambda", account=account, region=REGION)
        iam = client(server, "iam", account=account)
        self.kms = client(server, account=account, region=REGION)
        self.key = self.kms.create_key()["KeyMetadata"]["Arn"]
        allow = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
        self.policy = {"Version": "2012-10-17", "Statement": allow}
        self.iam, self.role = iam, functions.role(iam, self.policy)
        self.create("f")

    def create(self, name, code=functions.ECHO, **more):
        zipped = code if isinstance(code, bytes) else functions.python(code)
        settings = {"Runtime": "python3.12", "Handler": "main.handler", "Role": self.role, **more}
        return self.aws.create_function(FunctionName=name, Code={"ZipFile": zipped}, **settings)

    def alias(self, name="a", **more):
        more = {"FunctionVersion": "$LATEST", **more}
        return self.aws.create_alias(FunctionName="f", Name=name, **more)

    def permit(self, **more):
        more = {"StatementId": "s", "Principal": "events.amazonaws.com", **more}
        return self.aws.add_permission(
            FunctionName="f", Action="lambda:InvokeFunction", **more
        )

    def sealed(self, then):
        """Calls a function whose variables are under a key to which something happened."""
        variables = {"Variables": {"LEVEL": "1"}}
        self.create("sealed", Environment=variables, KMSKeyArn=self.key)
        then(self)
        return self.aws.invoke(FunctionName="sealed")

    def deny(self):
        name = self.role.rpartition("/")[2]
        self.iam.delete_role_policy(RoleName=name, PolicyName="own")

    def reserve(self, count):
        self.aws.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=count)
        return self.aws

    @property
    def arn(self):
        return self.aws.get_function_configuration(FunctionName="f")["FunctionArn"]


# What each operation needs beside the function's name to get as far as to that.
MORE = {
    "AddPermission": {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "1" * 12},
    "CreateAlias": {"Name": "a", "FunctionVersion": "$LATEST"},
    "DeleteAlias": {"Name": "a"},
    "GetAlias": {"Name": "a"},
    "PutFunctionConcurrency": {"ReservedConcurrentExecutions": 1},
    "RemovePermission": {"StatementId": "s"},
    "TagResource": {"Tags": {"k": "v"}},
    "UntagResource": {"TagKeys": ["k"]},
    "UpdateAlias": {"Name": "a"},
}
BY_ARN = ("ListTags", "TagResource", "UntagResource")
BEYOND = {
    ("DeleteAlias", CONFLICT), ("DeleteAlias", MISSING), ("DeleteFunction", CONFLICT),
    ("DeleteFunctionConcurrency", CONFLICT), ("PublishVersion", CONFLICT),
    ("PutFunctionConcurrency", CONFLICT), ("TagResource", CONFLICT), ("UntagResource", CONFLICT),
    ("UpdateAlias", CONFLICT), ("UpdateFunctionCode", CONFLICT), ("Invoke", CONFLICT),
    ("UpdateFunctionConfiguration", CONFLICT), ("CreateFunction", MISSING),
    ("DeleteAlias", WRONG), ("DeleteFunctionConcurrency", WRONG), ("GetAlias", WRONG),
    ("GetFunctionConcurrency", WRONG), ("GetFunctionCodeSigningConfig", WRONG),
}
ROUTED = {"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}}
TWICE = {"FunctionName": "f:1", "Qualifier": "2"}
CASES = {
    ("AddPermission", CONFLICT): lambda w: w.permit() and w.permit(),
    ("AddPermission", "PolicyLengthExceededException"): lambda w: [
        w.permit(StatementId=f"s{n}", SourceArn=f"arn:aws:events:::{'x' * 500}")
        for n in range(60)
    ],
    ("AddPermission", WRONG): lambda w: w.permit(Principal="nobody"),
    ("CreateAlias", CONFLICT): lambda w: w.alias() and w.alias(),
    ("CreateFunction", CONFLICT): lambda w: w.create("f"),
    ("CreateFunction", WRONG): lambda w: w.create("g", code=b"no archive"),
    ("UpdateFunctionCode", WRONG): lambda w: w.aws.update_function_code(
        FunctionName="f", ZipFile=b"no archive"
    ),
    ("UpdateFunctionConfiguration", WRONG): lambda w: w.aws.update_function_configuration(
        FunctionName="f", Environment={"Variables": {"AWS_REGION": "x"}}
    ),
    ("CreateAlias", WRONG): lambda w: w.alias(**ROUTED),
    ("UpdateAlias", WRONG): lambda w: w.alias() and w.aws.update_alias(
        FunctionName="f", Name="a", **ROUTED
    ),
    ("DeleteFunction", WRONG): lambda w: w.aws.delete_function(
        FunctionName="f", Qualifier="$LATEST"
    ),
    ("GetFunction", WRONG): lambda w: w.aws.get_function(**TWICE),
    ("GetFunctionConfiguration", WRONG): lambda w: w.aws.get_function_configuration(**TWICE),
    ("GetPolicy", WRONG): lambda w: w.aws.get_policy(**TWICE),
    ("Invoke", WRONG): lambda w: w.aws.invoke(**TWICE),
    ("ListAliases", WRONG): lambda w: w.aws.list_aliases(FunctionName="f", Marker="x"),
    ("ListFunctions", WRONG): lambda w: w.aws.list_functions(Marker="x"),
    ("ListTags", WRONG): lambda w: w.aws.list_tags(Resource=w.arn + ":1"),
    ("ListVersionsByFunction", WRONG): lambda w: w.aws.list_versions_by_function(
        FunctionName="f", Marker="x"
    ),
    ("PutFunctionConcurrency", WRONG): lambda w: w.reserve(1_000_000),
    ("RemovePermission", WRONG): lambda w: w.aws.remove_permission(**TWICE, StatementId="s"),
    ("TagResource", WRONG): lambda w: w.aws.tag_resource(Resource=w.arn, Tags={"aws:x": "1"}),
    ("UntagResource", WRONG): lambda w: w.aws.untag_resource(
        Resource=w.arn + ":1", TagKeys=["k"]
    ),
    ("PublishVersion", WRONG): lambda w: w.aws.publish_version(
        FunctionName="f", CodeSha256="other"
    ),
    ("Invoke", "InvalidRequestContentException"): lambda w: w.aws.invoke(
        FunctionName="f", Payload=b"{"
    ),
    ("Invoke", "RequestTooLargeException"): lambda w: w.aws.invoke(
        FunctionName="f", InvocationType="Event", Payload=json.dumps("x" * 1_100_000)
    ),
    ("Invoke", "TooManyRequestsException"): lambda w: w.reserve(0).invoke(FunctionName="f"),
    ("Invoke", "KMSDisabledException"): lambda w: w.sealed(
        lambda w: w.kms.disable_key(KeyId=w.key)
    ),
    ("Invoke", "KMSInvalidStateException"): lambda w: w.sealed(
        lambda w: w.kms.schedule_key_deletion(KeyId=w.key)
    ),
    ("Invoke", "KMSAccessDeniedException"): lambda w: w.sealed(World.deny),
}


def usual(operation, code):
    """What provokes an exception that most operations on one function have."""
    if code not in (MISSING, STALE):
        return None

    def provoke(w):
        more = dict(MORE.get(operation, {}))
        name = "none" if code == MISSING else "f"
        if operation in BY_ARN:
            more["Resource"] = w.arn[:-1] + name
        else:
            more["FunctionName"] = name
        if operation == "UpdateFunctionCode":
            more["ZipFile"] = functions.python(functions.ECHO)
        if code == STALE:
            more["RevisionId"] = "00000000-0000-4000-8000-000000000000"
            if operation == "UpdateAlias":
                w.alias()
            if operation == "RemovePermission":
                w.permit()
        return method(w.aws, operation)(**more)

    return provoke


SUITE = Suite("lambda", CASES, usual, beyond)


@SUITE.each()
def test_it_is_raised(server, account, operation, code):
    assert SUITE.raised(operation, code, lambda: World(server, account))


def test_nothing_is_listed_that_is_not_documented():
    SUITE.is_exact(BEYOND)
