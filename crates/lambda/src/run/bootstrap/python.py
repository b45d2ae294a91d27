"""Runs a handler in Python on Lambda's Runtime API."""

import http.client
import importlib
import json
import logging
import os
import sys
import time
import traceback

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
ROOT = os.environ["LAMBDA_TASK_ROOT"]
PREFIX = "/2018-06-01/runtime/"
HERE = os.path.abspath(__file__)


class Runtime:
    """The API, over one connection."""

    def __init__(self):
        self.connection = http.client.HTTPConnection(API)

    def ask(self, method, path, body=None, headers=None):
        self.connection.request(method, PREFIX + path, body, headers or {})
        answer = self.connection.getresponse()
        return answer, answer.read()

    def next(self):
        return self.ask("GET", "invocation/next")

    def answer(self, call, body):
        self.ask("POST", f"invocation/{call}/response", body, {"Content-Type": "application/json"})

    def fail(self, path, error):
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Function-Error-Type": error["errorType"],
        }
        self.ask("POST", path, json.dumps(error).encode(), headers)


class Identity:
    cognito_identity_id = None
    cognito_identity_pool_id = None


class Context:
    """What a handler is told of its call."""

    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = Identity()
        given = headers.get("Lambda-Runtime-Client-Context")
        self.client_context = json.loads(given) if given else None

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline_ms - int(time.time() * 1000))


class Refused(Exception):
    """The handler can't be found; `kind` is Lambda's name for that."""

    def __init__(self, kind, text):
        super().__init__(text)
        self.kind = kind


def described(error):
    """An error as Lambda shows it."""
    if isinstance(error, Refused):
        kind, trace = error.kind, []
    else:
        kind = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if os.path.abspath(frame.filename) != HERE]
        trace = traceback.format_list(own)
    return {
        "errorMessage": str(error),
        "errorType": kind,
        "requestId": current["id"],
        "stackTrace": trace,
    }


def tell(error):
    """Prints an error into the log."""
    print(f"[ERROR] {error['errorType']}: {error['errorMessage']}")
    if error["stackTrace"]:
        print("Traceback (most recent call last):")
        print("".join(error["stackTrace"]), end="")
    flush()


def flush():
    sys.stdout.flush()
    sys.stderr.flush()


def find(name):
    """The handler of a name such as `package/module.function`."""
    module, dot, function = name.rpartition(".")
    if not dot or not module or not function:
        text = f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)"
        raise Refused("Runtime.MalformedHandlerName", text)
    module = module.replace("/", ".")
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        text = f"Unable to import module '{module}': {error}"
        raise Refused("Runtime.ImportModuleError", text) from error
    except SyntaxError as error:
        text = f"Syntax error in module '{module}': {error}"
        raise Refused("Runtime.UserCodeSyntaxError", text) from error
    if not hasattr(found, function):
        text = f"Handler '{function}' missing on module '{module}'"
        raise Refused("Runtime.HandlerNotFound", text)
    return getattr(found, function)


class Lines(logging.Handler):
    """Writes records of `logging` as Lambda does."""

    def emit(self, record):
        try:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            text = self.format(record)
            print(f"[{record.levelname}]\t{stamp}.{int(record.msecs):03d}Z\t{current['id']}\t{text}")
        except Exception:
            self.handleError(record)


def encoded(result):
    try:
        return json.dumps(result, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        text = f"Unable to marshal response: {error}"
        raise Refused("Runtime.MarshalError", text) from error


current = {"id": ""}


def main():
    runtime = Runtime()
    if ROOT not in sys.path:
        sys.path.insert(0, ROOT)
    # The folder of this file is not the function's.
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != os.path.dirname(HERE)]
    logging.getLogger().addHandler(Lines())
    try:
        handler = find(os.environ["_HANDLER"])
    except BaseException as error:
        failure = described(error)
        tell(failure)
        runtime.fail("init/error", failure)
        sys.exit(1)
    while True:
        answer, body = runtime.next()
        context = Context(answer.headers)
        current["id"] = context.aws_request_id
        try:
            event = json.loads(body) if body else {}
            result = encoded(handler(event, context))
        except SystemExit:
            flush()
            raise
        except BaseException as error:
            failure = described(error)
            tell(failure)
            runtime.fail(f"invocation/{context.aws_request_id}/error", failure)
        else:
            flush()
            runtime.answer(context.aws_request_id, result)


if __name__ == "__main__":
    main()
