"""librdkafka by confluent-kafka: producing, both kinds of groups, transactions, administration."""

import time

from checked import KAFKA, RUN, check
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

server = {"bootstrap.servers": KAFKA}
admin = AdminClient(server)


def made(topic, partitions=1):
    for future in admin.create_topics([NewTopic(topic, partitions, 1)]).values():
        future.result(20)
    return topic


def read(consumer, count):
    values, until = [], time.time() + 30
    while len(values) < count and time.time() < until:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            values.append(message.value().decode())
    return values


topic = made(f"rd-{RUN}")
for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
    producer = Producer({**server, "compression.type": codec, "enable.idempotence": True, "linger.ms": 5})
    failed = []
    for i in range(100):
        producer.produce(topic, f"{codec}{i}", key="k", headers={"h": "v"}, callback=lambda error, _: error and failed.append(error))
    check(f"produced, idempotent, {codec}", producer.flush(20) == 0 and not failed)
consumer = Consumer({**server, "group.id": f"rd-{RUN}", "auto.offset.reset": "earliest", "enable.auto.commit": False, "check.crcs": True})
consumer.subscribe([topic])
values = read(consumer, 500)
check("read again, every checksum right", len(values) == 500 and values[0] == "none0" and values[-1] == "zstd99")
consumer.commit(asynchronous=False)
check("committed", consumer.committed([TopicPartition(topic, 0)])[0].offset == 500)
check("first and last offsets", consumer.get_watermark_offsets(TopicPartition(topic, 0), cached=False) == (0, 500))
consumer.seek(TopicPartition(topic, 0, 499))
check("a seek", read(consumer, 1) == ["zstd99"])
consumer.close()

for protocol, settings in [
    ("classic, cooperative", {"partition.assignment.strategy": "cooperative-sticky", "heartbeat.interval.ms": 300}),
    ("consumer", {"group.protocol": "consumer"}),
]:
    topic = made(f"rd-group-{len(protocol)}-{RUN}", 4)
    producer = Producer(server)
    for i in range(40):
        producer.produce(topic, f"v{i}", partition=i % 4)
    producer.flush(20)
    config = {**server, "group.id": f"rd-{len(protocol)}-{RUN}", "auto.offset.reset": "earliest", **settings}
    members = [Consumer(config), Consumer(config)]
    for member in members:
        member.subscribe([topic])
    values, until = set(), time.time() + 60
    while time.time() < until:
        for member in members:
            message = member.poll(0.1)
            if message is not None and message.error() is None:
                values.add(message.value())
        if len(values) == 40 and [len(member.assignment()) for member in members] == [2, 2]:
            break
    check(f"a group ({protocol}): two members read all of it, and share", len(values) == 40 and all(len(m.assignment()) == 2 for m in members))
    for member in members:
        member.close()

sink = made(f"rd-out-{RUN}")
producer = Producer({**server, "transactional.id": f"rd-tx-{RUN}"})
producer.init_transactions(20)
for end in ["abort", "commit"]:
    producer.begin_transaction()
    for i in range(3):
        producer.produce(sink, f"{end} {i}")
    producer.flush(20)
    producer.commit_transaction(20) if end == "commit" else producer.abort_transaction(20)
consumer = Consumer({**server, "group.id": f"rd-out-{RUN}", "auto.offset.reset": "earliest", "isolation.level": "read_committed"})
consumer.subscribe([sink])
check("a transaction: what was committed is read, and nothing else", read(consumer, 3) == ["commit 0", "commit 1", "commit 2"])
consumer.close()

for future in admin.create_partitions([NewPartitions(sink, 3)]).values():
    future.result(20)
check("a topic grows", len(admin.list_topics(sink, 20).topics[sink].partitions) == 3)
resource = ConfigResource(ConfigResource.Type.TOPIC, sink)
check("settings are told", "retention.ms" in list(admin.describe_configs([resource]).values())[0].result(20))
groups = {group.group_id for group in admin.list_consumer_groups(request_timeout=20).result(20).valid}
check("groups are listed", f"rd-{RUN}" in groups)
list(admin.delete_consumer_groups([f"rd-{RUN}"]).values())[0].result(20)
list(admin.delete_topics([sink]).values())[0].result(20)
check("groups and topics are removed", sink not in admin.list_topics(timeout=20).topics)
try:
    list(admin.delete_topics([sink]).values())[0].result(20)
    check("what is gone is not removed again", False)
except KafkaException as error:
    check("what is gone is not removed again", error.args[0].name() == "UNKNOWN_TOPIC_OR_PART")
