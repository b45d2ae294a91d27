"""Terraform's `aws_iam_*`, `aws_kms_*`, `aws_secretsmanager_*`, `aws_ssm_parameter`,
`aws_cloudwatch_event_*` and `aws_lambda_*`: applied, planned clean a second time, destroyed.

Each service's resources are a module of one configuration, as a command takes seconds to start the
provider, whatever it is to do.

Runs where Terraform is installed and gets its AWS provider, from the network or from the folder
that BULLA_TERRAFORM_PLUGINS names.
"""

import json
import os
import shutil
import subprocess

import pytest
from conftest import client

import functions

TERRAFORM_SECONDS = 180
# An account of its own, beside those that are handed out.
ACCOUNT = "990000000001"
REGION = "us-east-1"

PROVIDER = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "%(account)s"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  endpoints {
    iam = "%(endpoint)s"
    sts = "%(endpoint)s"
    kms = "%(endpoint)s"
    eventbridge = "%(endpoint)s"
    lambda = "%(endpoint)s"

    secretsmanager = "%(endpoint)s"
    ssm = "%(endpoint)s"
  }
}
"""

IAM = """
data "aws_caller_identity" "me" {}

resource "aws_iam_user" "alice" {
  name = "alice"
  path = "/team/"
  tags = { team = "red" }
}

resource "aws_iam_access_key" "alice" {
  user = aws_iam_user.alice.name
}

resource "aws_iam_user_policy" "alice" {
  name   = "own"
  user   = aws_iam_user.alice.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "kms:List*", Resource = "*" }]
  })
}

resource "aws_iam_group" "g" {
  name = "g"
}

resource "aws_iam_group_policy" "g" {
  name   = "own"
  group  = aws_iam_group.g.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:Get*", Resource = "*" }]
  })
}

resource "aws_iam_group_membership" "g" {
  name  = "members"
  group = aws_iam_group.g.name
  users = [aws_iam_user.alice.name]
}

data "aws_iam_policy_document" "use" {
  statement {
    actions   = ["kms:Encrypt", "kms:Decrypt"]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:app"
      values   = ["$${aws:username}"]
    }
  }
}

resource "aws_iam_policy" "use" {
  name        = "use"
  path        = "/p/"
  description = "uses keys"
  policy      = data.aws_iam_policy_document.use.json
  tags        = { a = "b" }
}

resource "aws_iam_group_policy_attachment" "g" {
  group      = aws_iam_group.g.name
  policy_arn = aws_iam_policy.use.arn
}

resource "aws_iam_user_policy_attachment" "alice" {
  user       = aws_iam_user.alice.name
  policy_arn = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
}

resource "aws_iam_role" "r" {
  name                 = "r"
  max_session_duration = 7200
  permissions_boundary = aws_iam_policy.use.arn
  assume_role_policy   = jsonencode({
    Version   = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = aws_iam_user.alice.arn } },
      { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } },
    ]
  })
}

resource "aws_iam_role_policy" "r" {
  name   = "own"
  role   = aws_iam_role.r.id
  policy = data.aws_iam_policy_document.use.json
}

resource "aws_iam_role_policy_attachment" "r" {
  role       = aws_iam_role.r.name
  policy_arn = aws_iam_policy.use.arn
}

resource "aws_iam_instance_profile" "p" {
  name = "p"
  role = aws_iam_role.r.name
}

resource "aws_iam_service_linked_role" "kms" {
  aws_service_name = "mrk.kms.amazonaws.com"
}

resource "aws_iam_account_alias" "alias" {
  account_alias = "alias-${data.aws_caller_identity.me.account_id}"
}
"""

KMS = """
data "aws_caller_identity" "me" {}

data "aws_iam_policy_document" "key" {
  statement {
    sid       = "own"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${data.aws_caller_identity.me.account_id}:root"]
    }
  }
  statement {
    sid       = "app"
    actions   = ["kms:Decrypt"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.app.arn]
    }
  }
}

