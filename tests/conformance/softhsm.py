"""SoftHSM, fetched from Debian into the build's folder, and a server that has a token of it."""

import contextlib
import os
import pathlib
import subprocess

import program
import pytest

PACKAGES = ("softhsm2", "softhsm2-common", "libsofthsm2", "libbotan-2-19")
CLUSTER = "cluster-2345672abcd"
OTHER = "cluster-7654327dcba"
PIN = "password1"
ANCHOR = "-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----"


def folder():
    """Where SoftHSM is; skips the test where it can't be had."""
    target = pathlib.Path(program.binary()).resolve().parent.parent
    into = target / "tmp" / "softhsm"
    module = into / "usr/lib/softhsm/libsofthsm2.so"
    if not module.exists():
        into.mkdir(parents=True, exist_ok=True)
        quiet = {"cwd": into, "stdin": subprocess.DEVNULL, "capture_output": True}
        with contextlib.suppress(OSError):
            subprocess.run(["apt-get", "download", *PACKAGES], **quiet)
        for package in into.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, "."], **quiet)
    if not module.exists():
        pytest.skip("SoftHSM can't be had (apt-get download, dpkg)")
    return into


class Tokens:
    """Two tokens of SoftHSM, and the settings that give them to a server."""

    def __init__(self, home):
        self.home = home
        self.softhsm = folder()
        module = self.softhsm / "usr/lib/softhsm/libsofthsm2.so"
        self.env = {
            "SOFTHSM2_CONF": str(home / "softhsm.conf"),
            "LD_LIBRARY_PATH": str(self.softhsm / "usr/lib/x86_64-linux-gnu"),
        }
        (home / "tokens").mkdir()
        (home / "softhsm.conf").write_text(f"directories.tokendir = {home / 'tokens'}\n")
        (home / "pin").write_text(f"{PIN}\n")
        settings = ""
        for cluster in (CLUSTER, OTHER):
            anchor = home / f"{cluster}.pem"
            anchor.write_text(ANCHOR if cluster == CLUSTER else ANCHOR.replace("bm9", "bm1"))
            self.util("--init-token", "--free", "--label", cluster, "--so-pin", "12345678",
                      "--pin", PIN, "--module", module)
            settings += (
                f'[[token]]\ncluster-id = "{cluster}"\nmodule = "{module}"\nlabel = "{cluster}"\n'
                f'pin-file = "{home / "pin"}"\ntrust-anchor = "{anchor}"\n'
            )
        (home / "bulla.toml").write_text(settings)

    def util(self, *arguments):
        command = [self.softhsm / "usr/bin/softhsm2-util", *arguments]
        env = {**os.environ, **self.env}
        subprocess.run(command, check=True, capture_output=True, env=env)

    def server(self, *options):
        config = str(self.home / "bulla.toml")
        return program.Server("dev", "--config", config, *options, env=self.env)

    @contextlib.contextmanager
    def gone(self):
        """Takes the tokens away for as long as the block lasts."""
        here, away = self.home / "tokens", self.home / "away"
        here.rename(away)
        here.mkdir()
        try:
            yield
        finally:
            here.rmdir()
            away.rename(here)


def described(**changes):
    """What a store on the first token is made of."""
    return {
        "CustomKeyStoreName": "hsm",
        "CloudHsmClusterId": CLUSTER,
        "TrustAnchorCertificate": ANCHOR,
        "KeyStorePassword": PIN,
        **changes,
    }


def connected(kms):
    """A new store that is connected."""
    store = kms.create_custom_key_store(**described())["CustomKeyStoreId"]
    kms.connect_custom_key_store(CustomKeyStoreId=store)
    return store


def new_key(kms, store):
    made = kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=store)
    return made["KeyMetadata"]["Arn"]
