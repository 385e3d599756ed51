"""pika: publishing with confirms, consuming, exchanges, transactions, refusals."""

import pika
from checked import AMQP, RUN, check

connection = pika.BlockingConnection(pika.URLParameters(AMQP))
channel = connection.channel()
queue = channel.queue_declare(f"pika-{RUN}", durable=True).method.queue
channel.confirm_delivery()
for i in range(100):
    channel.basic_publish("", queue, f"m{i}".encode(), pika.BasicProperties(delivery_mode=2, headers={"n": i}, message_id=str(i)), mandatory=True)
check("a hundred publishes are confirmed", channel.queue_declare(queue, passive=True).method.message_count == 100)
channel.basic_qos(prefetch_count=10)
taken = []
for method, properties, body in channel.consume(queue, inactivity_timeout=20):
    if method is None:
        break
    taken.append((body.decode(), properties.headers["n"]))
    channel.basic_ack(method.delivery_tag)
    if len(taken) == 100:
        break
channel.cancel()
check("a hundred deliveries in order, with their headers", taken == [(f"m{i}", i) for i in range(100)])

channel.exchange_declare(f"pika-fan-{RUN}", "fanout")
queues = [channel.queue_declare("", exclusive=True).method.queue for _ in range(3)]
for one in queues:
    channel.queue_bind(one, f"pika-fan-{RUN}")
channel.basic_publish(f"pika-fan-{RUN}", "", b"to all")
check("one for all", [channel.basic_get(one, auto_ack=True)[2] for one in queues] == [b"to all"] * 3)

try:
    channel.basic_publish("", f"none-{RUN}", b"lost", mandatory=True)
    check("what reaches nobody is returned", False)
except pika.exceptions.UnroutableError:
    check("what reaches nobody is returned", True)

dead = channel.queue_declare(f"pika-dead-{RUN}").method.queue
source = channel.queue_declare(
    f"pika-short-{RUN}", arguments={"x-message-ttl": 50, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
).method.queue
channel.basic_publish("", source, b"late")
for method, properties, body in channel.consume(dead, inactivity_timeout=20, auto_ack=True):
    check("what is not taken in time goes where the dead go", body == b"late" and properties.headers["x-death"][0]["reason"] == "expired")
    break
channel.cancel()

other = connection.channel()
other.tx_select()
other.basic_publish("", queue, b"rolled back")
other.tx_rollback()
other.basic_publish("", queue, b"committed")
other.tx_commit()
check("a transaction", channel.basic_get(queue, auto_ack=True)[2] == b"committed" and channel.basic_get(queue)[0] is None)
try:
    other.queue_declare(queue, durable=False)
    check("another queue of the same name is refused", False)
except pika.exceptions.ChannelClosedByBroker as error:
    check("another queue of the same name is refused", error.reply_code == 406)
connection.close()
