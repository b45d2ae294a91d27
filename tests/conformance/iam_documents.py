"""Policy documents that tests of IAM share, and users who call by keys of their own."""

import json

from conftest import client


def policy(action="*", resource="*", effect="Allow", **more):
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(principal="*", action="sts:AssumeRole"):
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class User:
    """A user with an access key, and clients that use it."""

    def __init__(self, server, iam, name):
        self.name = name
        self.arn = iam.create_user(UserName=name)["User"]["Arn"]
        self.key = iam.create_access_key(UserName=name)["AccessKey"]
        self._server, self._iam = server, iam

    def client(self, service="iam"):
        key = self.key
        return client(
            self._server, service, account=key["AccessKeyId"], secret=key["SecretAccessKey"]
        )

    def put(self, document, name="own"):
        self._iam.put_user_policy(UserName=self.name, PolicyName=name, PolicyDocument=document)
