"""Terraform's `aws_iam_*`: applied, planned again without a difference, destroyed.

Runs where Terraform is installed and gets its AWS provider, from the network or from the folder
that BULLA_TERRAFORM_PLUGINS names.
"""

import os
import shutil
import subprocess

import pytest
from conftest import client

TERRAFORM_SECONDS = 180

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
  }
}
"""

RESOURCES = """
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


class Terraform:
    """One working folder of Terraform."""

    def __init__(self, folder, environment):
        self._folder, self._environment = folder, environment

    def run(self, *arguments):
        return subprocess.run(
            ["terraform", *arguments],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TERRAFORM_SECONDS,
        )

    def must(self, *arguments):
        answer = self.run(*arguments)
        assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr[-3000:]


@pytest.fixture
def terraform(server, account, tmp_path):
    if shutil.which("terraform") is None:
        pytest.skip("Terraform is not installed")
    values = {"account": account, "endpoint": server.endpoint}
    (tmp_path / "main.tf").write_text(PROVIDER % values + RESOURCES)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))}
    environment |= {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
    terraform = Terraform(tmp_path, environment)
    plugins = os.environ.get("BULLA_TERRAFORM_PLUGINS")
    prepared = terraform.run("init", *([f"-plugin-dir={plugins}"] if plugins else []))
    if prepared.returncode != 0:
        pytest.skip(f"Terraform does not get its AWS provider: {prepared.stderr[-300:]}")
    return terraform


def test_iam_is_applied_planned_clean_and_destroyed(terraform, server, account):
    terraform.must("apply", "-auto-approve", "-input=false")
    iam = client(server, "iam", account=account)
    trusted = iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert trusted[0]["Principal"]["AWS"] == f"arn:aws:iam::{account}:user/team/alice"
    # 0 means that nothing differs, 2 that something does.
    again = terraform.run("plan", "-detailed-exitcode", "-input=false")
    assert again.returncode == 0, again.stdout[-3000:] + again.stderr[-3000:]
    terraform.must("destroy", "-auto-approve", "-input=false")
    summary = iam.get_account_summary()["SummaryMap"]
    assert [summary[name] for name in ("Users", "Groups", "Roles", "Policies")] == [0, 0, 0, 0]
