"""What a function is given, what its caller hears, and what it may not do."""

import base64
import concurrent.futures
import http.client
import io
import json
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile
import time
import zipfile

import pytest
from botocore.exceptions import ClientError
from conftest import client

import functions
import program
from functions import archive, call, create, python

REGION = "us-east-1"
MEBIBYTE = 1 << 20


@pytest.fixture
def awslambda(server, account):
    return client(server, "lambda", account=account, region=REGION)


@pytest.fixture
def role(iam):
    return functions.role(iam)


def processes():
    """Every process: its arguments by its id."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
    return found


def hosts(server):
    """The processes in which a server has its functions."""

    def parent(pid):
        try:
            return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return None

    return {pid for pid in running("function-host") if parent(pid) == server.process.pid}


def running(marker):
    return [pid for pid, line in processes().items() if marker in line]


class TestCalls:
    def test_a_handler_is_told_of_its_call(self, awslambda, role, account):
        code = """
        import os
        def handler(event, context):
            print("seen", event["a"])
            return {
                "id": context.aws_request_id,
                "arn": context.invoked_function_arn,
                "name": context.function_name,
                "version": context.function_version,
                "memory": context.memory_limit_in_mb,
                "left": context.get_remaining_time_in_millis(),
                "client": context.client_context,
                "environment": dict(os.environ),
            }
        """
        variables = {"Variables": {"LEVEL": "debug"}}
        name = create(awslambda, role, code, Environment=variables, MemorySize=256)
        context = base64.b64encode(json.dumps({"custom": {"ä": "\n"}}).encode()).decode()
        answer = awslambda.invoke(
            FunctionName=name, Payload=b'{"a": 1}', LogType="Tail", ClientContext=context
        )
        told = json.loads(answer["Payload"].read())
        assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
        assert told["id"] == answer["ResponseMetadata"]["RequestId"]
        assert told["arn"] == f"arn:aws:lambda:{REGION}:{account}:function:{name}"
        assert (told["name"], told["version"], told["memory"]) == (name, "$LATEST", "256")
        assert 0 < told["left"] <= 30_000 and told["client"] == {"custom": {"ä": "\n"}}
        log = base64.b64decode(answer["LogResult"]).decode()
        assert log.startswith(f"START RequestId: {told['id']} Version: $LATEST\n")
        assert "seen 1\n" in log and f"\nREPORT RequestId: {told['id']}\t" in log
        environment = told["environment"]
        assert environment["LEVEL"] == "debug" and environment["AWS_REGION"] == REGION
        assert environment["AWS_ACCESS_KEY_ID"].startswith("ASIA")
        # Nothing of the server's own environment.
        own = {"AWS_CONFIG_FILE", "BULLA_BIN", "PYTEST_CURRENT_TEST", "USER", "SHLVL"}
        assert not own & set(environment)
        assert not [name for name in environment if name.startswith("BULLA")]

    def test_a_function_calls_the_server_as_its_role(self, server, awslambda, iam, account):
        kms = client(server, account=account, region=REGION)
        key = kms.create_key()["KeyMetadata"]["Arn"]
        allow = {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": key}
        role = functions.role(iam, {"Version": "2012-10-17", "Statement": allow})
        code = archive({"main.py": functions.SIGNED_CALL})
        name = create(awslambda, role, code)
        answer, error = call(awslambda, name, {"key": key, "operation": "Encrypt"})
        assert error is None and answer["KeyId"] == key
        answer, error = call(awslambda, name, {"key": key, "operation": "DisableKey"})
        text = f"User: arn:aws:sts::{account}:assumed-role/{role.rsplit('/', 1)[1]}/{name} is not"
        assert answer["message"].startswith(text)

    def test_errors_are_told_as_lambda_does(self, awslambda, role):
        code = """
        class Odd(Exception):
            pass
        def handler(event, context):
            if event == "odd":
                raise Odd("very odd")
            if event == "exit":
                raise SystemExit(3)
            if event == "crash":
                import os, signal
                os.kill(os.getpid(), signal.SIGSEGV)
            return {1, 2} if event == "set" else event
        """
        name = create(awslambda, role, code)
        answer, error = call(awslambda, name, "odd")
        assert error == "Unhandled"
        assert (answer["errorType"], answer["errorMessage"]) == ("Odd", "very odd")
        assert 'raise Odd("very odd")' in answer["stackTrace"][0]
        answer, error = call(awslambda, name, "set")
        assert (answer["errorType"], error) == ("Runtime.MarshalError", "Unhandled")
        answer, error = call(awslambda, name, "exit")
        assert (answer["errorType"], error) == ("Runtime.ExitError", "Unhandled")
        assert answer["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
        answer, error = call(awslambda, name, "crash")
        assert answer["errorMessage"].endswith("signal: segmentation fault")
        assert call(awslambda, name, "fine") == ("fine", None)

    def test_handlers_that_are_not_there(self, awslambda, role):
        kinds = {
            "main.nothing": "Runtime.HandlerNotFound",
            "other.handler": "Runtime.ImportModuleError",
            "main": "Runtime.MalformedHandlerName",
        }
        for handler, kind in kinds.items():
            answer, error = call(awslambda, create(awslambda, role, Handler=handler))
            assert (answer["errorType"], error) == (kind, "Unhandled")
        broken = create(awslambda, role, archive({"main.py": "def handler(:"}))
        assert call(awslambda, broken)[0]["errorType"] == "Runtime.UserCodeSyntaxError"

    def test_node_runs(self, awslambda, role):
        sources = {
            "main.mjs": "export const handler = async (event, context) => "
            "({ event, id: context.awsRequestId, left: context.getRemainingTimeInMillis() });",
            "old.js": "exports.handler = (event, context, done) => done(null, event);",
            "bad.js": "exports.handler = async () => { throw new TypeError('no'); };",
            "late.js": "exports.handler = () => new Promise(() => setTimeout(() => x.y, 1));",
        }
        node = {"code": archive(sources), "Runtime": "nodejs20.x"}
        answer, error = call(awslambda, create(awslambda, role, **node), {"a": "ä"})
        assert error is None and answer["event"] == {"a": "ä"} and answer["left"] > 0
        old = create(awslambda, role, **node, Handler="old.handler")
        assert call(awslambda, old, 7) == (7, None)
        answer, error = call(awslambda, create(awslambda, role, **node, Handler="bad.handler"))
        assert (answer["errorType"], answer["errorMessage"]) == ("TypeError", "no")
        assert answer["trace"] and error == "Unhandled"
        answer, error = call(awslambda, create(awslambda, role, **node, Handler="late.handler"))
        assert (answer["errorType"], error) == ("ReferenceError", "Unhandled")
        answer, error = call(awslambda, create(awslambda, role, **node, Handler="none.handler"))
        assert answer["errorType"] == "Runtime.ImportModuleError"

    def test_a_program_of_ones_own_runs(self, awslambda, role):
        bootstrap = """#!/bin/sh
        api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
        while :; do
            head="$TMPDIR/head"
            event=$(curl -sS -D "$head" "$api/next")
            id=$(grep -i Lambda-Runtime-Aws-Request-Id "$head" | tr -d '\\r' | cut -d' ' -f2)
            curl -sS -o /dev/null "$api/$id/response" -d "{\\"got\\":$event}"
        done
        """
        files = {"bootstrap": bootstrap}
        own = {"Runtime": "provided.al2023", "Handler": "any"}
        name = create(awslambda, role, archive(files, executable=files), **own)
        assert call(awslambda, name, 1) == ({"got": 1}, None)
        assert call(awslambda, name, 2) == ({"got": 2}, None)
        for broken in [archive(files), archive({"other": "x"})]:
            answer, error = call(awslambda, create(awslambda, role, broken, **own))
            assert (answer["errorType"], error) == ("Runtime.InvalidEntrypoint", "Unhandled")

    def test_environments_stay_warm_and_several_run_at_once(self, awslambda, role):
        code = """
        import os, time
        count = 0
        def handler(event, context):
            global count
            count += 1
            time.sleep(event)
            return [os.getpid(), count]
        """
        name = create(awslambda, role, code)
        (first, one), (second, two) = [call(awslambda, name, 0)[0] for _ in range(2)]
        assert (first, one, two) == (second, 1, 2)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            began = time.monotonic()
            pids = {pid for pid, _ in pool.map(lambda _: call(awslambda, name, 2)[0], range(4))}
            assert len(pids) == 4 and time.monotonic() - began < 8

    def test_payloads_have_limits(self, server, awslambda, role, account):
        name = create(awslambda, role, "def handler(event, context): return 'x' * event")
        answer, error = call(awslambda, name, 6 * MEBIBYTE)
        assert error is None and len(answer) == 6 * MEBIBYTE
        answer, error = call(awslambda, name, 6 * MEBIBYTE + 200)
        assert (answer["errorType"], error) == ("Function.ResponseSizeTooLarge", "Unhandled")
        assert call(awslambda, name, 1) == ("x", None)
        too_large = json.dumps("x" * (6 * MEBIBYTE)).encode()
        with pytest.raises(ClientError) as caught:
            awslambda.invoke(FunctionName=name, Payload=too_large)
        assert caught.value.response["Error"] == {
            "Code": "RequestTooLargeException",
            "Message": "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
        }
        with pytest.raises(ClientError) as caught:
            awslambda.invoke(FunctionName=name, Payload=b"{secret")
        error = caught.value.response["Error"]
        assert error["Code"] == "InvalidRequestContentException"
        assert error["Message"].startswith("Could not parse request body into json")
        assert "secret" not in error["Message"]

    def test_a_dry_run_runs_nothing(self, awslambda, role):
        name = create(awslambda, role, "raise SystemExit")
        answer = awslambda.invoke(FunctionName=name, InvocationType="DryRun")
        assert answer["StatusCode"] == 204 and answer["Payload"].read() == b""


class TestHostileCode:
    def test_one_that_hangs_is_ended_with_all_it_started(self, awslambda, role):
        marker = f"sleeper-{os.urandom(8).hex()}"
        code = f"""
        import os, subprocess, signal, time
        def handler(event, context):
            # A child that leaves its group and session, and one that ignores what can be ignored.
            subprocess.Popen(["setsid", "sh", "-c", "sleep 300; : {marker}"])
            subprocess.Popen(["sh", "-c", "trap '' TERM INT HUP; sleep 300; : {marker}"])
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(300)
        """
        name = create(awslambda, role, code, Timeout=2)
        began = time.monotonic()
        answer, error = call(awslambda, name)
        assert time.monotonic() - began < 8
        assert (answer["errorType"], error) == ("Sandbox.Timedout", "Unhandled")
        assert answer["errorMessage"].endswith("Error: Task timed out after 2.00 seconds")
        gone = lambda: not running(marker)
        program.wait_until(gone, 10, "all of its processes have ended")

    def test_what_a_call_leaves_running_ends_with_its_environment(self, awslambda, role):
        marker = f"daemon-{os.urandom(8).hex()}"
        code = f"""
        import subprocess
        def handler(event, context):
            subprocess.Popen(["setsid", "sh", "-c", "sleep 300; : {marker}"])
        """
        name = create(awslambda, role, code)
        assert call(awslambda, name) == (None, None)
        assert running(marker)
        awslambda.delete_function(FunctionName=name)
        program.wait_until(lambda: not running(marker), 10, "what it left has ended")

    def test_megabytes_of_output_are_bounded(self, server, awslambda, role):
        code = """
        import sys
        def handler(event, context):
            for _ in range(64):
                sys.stdout.write("x" * (1 << 20))
            print("the end")
            return "done"
        """
        name = create(awslambda, role, code)
        before = memory(server.process.pid)
        answer = awslambda.invoke(FunctionName=name, LogType="Tail")
        assert json.loads(answer["Payload"].read()) == "done"
        assert len(base64.b64decode(answer["LogResult"])) <= 4096
        assert memory(server.process.pid) - before < 32 * MEBIBYTE
        (log,) = pathlib.Path(server.argument("--data")).rglob(f"{name}.log")
        assert log.stat().st_size < 2 * MEBIBYTE
        assert stat.S_IMODE(log.stat().st_mode) == 0o600

    def test_memory_processes_files_have_limits(self, awslambda, role):
        code = """
        import os, time
        def handler(event, context):
            if event == "memory":
                return len(bytearray(2 << 30))
            if event == "files":
                return len([open("/dev/null") for _ in range(5000)])
            if event == "file":
                with open(os.environ["TMPDIR"] + "/f", "wb") as out:
                    for _ in range(1024):
                        out.write(bytes(1 << 20))
            if event == "forks":
                made = 0
                try:
                    while True:
                        if os.fork() == 0:
                            time.sleep(300)
                        made += 1
                except OSError:
                    return made
        """
        name = create(awslambda, role, code, Timeout=60)
        assert call(awslambda, name, "memory")[0]["errorType"] == "MemoryError"
        answer, error = call(awslambda, name, "files")
        assert "Too many open files" in answer["errorMessage"]
        answer, error = call(awslambda, name, "file")
        assert error == "Unhandled" and "errorType" in answer
        made, error = call(awslambda, name, "forks")
        assert error is None and 100 < made <= 1024
        awslambda.delete_function(FunctionName=name)

    def test_memory_of_all_processes_together_has_a_limit(self, awslambda, role):
        controllers = pathlib.Path("/sys/fs/cgroup/cgroup.controllers")
        if os.geteuid() != 0 or not controllers.exists() or "memory" not in controllers.read_text():
            pytest.skip("no control groups (cgroup v2) that limit memory for root here")
        code = """
        import os
        def handler(event, context):
            # None of them takes more than it may alone.
            for _ in range(8):
                if os.fork() == 0:
                    kept = bytearray(b"x" * (100 << 20))
                    os.pause() if hasattr(os, "pause") else __import__("signal").pause()
            __import__("time").sleep(60)
        """
        name = create(awslambda, role, code, Timeout=30, MemorySize=256)
        answer, error = call(awslambda, name)
        assert error == "Unhandled" and "signal: killed" in answer["errorMessage"]

    def test_the_servers_data_is_out_of_reach(self, server, awslambda, role):
        data = pathlib.Path(server.argument("--data"))
        key = data.with_suffix(".key")
        assert key.exists() and list(data.iterdir())
        code = """
        import os, pathlib
        def look(path):
            try:
                return os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1).hex()
            except OSError as error:
                return type(error).__name__
        def handler(event, context):
            found = {path: look(path) for path in event["paths"]}
            for name in ["mem", "environ", "fd", "root", "cwd"]:
                found[name] = look(f"/proc/{event['server']}/{name}")
            for pid in event["kill"]:
                try:
                    os.kill(pid, 9)
                    found[str(pid)] = "killed"
                except OSError as error:
                    found[str(pid)] = type(error).__name__
            try:
                os.setuid(0)
                found["root"] = "yes"
            except OSError as error:
                found["root"] = type(error).__name__
            return found
        """
        name = create(awslambda, role, code)
        other = create(awslambda, role, "import time\ndef handler(e, c): time.sleep(e)")
        call(awslambda, other, 0)
        paths = [str(data), str(key), *(str(path) for path in data.rglob("*"))]
        event = {"paths": paths, "server": server.process.pid, "kill": [server.process.pid]}
        found, error = call(awslambda, name, event)
        assert error is None
        assert set(found.values()) == {"PermissionError"}, found

    def test_functions_are_kept_from_each_other(self, awslambda, role):
        victim = create(awslambda, role, "import os\ndef handler(e, c): return dict(os.environ)")
        environment, _ = call(awslambda, victim)
        code = """
        import http.client, os
        def look(path):
            try:
                return os.listdir(path)
            except OSError as error:
                return type(error).__name__
        def handler(event, context):
            found = [look(path) for path in event["paths"]]
            try:
                api = http.client.HTTPConnection(event["api"], timeout=5)
                api.request("GET", "/2018-06-01/runtime/invocation/next")
                found.append(api.getresponse().status)
            except (OSError, http.client.HTTPException):
                found.append("refused")
            return found
        """
        spy = create(awslambda, role, code)
        task = environment["LAMBDA_TASK_ROOT"]
        paths = [task, environment["TMPDIR"], os.path.dirname(task)]
        event = {"paths": paths, "api": environment["AWS_LAMBDA_RUNTIME_API"]}
        assert call(awslambda, spy, event) == (["PermissionError"] * 3 + ["refused"], None)
        # Nor does anybody else on the machine.
        with pytest.raises(OSError):
            api = http.client.HTTPConnection(environment["AWS_LAMBDA_RUNTIME_API"], timeout=5)
            api.request("GET", "/2018-06-01/runtime/invocation/next")
            api.getresponse()
        assert call(awslambda, victim)[1] is None

    def test_code_can_not_be_changed_by_its_function(self, awslambda, role):
        code = """
        import os
        def handler(event, context):
            root = os.environ["LAMBDA_TASK_ROOT"]
            failures = []
            for attempt in [
                lambda: open(root + "/main.py", "a"),
                lambda: open(root + "/new", "w"),
                lambda: os.unlink(root + "/main.py"),
                lambda: os.rename(root, root + "x"),
            ]:
                try:
                    attempt()
                except OSError:
                    failures.append("refused")
            with open(os.environ["TMPDIR"] + "/own", "w") as own:
                own.write("fine")
            return failures
        """
        assert call(awslambda, create(awslambda, role, code)) == (["refused"] * 4, None)


class TestHostileArchives:
    def refused(self, awslambda, role, zipped):
        with pytest.raises(ClientError) as caught:
            create(awslambda, role, zipped)
        error = caught.value.response["Error"]
        assert error["Code"] == "InvalidParameterValueException", error
        return error["Message"]

    def test_what_is_no_archive(self, awslambda, role):
        text = "Could not unzip uploaded file. Please check your file, then try to upload again."
        assert self.refused(awslambda, role, b"no archive") == text
        whole = python("def handler(event, context): pass")
        assert self.refused(awslambda, role, whole[:-10]) == text
        empty = io.BytesIO()
        zipfile.ZipFile(empty, "w").close()
        text = "Uploaded file must be a non-empty zip"
        assert self.refused(awslambda, role, empty.getvalue()) == text

    @pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "a\\..\\x", "a//x"])
    def test_paths_that_lead_elsewhere(self, awslambda, role, name):
        # zipfile writes names as they are given.
        assert "entry" in self.refused(awslambda, role, archive({name: "x", "main.py": "x"}))

    def test_links(self, awslambda, role):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as zipped:
            link = zipfile.ZipInfo("link")
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            zipped.writestr(link, "/etc/passwd")
        assert "neither" in self.refused(awslambda, role, out.getvalue())

    def test_bombs(self, server, awslambda, role):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
            for number in range(300):
                zipped.writestr(f"{number}", bytes(MEBIBYTE))
        before = memory(server.process.pid)
        text = "Unzipped size must be smaller than 262144000 bytes"
        assert self.refused(awslambda, role, out.getvalue()) == text
        assert memory(server.process.pid) - before < 64 * MEBIBYTE

    def test_large_code_is_taken_and_found_whole(self, awslambda, role):
        files = {"main.py": functions.ECHO, "big": os.urandom(20 * MEBIBYTE)}
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as zipped:
            for name, content in files.items():
                zipped.writestr(name, content)
        name = create(awslambda, role, out.getvalue())
        assert call(awslambda, name, 1) == (1, None)
        too_large = out.getvalue() + bytes(40 * MEBIBYTE)
        with pytest.raises(ClientError) as caught:
            create(awslambda, role, too_large)
        answer = caught.value.response
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 413


class TestWithoutWaiting:
    def test_a_call_is_carried_out_and_tried_again(self, clock_server, account, tmp_path):
        iam = client(clock_server, "iam", account=account)
        awslambda = client(clock_server, "lambda", account=account, region=REGION)
        role = functions.role(iam)
        code = "def handler(event, context):\n    print('call', event)\n    raise ValueError(event)"
        name = create(awslambda, role, code)
        answer = awslambda.invoke(FunctionName=name, InvocationType="Event", Payload=b'"once"')
        assert answer["StatusCode"] == 202
        calls = lambda: logged(clock_server, name).count("call once")
        program.wait_until(lambda: calls() == 1, 20, "the first call")
        ended = lambda number: logged(clock_server, name).count("\nREPORT") == number
        program.wait_until(lambda: ended(1), 20, "the end of the first call")
        for number, wait in [(2, "PT61S"), (3, "PT121S")]:
            # The next try is noted when the call has ended, which the log tells first.
            turned = lambda: clock_server.control("clock", {"advance": "PT1S"}) and calls() == number
            clock_server.control("clock", {"advance": wait})
            program.wait_until(turned, 20, f"call {number}")
            program.wait_until(lambda: ended(number), 20, f"the end of call {number}")
        clock_server.control("clock", {"advance": "PT24H"})
        assert calls() == 3

    def test_a_call_survives_a_kill(self, clean_environment, tmp_path):
        data = tmp_path / "data"
        server = program.Server.dev(data)
        with server:
            iam, awslambda = (client(server, name, region=REGION) for name in ["iam", "lambda"])
            role = functions.role(iam)
            code = """
            import time
            def handler(event, context):
                print("call", event, flush=True)
                time.sleep(event)
            """
            name = create(awslambda, role, code, Timeout=60)
            awslambda.invoke(FunctionName=name, InvocationType="Event", Payload=b"30")
            program.wait_until(lambda: "call 30" in logged(server, name), 20, "the call has begun")
            left = hosts(server)
            assert left
            server.kill()
            ended = lambda: not left & set(running("function-host"))
            program.wait_until(ended, 10, "its processes end")
        again = program.Server.dev(data)
        with again:
            begun = lambda: logged(again, name).count("call 30") == 2
            program.wait_until(begun, 30, "the call is carried out again")


def logged(server, name):
    found = list(pathlib.Path(server.argument("--data")).rglob(f"{name}.log"))
    return found[0].read_text() if found else ""


def memory(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no memory")


def test_nothing_secret_lies_around_in_clear(clean_environment, tmp_path):
    secret = {kind: f"canary-{kind}-{os.urandom(12).hex()}" for kind in ["env", "key", "in", "code"]}
    data = tmp_path / "data"
    talkative = program.Server("dev", "--data", str(data), env={"BULLA_LOG": "trace"})
    with talkative as server:
        iam, kms = (client(server, name, region=REGION) for name in ["iam", "kms"])
        awslambda = client(server, "lambda", region=REGION)
        key = kms.create_key()["KeyMetadata"]["Arn"]
        allow = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key}
        role = functions.role(iam, {"Version": "2012-10-17", "Statement": allow})
        code = archive({"main.py": functions.ECHO + f"# {secret['code']}"})
        under = {"env": {}, "key": {"KMSKeyArn": key}}
        for kind, settings in under.items():
            variables = {"Variables": {"PASSWORD": secret[kind]}}
            name = create(awslambda, role, code, Environment=variables, **settings)
            event = {"password": secret["in"]}
            assert call(awslambda, name, event) == (event, None)
            awslambda.invoke(
                FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode()
            )
            wrong = {"AWS_REGION": secret[kind]}
            for refused in [{"Environment": {"Variables": wrong}}, {"Timeout": 901, **settings}]:
                with pytest.raises(ClientError) as caught:
                    create(awslambda, role, code, **{"Environment": variables, **refused})
                assert secret[kind] not in str(caught.value)
            with pytest.raises(ClientError):
                awslambda.invoke(FunctionName=name, Payload=f"{{{secret['in']}".encode())
        server.stop()
        places = {"the log": server.output().encode()}
        places |= {str(path): path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert len(places) > 3
    for kind, text in secret.items():
        raw = text.encode()
        forms = [raw, raw.hex().encode()]
        # Base64 has three forms, by what comes before; their middles don't depend on it.
        forms += [base64.b64encode(b"x" * shift + raw)[4:-4] for shift in range(3)]
        for place, content in places.items():
            assert not [form for form in forms if form in content], f"{kind} in {place}"


class TestWithoutRoot:
    def test_functions_share_the_servers_user_and_are_kept_out_all_the_same(self, clean_environment):
        """Where the server may not choose users, the kernel's Landlock is the wall."""
        if os.geteuid() != 0:
            pytest.skip("the other tests run without root already")
        user = 64999
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            binary = shutil.copy(program.binary(), folder / "bulla")
            data = folder / "own" / "data"
            data.parent.mkdir()
            for path, mode in [(folder, 0o755), (binary, 0o755), (data.parent, 0o700)]:
                os.chmod(path, mode)
            os.chown(data.parent, user, user)
            server = Unprivileged(user, binary, data)
            with server:
                iam, awslambda = (client(server, name, region=REGION) for name in ["iam", "lambda"])
                name = create(awslambda, functions.role(iam), SPY)
                paths = [str(data), f"{data}.key", *(str(path) for path in data.rglob("*"))]
                event = {"paths": paths, "pids": [server.process.pid, os.getpid()]}
                found, error = call(awslambda, name, event)
                assert error is None
                assert found.pop("uid") == user
                reached = {what: how for what, how in found.items() if how != "PermissionError"}
                assert not reached
                assert call(awslambda, name, {"paths": ["/etc/hostname"], "pids": []})[1] is None