resource "aws_iam_role" "app" {
  name               = "app"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}

resource "aws_kms_key" "app" {
  description             = "the application's key"
  policy                  = data.aws_iam_policy_document.key.json
  enable_key_rotation     = true
  rotation_period_in_days = 180
  deletion_window_in_days = 7
  tags                    = { team = "red" }
}

resource "aws_kms_alias" "app" {
  name          = "alias/app"
  target_key_id = aws_kms_key.app.key_id
}

resource "aws_kms_grant" "app" {
  name              = "app"
  key_id            = aws_kms_key.app.key_id
  grantee_principal = aws_iam_role.app.arn
  operations        = ["Encrypt", "Decrypt", "GenerateDataKey"]
  constraints {
    encryption_context_subset = { app = "one" }
  }
}

resource "aws_kms_key" "plain" {
  description             = "without a policy of its own"
  deletion_window_in_days = 7
}

resource "aws_kms_key_policy" "plain" {
  key_id = aws_kms_key.plain.id
  policy = data.aws_iam_policy_document.key.json
}
"""

EVENTS = """
data "aws_caller_identity" "me" {}

resource "aws_cloudwatch_event_bus" "orders" {
  name        = "orders"
  description = "of customers"
  tags        = { team = "red" }
}

resource "aws_cloudwatch_event_permission" "partner" {
  principal      = "111122223333"
  statement_id   = "partner"
  event_bus_name = aws_cloudwatch_event_bus.orders.name
}

resource "aws_cloudwatch_event_rule" "keys" {
  name          = "keys"
  description   = "what becomes of keys"
  event_pattern = jsonencode({ source = ["aws.kms"], detail-type = [{ prefix = "KMS" }] })
  tags          = { team = "red" }
}

resource "aws_cloudwatch_event_rule" "daily" {
  name                = "daily"
  schedule_expression = "cron(0 12 * * ? *)"
  state               = "DISABLED"
}

resource "aws_cloudwatch_event_rule" "placed" {
  name           = "placed"
  event_bus_name = aws_cloudwatch_event_bus.orders.name
  event_pattern  = jsonencode({ source = ["shop"] })
}

resource "aws_cloudwatch_event_connection" "hooks" {
  name               = "hooks"
  authorization_type = "API_KEY"
  auth_parameters {
    api_key {
      key   = "x-api-key"
      value = "secret"
    }
    invocation_http_parameters {
      header {
        key             = "x-team"
        value           = "red"
        is_value_secret = false
      }
    }
  }
}

resource "aws_cloudwatch_event_api_destination" "hooks" {
  name                             = "hooks"
  invocation_endpoint              = "https://hooks.example/*"
  http_method                      = "POST"
  invocation_rate_limit_per_second = 20
  connection_arn                   = aws_cloudwatch_event_connection.hooks.arn
}

resource "aws_cloudwatch_event_target" "hooks" {
  rule      = aws_cloudwatch_event_rule.keys.name
  target_id = "hooks"
  arn       = aws_cloudwatch_event_api_destination.hooks.arn
  role_arn  = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:role/events"
  http_target {
    path_parameter_values   = ["keys"]
    query_string_parameters = { from = "events" }
    header_parameters       = { x-from = "events" }
  }
  input_transformer {
    input_paths    = { key = "$.detail.key-id" }
    input_template = <<-END
      {"key": <key>}
    END
  }
  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 10
  }
  dead_letter_config {
    arn = "arn:aws:sqs:us-east-1:${data.aws_caller_identity.me.account_id}:dead"
  }
}

resource "aws_cloudwatch_event_target" "log" {
  rule           = aws_cloudwatch_event_rule.placed.name
  event_bus_name = aws_cloudwatch_event_bus.orders.name
  arn            = "arn:aws:logs:us-east-1:${data.aws_caller_identity.me.account_id}:log-group:/aws/events/orders"
}
"""

SSM = """
resource "aws_kms_key" "p" {
  deletion_window_in_days = 7
}

