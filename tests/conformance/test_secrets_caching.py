"""AWS's own cache for secrets, on a server that it takes for AWS."""

import json

import pytest
from aws_secretsmanager_caching import (
    InjectKeywordedSecretString,
    SecretCache,
    SecretCacheConfig,
)
from conftest import client
from expect import refused


@pytest.fixture
def secrets(server, account):
    return client(server, "secretsmanager", account=account)


def test_a_secret_is_kept_and_read_anew(secrets):
    secrets.create_secret(Name="a", SecretString="one")
    secrets.create_secret(Name="bytes", SecretBinary=b"\0\1")
    # A secret is looked for anew with every call.
    fresh = SecretCacheConfig(secret_refresh_interval=0)
    cache, kept = SecretCache(config=fresh, client=secrets), SecretCache(client=secrets)
    assert (cache.get_secret_string("a"), kept.get_secret_string("a")) == ("one", "one")
    assert cache.get_secret_binary("bytes") == b"\0\1"
    secrets.put_secret_value(SecretId="a", SecretString="two")
    assert (cache.get_secret_string("a"), kept.get_secret_string("a")) == ("two", "one")
    assert cache.get_secret_string("a", "AWSPREVIOUS") == "one"
    with refused("ResourceNotFoundException"):
        cache.get_secret_string("none")


def test_a_function_gets_its_parameters(secrets):
    value = {"username": "app", "password": "p"}
    secrets.create_secret(Name="db", SecretString=json.dumps(value))
    cache = SecretCache(client=secrets)

    @InjectKeywordedSecretString(secret_id="db", cache=cache, user="username", word="password")
    def connect(user, word):
        return user, word

    assert connect() == ("app", "p")
