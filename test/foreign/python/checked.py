"""What the checks of Python's clients share."""

import os
import sys
import time

KAFKA = os.environ.get("KAFKA", "")
AMQP = os.environ.get("AMQP", "")
RUN = format(time.time_ns(), "x")


def check(what, holds):
    print(f"{'ok' if holds else 'WRONG'}: {what}", flush=True)
    if not holds:
        sys.exit(1)