resource "aws_ssm_parameter" "plain" {
  name            = "/app/db/host"
  description     = "where it is"
  type            = "String"
  value           = "db.example"
  allowed_pattern = "[a-z.]+"
  tags            = { team = "red" }
}

resource "aws_ssm_parameter" "list" {
  name  = "/app/db/ports"
  type  = "StringList"
  value = "1,2"
}

resource "aws_ssm_parameter" "secret" {
  name   = "/app/db/secret"
  type   = "SecureString"
  value  = "hush"
  key_id = aws_kms_key.p.arn
}

resource "aws_ssm_parameter" "large" {
  name  = "large"
  type  = "SecureString"
  tier  = "Advanced"
  value = join("", [for n in range(500) : "0123456789"])
}

resource "aws_ssm_parameter" "tiered" {
  name      = "/app/tiered"
  type      = "String"
  tier      = "Intelligent-Tiering"
  data_type = "text"
  value     = "small"
}

data "aws_ssm_parameter" "secret" {
  name       = "/app/db/secret"
  depends_on = [aws_ssm_parameter.secret]
}

data "aws_ssm_parameters_by_path" "db" {
  path       = "/app"
  recursive  = true
  depends_on = [aws_ssm_parameter.plain, aws_ssm_parameter.list, aws_ssm_parameter.secret, aws_ssm_parameter.tiered]
}

output "secret" {
  value     = data.aws_ssm_parameter.secret.value
  sensitive = true
}

output "names" {
  value     = sort(data.aws_ssm_parameters_by_path.db.names)
  sensitive = true
}
"""


SECRETS = """
data "aws_caller_identity" "me" {}

resource "aws_kms_key" "app" {
  description             = "the secrets' key"
  deletion_window_in_days = 7
}

resource "aws_secretsmanager_secret" "app" {
  name                    = "app/db"
  description             = "the database's password"
  kms_key_id              = aws_kms_key.app.arn
  recovery_window_in_days = 0
  tags                    = { team = "red" }
  replica {
    region = "eu-west-1"
  }
}

resource "aws_secretsmanager_secret_version" "app" {
  secret_id     = aws_secretsmanager_secret.app.id
  secret_string = jsonencode({ username = "app", password = "from Terraform" })
}

resource "aws_secretsmanager_secret_policy" "app" {
  secret_arn          = aws_secretsmanager_secret.app.arn
  block_public_policy = true
  policy              = jsonencode({
    Version   = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root" }
      Action    = "secretsmanager:GetSecretValue"
      Resource  = "*"
    }]
  })
}

data "aws_secretsmanager_random_password" "new" {
  password_length = 40
}

resource "aws_secretsmanager_secret" "plain" {
  name_prefix = "plain-"
}

resource "aws_secretsmanager_secret_version" "plain" {
  secret_id      = aws_secretsmanager_secret.plain.id
  secret_binary  = base64encode("bytes")
  version_stages = ["AWSCURRENT", "BLUE"]
}

resource "aws_secretsmanager_secret" "rotated" {
  name                    = "app/rotated"
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_rotation" "rotated" {
  secret_id           = aws_secretsmanager_secret.rotated.id
  rotation_lambda_arn = "arn:aws:secretsmanager:::rotator/password"
  rotate_immediately  = false
  rotation_rules {
    schedule_expression = "rate(10 days)"
    duration            = "3h"
  }
}
"""


# The archive is there before Terraform is: its own provider for archives is one more to download.
LAMBDA = """
resource "aws_iam_role" "f" {
  name               = "f"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_lambda_function" "f" {
  function_name                  = "rotator"
  role                           = aws_iam_role.f.arn
  runtime                        = "python3.12"
  handler                        = "main.handler"
  filename                       = "${path.module}/code.zip"
  source_code_hash               = filebase64sha256("${path.module}/code.zip")
  timeout                        = 20
  memory_size                    = 256
  publish                        = true
  reserved_concurrent_executions = 2
  environment {
    variables = { LEVEL = "debug" }
  }
  tags = { team = "red" }
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.f.function_name
  function_version = aws_lambda_function.f.version
}

