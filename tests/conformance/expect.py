"""What a refusal must be: AWS's code, status and, where it is known, message."""

import contextlib
import re

import pytest
from botocore.exceptions import ClientError

EMPTY = ""

ONE = "1 validation error detected: "
IS_NULL = re.compile(
    r"1 validation error detected: Value (null )?at '(\w+)' failed to satisfy constraint: "
    r"Member must not be null"
)


@contextlib.contextmanager
def refused(code, message=None, status=400):
    """The block must raise this error. A message is a whole text or a pattern for all of it."""
    with pytest.raises(ClientError) as caught:
        yield caught
    answer = caught.value.response
    error = answer["Error"]
    assert (error["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status), error
    matches(error.get("Message", EMPTY), message)


def matches(text, message):
    if message is None:
        return
    if isinstance(message, re.Pattern):
        assert message.fullmatch(text), f"{text!r} is not {message.pattern!r}"
    else:
        assert text == message


def refused_with_any(codes):
    """As `refused`, where AWS's code is not known beyond doubt."""

    @contextlib.contextmanager
    def block():
        with pytest.raises(ClientError) as caught:
            yield caught
        answer = caught.value.response
        assert answer["Error"]["Code"] in codes, answer["Error"]
        assert 400 <= answer["ResponseMetadata"]["HTTPStatusCode"] < 500

    return block()


def denied(action, arn, reason="because no resource-based policy allows", user=None, account=None):
    """AWS's sentence for a denied call of an account's root user on a key of its own."""
    account = account or arn.split(":")[4]
    user = user or f"arn:aws:iam::{account}:root"
    tail = f"{reason} the {action} action" if reason.startswith("because") else reason
    return f"User: {user} is not authorized to perform: {action} on resource: {arn} {tail}"


EXPLICIT_DENY = "with an explicit deny in a resource-based policy"

FOREIGN_TAIL = (
    "because the resource does not exist in this Region, no resource-based policies allow access, "
    "or a resource-based policy explicitly denies access"
)


def denied_abroad(action, account, on="this resource"):
    """AWS's sentence for a key of another account: it never tells whether there is one."""
    user = f"arn:aws:iam::{account}:root"
    return f"User: {user} is not authorized to perform: {action} on {on} {FOREIGN_TAIL}"
