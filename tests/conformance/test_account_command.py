"""`bulla account`: accounts made, listed and closed by the program itself."""

import os

import pytest
from conftest import client
from program import run


@pytest.fixture
def call(server, account):
    """Runs the command as an account's root user."""
    env = {**os.environ, "AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": "x"}
    return lambda *args: run("account", *args, env=env)


def test_an_account_is_made_listed_and_closed(server, account, call):
    made = call("create", "team", "--email", f"team-{account}@example.com")
    assert made.returncode == 0, made.stderr
    number = made.stdout.strip()
    assert len(number) == 12 and number.isdigit()
    rows = [line.split("\t") for line in call("list").stdout.splitlines()]
    assert sorted((row[0], row[1]) for row in rows) == sorted(
        [(account, "ACTIVE"), (number, "ACTIVE")]
    )
    again = call("create", "team", "--email", f"team-{account}@example.com")
    assert again.returncode == 2 and "EMAIL_ALREADY_EXISTS" in again.stderr
    assert call("close", number).returncode == 0
    assert f"{number}\tSUSPENDED" in call("list").stdout
    refused = call("close", number)
    assert refused.returncode == 1 and "AccountAlreadyClosedException" in refused.stderr


def test_a_role_of_another_name_can_be_asked_for(server, account, call):
    made = call("create", "team", "--email", f"t-{account}@example.com", "--role", "Admin")
    number = made.stdout.strip()
    role = client(server, "iam", account=number).get_role(RoleName="Admin")["Role"]
    assert role["Arn"] == f"arn:aws:iam::{number}:role/Admin"


def test_without_credentials_it_says_what_to_do(server):
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_ACCESS")}
    answer = run("account", "list", env={**env, "HOME": "/nonexistent"})
    assert answer.returncode == 2 and "AWS_ACCESS_KEY_ID" in answer.stderr
