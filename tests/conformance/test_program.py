"""The program's command line: init, serve, tour, audit."""

import os
import re
import stat
import subprocess

import pytest
import program
from conftest import client, new_key

SECRET = b"a canary that must never be written down"


@pytest.fixture
def data(clean_environment, tmp_path):
    return tmp_path / "data"


def assert_clear_refusal(answer, *words):
    """It ended with an error that names what is wrong, and did not crash."""
    assert answer.returncode not in (0, 101) and answer.returncode > 0, answer
    assert "panicked" not in answer.stderr
    for word in words:
        assert str(word) in answer.stderr, answer.stderr


def test_the_tour_ends_well():
    answer = program.run("tour")
    assert answer.returncode == 0, answer.stderr
    assert len(answer.stdout.splitlines()) >= 5


def test_help_and_version():
    assert "serve" in program.run("--help").stdout
    assert re.search(r"\d+\.\d+\.\d+", program.run("--version").stdout)


class TestInit:
    def test_the_root_key_has_aws_form(self, data):
        root = program.init(data)
        assert set(root) == {"AccountId", "AccessKeyId", "SecretAccessKey"}
        assert re.fullmatch(r"\d{12}", root["AccountId"])
        assert re.fullmatch(r"AKIA[A-Z2-7]{16}", root["AccessKeyId"])
        assert re.fullmatch(r"[A-Za-z0-9/+]{40}", root["SecretAccessKey"])

    def test_the_account_can_be_chosen(self, data):
        assert program.init(data, "--account", "123456789012")["AccountId"] == "123456789012"

    @pytest.mark.parametrize("account", ["1234", "12345678901a", "1234567890123"])
    def test_an_account_has_twelve_digits(self, data, account):
        answer = program.run("init", "--data", data, "--account", account)
        assert_clear_refusal(answer, account)

    def test_a_folder_is_made_once(self, data):
        program.init(data)
        assert_clear_refusal(program.run("init", "--data", data), data)

    def test_no_file_is_open_to_others(self, data):
        program.init(data)
        for path in program.files_under(data):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


class TestServe:
    def test_a_folder_that_was_never_made_is_refused(self, data):
        answer = program.run("serve", "--data", data, "--listen", "127.0.0.1:0", timeout=30)
        assert_clear_refusal(answer, data, "init")

    def test_beyond_loopback_there_must_be_tls(self, data):
        program.init(data)
        answer = program.run("serve", "--data", data, "--listen", "0.0.0.0:0", timeout=30)
        assert_clear_refusal(answer)
        assert "tls" in answer.stderr.lower()

    def test_a_second_process_is_refused_and_the_first_goes_on(self, data):
        with program.Server.dev(data) as server:
            key = new_key(client(server))
            answer = program.run("dev", "--data", data, "--listen", "127.0.0.1:0", timeout=30)
            assert_clear_refusal(answer, data)
            assert client(server).describe_key(KeyId=key)

    def test_a_port_that_is_taken_is_named(self, data, server):
        listen = f"127.0.0.1:{server.port}"
        answer = program.run("dev", "--data", data, "--listen", listen, timeout=30)
        assert_clear_refusal(answer, listen)

    @pytest.mark.parametrize("option", ["--no-such-option", "--listen=nowhere"])
    def test_a_wrong_option_is_named(self, option):
        assert_clear_refusal(program.run("dev", option, timeout=30), option.split("=")[0])


class TestAudit:
    @pytest.fixture
    def used(self, data):
        """A data folder whose journal holds a few calls, denied ones among them."""
        with program.Server.dev(data) as server:
            kms = client(server)
            key = new_key(kms)
            kms.encrypt(KeyId=key, Plaintext=SECRET)
            with pytest.raises(kms.exceptions.NotFoundException):
                kms.describe_key(KeyId="nobody")
            assert server.stop() == 0
        return data

    def test_the_tail_tells_every_call(self, used):
        answer = program.run("audit", "tail", "--data", used)
        assert answer.returncode == 0, answer.stderr
        for word in ("CreateKey", "Encrypt", "DescribeKey", "NotFoundException"):
            assert word in answer.stdout

    def test_the_tail_tells_no_secret(self, used):
        answer = program.run("audit", "tail", "--data", used)
        assert SECRET.decode() not in answer.stdout

    def test_an_untouched_journal_verifies(self, used):
        answer = program.run("audit", "verify", "--data", used)
        assert answer.returncode == 0, answer.stderr

    def test_an_altered_journal_does_not(self, used):
        journal = [path for path in program.files_under(used) if "journal" in str(path).lower()]
        records = max(journal, key=lambda path: path.stat().st_size)
        size = records.stat().st_size
        for at in (size // 4, size // 2, size - 2):
            before = records.read_bytes()
            altered = bytearray(before)
            altered[at] ^= 0x20
            records.write_bytes(altered)
            answer = program.run("audit", "verify", "--data", used)
            records.write_bytes(before)
            assert_clear_refusal(answer)

    def test_nothing_on_disk_holds_a_secret_in_clear(self, used):
        for path in program.files_under(used):
            assert SECRET not in path.read_bytes(), path


def test_a_strict_server_tells_no_secret_in_its_log(data):
    root = program.init(data)
    with program.Server.serve(data, env={"RUST_LOG": "trace"}) as server:
        secret = root["SecretAccessKey"]
        kms = client(server, account=root["AccessKeyId"], secret=secret)
        key = new_key(kms)
        data_key = kms.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"]
        kms.encrypt(KeyId=key, Plaintext=SECRET)
        server.stop()
        log = server.output()
    assert SECRET.decode() not in log
    assert secret not in log
    assert data_key.hex() not in log
    for path in program.files_under(data):
        content = path.read_bytes()
        assert secret.encode() not in content, path
        assert data_key not in content, path


def test_dev_needs_no_folder(clean_environment, tmp_path):
    with program.Server.dev(env={"TMPDIR": str(tmp_path)}) as server:
        assert new_key(client(server))
        assert server.stop() == 0
    left = [path for path in os.listdir(tmp_path)]
    assert left == [], "bulla dev without --data leaves nothing behind"


@pytest.mark.parametrize("command", ["rotators", "coverage", "tour", "xks credential"])
def test_a_reader_who_has_gone_is_told_without_a_panic(command):
    reading, writing = os.pipe()
    os.close(reading)
    words = [program.binary(), *command.split()]
    ended = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writing)
    assert ended.returncode == 1, ended.stderr
    assert "write to standard output" in ended.stderr and "panicked" not in ended.stderr
