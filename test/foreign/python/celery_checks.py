"""Celery: a worker of its own, results, retries with a delay, groups of tasks, errors."""

import os
import subprocess
import sys

from checked import RUN, check

os.environ["QUEUE"] = f"celery-{RUN}"
from celery import chain, group  # noqa: E402
from celery_tasks import add, fails, flaky  # noqa: E402

worker = subprocess.Popen(
    [sys.executable, "-m", "celery", "-A", "celery_tasks", "worker", "-c", "2", "-P", "threads", "-l", "ERROR", "--without-gossip", "--without-mingle"],
    stdout=subprocess.DEVNULL,
    stderr=subprocess.STDOUT,
)
try:
    check("a task is done, and its result comes back", add.delay(2, 3).get(timeout=30) == 5)
    check("a hundred at once", group(add.s(i, i) for i in range(100))().get(timeout=30) == [2 * i for i in range(100)])
    check("one after the other", chain(add.s(1, 2), add.s(10))().get(timeout=30) == 13)
    check("tried again after a while", flaky.delay(2).get(timeout=30) == 2)
    check("later", add.apply_async((4, 5), countdown=0.3).get(timeout=30) == 9)
    try:
        fails.delay().get(timeout=30)
        check("an error comes back", False)
    except ValueError as error:
        check("an error comes back", str(error) == "as it should")
finally:
    worker.terminate()
    worker.wait(20)