resource "aws_cloudwatch_event_rule" "hourly" {
  name                = "hourly"
  schedule_expression = "rate(1 hour)"
}

resource "aws_cloudwatch_event_target" "f" {
  rule = aws_cloudwatch_event_rule.hourly.name
  arn  = aws_lambda_function.f.arn
}

resource "aws_lambda_permission" "events" {
  statement_id  = "events"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.f.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.hourly.arn
}

resource "aws_lambda_permission" "secrets" {
  statement_id  = "secrets"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.f.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "secretsmanager.amazonaws.com"
}
"""


MODULES = {
    "iam": IAM,
    "kms": KMS,
    "events": EVENTS,
    "ssm": SSM,
    "secrets": SECRETS,
    "lambda": LAMBDA,
}
MODULE = """
module "%(name)s" {
  source = "./%(name)s"
}
"""
OUTPUTS = """
output "ssm" {
  value     = module.ssm
  sensitive = true
}
"""


class Terraform:
    """One working folder of Terraform."""

    def __init__(self, folder):
        self.folder = folder
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))}
        self._environment = environment | {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}

    def run(self, *arguments):
        return subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TERRAFORM_SECONDS,
        )

    def must(self, *arguments):
        answer = self.run(*arguments)
        assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr[-3000:]
        return answer.stdout

    def write_code(self, code):
        (self.folder / "lambda/code.zip").write_bytes(functions.python(code))


@pytest.fixture(scope="module")
def terraform(server, tmp_path_factory):
    """Terraform on all modules."""
    if shutil.which("terraform") is None:
        pytest.skip("Terraform is not installed")
    folder = tmp_path_factory.mktemp("terraform")
    main = PROVIDER % {"account": ACCOUNT, "endpoint": server.endpoint} + OUTPUTS
    for name, text in MODULES.items():
        (folder / name).mkdir()
        (folder / name / "main.tf").write_text(text)
        main += MODULE % {"name": name}
    (folder / "main.tf").write_text(main)
    terraform = Terraform(folder)
    terraform.write_code(functions.ECHO)
    plugins = os.environ.get("BULLA_TERRAFORM_PLUGINS")
    prepared = terraform.run("init", *([f"-plugin-dir={plugins}"] if plugins else []))
    if prepared.returncode != 0:
        pytest.skip(f"Terraform does not get its AWS provider: {prepared.stderr[-300:]}")
    return terraform


@pytest.fixture(scope="module")
def applied(terraform):
    terraform.must("apply", "-auto-approve", "-input=false")
    return terraform


@pytest.fixture(scope="module")
def destroyed(applied):
    applied.must("destroy", "-auto-approve", "-input=false")
    return applied


@pytest.fixture
def of(server):
    """Clients of the account, by service."""
    return lambda service, region=REGION: client(server, service, account=ACCOUNT, region=region)


def plan_is_clean(terraform):
    # 0 means that nothing differs, 2 that something does.
    again = terraform.run("plan", "-detailed-exitcode", "-input=false")
    assert again.returncode == 0, again.stdout[-3000:] + again.stderr[-3000:]


class TestApplied:
    def test_iam(self, applied, of):
        role = of("iam").get_role(RoleName="r")["Role"]
        trusted = role["AssumeRolePolicyDocument"]["Statement"]
        assert trusted[0]["Principal"]["AWS"] == f"arn:aws:iam::{ACCOUNT}:user/team/alice"

    def test_kms(self, applied, of):
        kms = of("kms")
        key = kms.describe_key(KeyId="alias/app")["KeyMetadata"]["KeyId"]
        rotation = kms.get_key_rotation_status(KeyId=key)
        assert (rotation["KeyRotationEnabled"], rotation["RotationPeriodInDays"]) == (True, 180)
        (grant,) = kms.list_grants(KeyId=key)["Grants"]
        assert grant["GranteePrincipal"] == f"arn:aws:iam::{ACCOUNT}:role/app"

    def test_events(self, applied, of):
        (target,) = of("events").list_targets_by_rule(Rule="keys")["Targets"]
        assert target["HttpParameters"]["PathParameterValues"] == ["keys"]
        assert target["InputTransformer"]["InputPathsMap"] == {"key": "$.detail.key-id"}

    def test_secrets(self, applied, of):
        value = of("secretsmanager").get_secret_value(SecretId="app/db")["SecretString"]
        assert "from Terraform" in value
        there = of("secretsmanager", "eu-west-1")
        assert there.get_secret_value(SecretId="app/db")["SecretString"] == value
        rotated = of("secretsmanager").describe_secret(SecretId="app/rotated")
        assert rotated["RotationEnabled"] and rotated["RotationRules"]["Duration"] == "3h"

    def test_ssm(self, applied, of):
        outputs = json.loads(applied.must("output", "-json"))["ssm"]["value"]
        assert outputs["secret"] == "hush"
        assert outputs["names"] == [
            "/app/db/host",
            "/app/db/ports",
            "/app/db/secret",
            "/app/tiered",
        ]
        large = of("ssm").get_parameter(Name="large", WithDecryption=True)["Parameter"]
        assert large["Value"] == "0123456789" * 500

    def test_functions(self, applied, of):
        awslambda = of("lambda")
        assert functions.call(awslambda, "rotator", 1, Qualifier="live") == (1, None)
        policy = json.loads(awslambda.get_policy(FunctionName="rotator")["Policy"])
        assert [statement["Sid"] for statement in policy["Statement"]] == ["events"]

    def test_a_second_plan_is_clean(self, applied):
        plan_is_clean(applied)

    def test_new_code_is_applied(self, applied, of):
        applied.write_code("def handler(event, context): return 2")
        applied.must("apply", "-auto-approve", "-input=false")
        assert functions.call(of("lambda"), "rotator", 1, Qualifier="live") == (2, None)
        plan_is_clean(applied)


class TestDestroyed:
    def test_iam(self, destroyed, of):
        iam = of("iam")
        summary = iam.get_account_summary()["SummaryMap"]
        assert [summary[name] for name in ("Users", "Groups", "Policies")] == [0, 0, 0]
        # Rotation made a service-linked role, which is not Terraform's.
        paths = [role["Path"] for role in iam.list_roles()["Roles"]]
        assert not [path for path in paths if not path.startswith("/aws-service-role/")]

    def test_kms(self, destroyed, of):
        kms = of("kms")
        keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
        own = [key for key in keys if key["KeyManager"] == "CUSTOMER"]
        # Two of KMS's module, one each of the parameters' and the secrets'.
        assert [key["KeyState"] for key in own] == ["PendingDeletion"] * 4
        assert not [grant for key in own for grant in kms.list_grants(KeyId=key["KeyId"])["Grants"]]

    def test_events(self, destroyed, of):
        events = of("events")
        assert events.list_rules()["Rules"] == []
        assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["default"]
        assert events.list_connections()["Connections"] == []
        assert events.list_api_destinations()["ApiDestinations"] == []

    def test_secrets(self, destroyed, of):
        (plain,) = of("secretsmanager").list_secrets(IncludePlannedDeletion=True)["SecretList"]
        assert plain["Name"].startswith("plain-") and "DeletedDate" in plain

    def test_ssm(self, destroyed, of):
        assert of("ssm").describe_parameters()["Parameters"] == []

    def test_functions(self, destroyed, of):
        assert of("lambda").list_functions()["Functions"] == []
