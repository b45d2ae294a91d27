"""The exceptions that AWS's interface models document of the operations that are served, and what
the suites of them have in common: each is provoked, or it is said why nothing can provoke it.
"""

import concurrent.futures
import pathlib
import re

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

COVERAGE = pathlib.Path(__file__).parents[2] / "docs" / "coverage.md"
DEFAULT_STATUS = 400
RACERS = 8

# Reasons that more than one service has.
OWN_FAULT = "a fault of the server's own"
NO_VALUE = "no value of its parameters gets as far as that; the model's limits come first"
IN_TURN = "calls that change the same thing are made anew, one after another"


class Suite:
    """A service's documented exceptions.

    `cases` has what provokes one, by operation and code; `usual` gives what provokes one that most
    operations have; `beyond` says why nothing can provoke one. The last two answer None where they
    have nothing to say.
    """

    def __init__(self, service, cases, usual, beyond):
        self.model = botocore.session.get_session().get_service_model(service)
        self.cases, self.usual, self.beyond = cases, usual, beyond
        self.statuses = {}
        for operation in served(self.model.service_id):
            for shape in self.model.operation_model(operation).error_shapes:
                error = shape.metadata.get("error", {})
                self.statuses[operation, shape.name] = error.get("httpStatusCode", DEFAULT_STATUS)

    def provoked(self):
        """What can be provoked: each must be."""
        return [pair for pair in self.statuses if self.beyond(*pair) is None]

    def each(self):
        """Runs a test for all of them."""
        ids = ["-".join(pair) for pair in self.provoked()]
        return pytest.mark.parametrize(("operation", "code"), self.provoked(), ids=ids)

    def raised(self, operation, code, make_world):
        """The text of the exception that the operation itself raises."""
        provoke = self.cases.get((operation, code)) or self.usual(operation, code)
        assert provoke, f"nothing provokes {code} of {operation}"
        world = make_world()
        with pytest.raises(ClientError) as caught:
            provoke(world)
        answer = caught.value.response
        assert (caught.value.operation_name, answer["Error"]["Code"]) == (operation, code), answer
        status = answer["ResponseMetadata"]["HTTPStatusCode"]
        assert status == self.statuses[operation, code]
        return answer["Error"].get("Message", "")

    def is_exact(self, *reasons):
        """Nothing is listed that is not documented, or both provoked and given a reason."""
        listed = [*self.cases, *(pair for reason in reasons for pair in reason)]
        assert set(listed) <= set(self.statuses), set(listed) - set(self.statuses)
        both = [pair for pair in self.cases if self.beyond(*pair) is not None]
        assert not both, both


def served(title):
    """The operations of a service that the coverage table says are served."""
    _, _, rest = COVERAGE.read_text().partition(f"\n## {title}\n")
    names = re.findall(r"^\| (\w+) \| yes \|$", rest.partition("\n## ")[0], re.MULTILINE)
    assert names, f"{COVERAGE} has nothing of {title}"
    return names


def race(call, count=5 * RACERS):
    """What a call gives for each number, made of many at a time."""
    with concurrent.futures.ThreadPoolExecutor(RACERS) as pool:
        return list(pool.map(call, range(count)))


def method(client, operation):
    """A client's method for an operation."""
    return getattr(client, xform_name(operation))