SPY = """
import os
def look(path):
    try:
        return os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1).hex()
    except OSError as error:
        return type(error).__name__
def signal(pid):
    try:
        os.kill(pid, 0)
        return "reached"
    except OSError as error:
        return type(error).__name__
def handler(event, context):
    found = {path: look(path) for path in event["paths"]}
    for pid in [*event["pids"], os.getppid()] if event["pids"] else []:
        found[f"signal to {pid}"] = signal(pid)
        for name in ["mem", "environ", "fd"]:
            found[f"{name} of {pid}"] = look(f"/proc/{pid}/{name}")
    return {**found, "uid": os.getuid()}
"""


class Unprivileged(program.Server):
    """`bulla dev` as another user."""

    def __init__(self, user, binary, data):
        super().__init__("dev", "--data", str(data))
        self._user, self._binary = user, binary

    def start(self):
        self.port = program.free_port()
        self.process = subprocess.Popen(
            [self._binary, *self._command, "--listen", f"127.0.0.1:{self.port}"],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=self._env,
            user=self._user,
            group=self._user,
            extra_groups=[],
        )


class TestServe:
    def test_functions_are_off_unless_allowed(self, clean_environment, tmp_path):
        data = tmp_path / "data"
        root = program.init(data)
        keys = {"account": root["AccessKeyId"], "secret": root["SecretAccessKey"]}

        def refused(server):
            awslambda = client(server, "lambda", **keys)
            iam = client(server, "iam", **keys)
            with pytest.raises(ClientError) as caught:
                create(awslambda, functions.role(iam))
            return caught.value.response["Error"]

        with program.Server.serve(data) as server:
            error = refused(server)
            assert error["Code"] == "AccessDeniedException"
            assert "--allow-functions" in error["Message"]
        allowed = program.Server("serve", "--data", str(data), "--allow-functions")
        with allowed as server:
            awslambda, iam = (client(server, name, **keys) for name in ["lambda", "iam"])
            name = create(awslambda, functions.role(iam))
            assert call(awslambda, name, 1) == (1, None)
            left = hosts(server)
            assert left
            server.stop()
            # A host ends when it sees that its pipe from the server has closed.
            ended = lambda: not left & set(running("function-host"))
            program.wait_until(ended, 10, "all end with the server")
        with program.Server.serve(data) as server:
            awslambda = client(server, "lambda", **keys)
            with pytest.raises(ClientError) as caught:
                awslambda.invoke(FunctionName=name)
            assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
            awslambda.delete_function(FunctionName=name)
