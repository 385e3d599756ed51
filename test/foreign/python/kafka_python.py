"""kafka-python: producing, a group, offsets, administration."""

from checked import KAFKA, RUN, check
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewPartitions, NewTopic
from kafka.errors import TopicAlreadyExistsError

admin = KafkaAdminClient(bootstrap_servers=KAFKA)
topic = f"py-{RUN}"
admin.create_topics([NewTopic(topic, 2, 1)])
check("a topic is made", topic in admin.list_topics())
try:
    admin.create_topics([NewTopic(topic, 2, 1)])
    check("a second one of its name is refused", False)
except TopicAlreadyExistsError:
    check("a second one of its name is refused", True)

for codec in [None, "gzip"]:
    producer = KafkaProducer(bootstrap_servers=KAFKA, compression_type=codec, acks="all")
    sent = [producer.send(topic, f"{codec} {i}".encode(), key=b"k", partition=i % 2, headers=[("h", b"v")]) for i in range(50)]
    check(f"produced, {codec}", [future.get(20).partition for future in sent] == [i % 2 for i in range(50)])
    producer.close()

consumer = KafkaConsumer(
    topic, bootstrap_servers=KAFKA, group_id=f"py-{RUN}", auto_offset_reset="earliest", enable_auto_commit=False, consumer_timeout_ms=20000
)
values = []
for message in consumer:
    values.append(message.value.decode())
    if len(values) == 100:
        break
check("a group reads all of it", len(set(values)) == 100)
consumer.commit()
parts = [TopicPartition(topic, 0), TopicPartition(topic, 1)]
check("committed", [consumer.committed(part) for part in parts] == [50, 50])
check("first and last offsets", consumer.beginning_offsets(parts) == {p: 0 for p in parts} and consumer.end_offsets(parts) == {p: 50 for p in parts})
consumer.seek(parts[0], 49)
check("a seek", next(consumer).offset == 49)
consumer.close()
admin.create_partitions({topic: NewPartitions(4)})
check("a topic grows", len(KafkaConsumer(bootstrap_servers=KAFKA).partitions_for_topic(topic) or ()) == 4)
admin.delete_topics([topic])
check("a topic is removed", topic not in admin.list_topics())
admin.close()
