"""The tasks of the Celery check, as its worker loads them."""

import os

from celery import Celery

app = Celery("tasks", broker=os.environ["AMQP"], backend="rpc://")
app.conf.update(task_default_queue=os.environ["QUEUE"], worker_enable_remote_control=False, broker_connection_retry_on_startup=True, task_acks_late=True)


@app.task
def add(a, b):
    return a + b


@app.task(bind=True, max_retries=3)
def flaky(self, times):
    if self.request.retries < times:
        raise self.retry(countdown=0.1)
    return self.request.retries


@app.task
def fails():
    raise ValueError("as it should")
