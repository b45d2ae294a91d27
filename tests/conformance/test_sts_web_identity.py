"""AssumeRoleWithWebIdentity: an issuer on this machine, its keys, and tokens that hold or don't."""

import base64
import http.server
import json
import threading
import time

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from conftest import client
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from expect import refused

CLIENT = "sts.amazonaws.com"
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, length=None):
    return b64(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


class Issuer:
    """An OpenID Connect provider with an RSA key and one on P-256."""

    def __init__(self):
        self.rsa = rsa.generate_private_key(65537, 2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.asked = []
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked.append(self.path)
                body = json.dumps(issuer.documents()[self.path]).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def host(self):
        return self.url.removeprefix("http://")

    def documents(self):
        n = self.rsa.public_key().public_numbers()
        p = self.ec.public_key().public_numbers()
        keys = [
            {"kty": "RSA", "kid": "r", "use": "sig", "n": number(n.n), "e": number(n.e)},
            {"kty": "EC", "kid": "e", "crv": "P-256", "x": number(p.x, 32), "y": number(p.y, 32)},
        ]
        description = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        return {"/.well-known/openid-configuration": description, "/keys": {"keys": keys}}

    def token(self, alg="RS256", kid="r", **claims):
        claims = {
            "iss": self.url,
            "sub": "repo:bulla",
            "aud": CLIENT,
            "exp": int(time.time()) + 600,
            **claims,
        }
        parts = [{"alg": alg, "kid": kid, "typ": "JWT"}, claims]
        signed = ".".join(b64(json.dumps(part).encode()) for part in parts)
        if alg == "ES256":
            der = self.ec.sign(signed.encode(), ec.ECDSA(hashes.SHA256()))
            signature = b"".join(part.to_bytes(32, "big") for part in decode_dss_signature(der))
        elif alg == "RS256":
            signature = self.rsa.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        else:
            signature = b""
        return f"{signed}.{b64(signature)}"


@pytest.fixture(scope="module")
def issuer():
    issuer = Issuer()
    yield issuer
    issuer.http.shutdown()


@pytest.fixture
def iam(server, account):
    return client(server, "iam", account=account)


@pytest.fixture
def role(iam, issuer):
    """A role that trusts the issuer's tokens for one subject."""
    arn = iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=[CLIENT])
    arn = arn["OpenIDConnectProviderArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": arn},
        "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"],
        "Condition": {
            "StringEquals": {f"{issuer.host}:aud": CLIENT},
            "StringLike": {f"{issuer.host}:sub": "repo:*"},
        },
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = iam.create_role(RoleName="ci", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": [ALL]})
    iam.put_role_policy(RoleName="ci", PolicyName="p", PolicyDocument=document)
    return role


@pytest.fixture
def anonymous(server):
    """A client that signs nothing, as for this operation."""
    config = Config(signature_version=UNSIGNED)
    return boto3.client(
        "sts", endpoint_url=server.endpoint, region_name="eu-central-1", config=config
    )


def assume(anonymous, role, token, **more):
    return anonymous.assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="job", WebIdentityToken=token, **more
    )


@pytest.mark.parametrize("alg, kid", [("RS256", "r"), ("ES256", "e")])
def test_a_token_is_exchanged_for_credentials(server, anonymous, issuer, role, account, alg, kid):
    answer = assume(anonymous, role, issuer.token(alg, kid))
    assert answer["SubjectFromWebIdentityToken"] == "repo:bulla"
    assert answer["Audience"] == CLIENT
    assert answer["Provider"] == f"arn:aws:iam::{account}:oidc-provider/{issuer.host}"
    credentials = answer["Credentials"]
    sts = boto3.client(
        "sts",
        endpoint_url=server.endpoint,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    arn = f"arn:aws:sts::{account}:assumed-role/ci/job"
    assert sts.get_caller_identity()["Arn"] == arn == answer["AssumedRoleUser"]["Arn"]


def test_tokens_that_do_not_hold_are_refused(anonymous, issuer, role):
    now = int(time.time())
    with refused("InvalidIdentityToken", "Incorrect token audience"):
        assume(anonymous, role, issuer.token(aud="another"))
    with refused("ExpiredTokenException"):
        assume(anonymous, role, issuer.token(exp=now - 1))
    with refused("InvalidIdentityToken"):
        assume(anonymous, role, issuer.token(nbf=now + 3600))
    unknown = "http://127.0.0.1:1"
    message = f"No OpenIDConnect provider found in your account for {unknown}"
    with refused("InvalidIdentityToken", message):
        assume(anonymous, role, issuer.token(iss=unknown))
    for token in (
        issuer.token("none"),
        issuer.token("HS256"),
        issuer.token("ES256", "r"),
        issuer.token()[:-8] + "AAAAAAAA",
        "no.token.here",
    ):
        with refused("InvalidIdentityToken"):
            assume(anonymous, role, token)


def test_the_trust_policy_decides_by_the_subject(anonymous, issuer, role):
    message = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    with refused("AccessDenied", message, status=403):
        assume(anonymous, role, issuer.token(sub="user:x"))
    missing = role.replace("role/ci", "role/none")
    with refused("AccessDenied", message, status=403):
        assume(anonymous, missing, issuer.token())


def test_keys_are_asked_for_once(anonymous, issuer, role):
    for _ in range(3):
        assume(anonymous, role, issuer.token())
    before = len(issuer.asked)
    for _ in range(3):
        assume(anonymous, role, issuer.token())
    assert len(issuer.asked) == before


def test_a_provider_is_kept_changed_and_deleted(iam, issuer, role, anonymous):
    arn = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"][0]["Arn"]
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (found["Url"], found["ClientIDList"]) == (issuer.host, [CLIENT])
    with refused("EntityAlreadyExists", status=409):
        iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=[CLIENT])
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="b")
    # The provider takes it now; the role's trust policy does not.
    message = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    with refused("AccessDenied", message, status=403):
        assume(anonymous, role, issuer.token(aud="b"))
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=CLIENT)
    with refused("InvalidIdentityToken", "Incorrect token audience"):
        assume(anonymous, role, issuer.token())
    tags = [{"Key": "Team", "Value": "a"}, {"Key": "team", "Value": "b"}]
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=tags)
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["TEAM", "team"])
    found = iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)
    assert found["Tags"] == [{"Key": "Team", "Value": "a"}]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    message = f"OpenIDConnect Provider not found for arn {arn}"
    with refused("NoSuchEntity", message, status=404):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    with refused("InvalidIdentityToken"):
        assume(anonymous, role, issuer.token())


def test_only_https_but_for_this_machine(iam, strict_server):
    for url in ("http://example.com", "ftp://example.com", "example.com", "https://", "https://a b"):
        with refused("ValidationError", "Invalid Open ID Connect Provider URL"):
            iam.create_open_id_connect_provider(Url=url, ClientIDList=[CLIENT])
    root = strict_server.root
    strict = client(
        strict_server, "iam", account=root["AccessKeyId"], secret=root["SecretAccessKey"],
        region="us-east-1",
    )
    with refused("ValidationError", "Invalid Open ID Connect Provider URL"):
        strict.create_open_id_connect_provider(Url="http://127.0.0.1:9", ClientIDList=[CLIENT])
