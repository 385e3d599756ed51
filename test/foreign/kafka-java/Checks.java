/* What a program with Kafka's Java client does: producing, both kinds of groups, transactions, administration. One line for each thing that is as it should be. */
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

public class Checks {
  static final String SERVER = System.getenv("KAFKA");
  static final String RUN = Long.toString(System.nanoTime(), 36);

  static void check(String what, boolean holds) {
    if (!holds) {
      System.out.println("WRONG: " + what);
      System.exit(1);
    }
    System.out.println("ok: " + what);
  }

  static Properties with(String... settings) {
    Properties all = new Properties();
    all.put("bootstrap.servers", SERVER);
    for (int i = 0; i + 1 < settings.length; i += 2) all.put(settings[i], settings[i + 1]);
    return all;
  }

  static KafkaProducer<String, String> producer(String... settings) {
    return new KafkaProducer<>(with(settings), new StringSerializer(), new StringSerializer());
  }

  static KafkaConsumer<String, String> consumer(String... settings) {
    Properties all = with(settings);
    all.put("auto.offset.reset", "earliest");
    return new KafkaConsumer<>(all, new StringDeserializer(), new StringDeserializer());
  }

  static List<String> read(KafkaConsumer<String, String> consumer, int count) {
    List<String> values = new ArrayList<>();
    for (long until = System.currentTimeMillis() + 20_000; values.size() < count && System.currentTimeMillis() < until; )
      for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) values.add(record.value());
    return values;
  }

  public static void main(String[] args) throws Exception {
    try (Admin admin = Admin.create(with())) {
      admin(admin);
      producing();
      groups(admin);
      transactions();
    }
    System.exit(0);
  }

  static void admin(Admin admin) throws Exception {
    String topic = "java-admin-" + RUN;
    admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1).configs(Map.of("retention.ms", "60000")))).all().get();
    check("a topic is made", admin.listTopics().names().get().contains(topic));
    check("it is described", admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size() == 3);
    check("the cluster is described", admin.describeCluster().nodes().get().size() == 1);
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    check("its settings are told", admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms").value().equals("60000"));
    admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "70000"), AlterConfigOp.OpType.SET)))).all().get();
    check("and changed", admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms").value().equals("70000"));
    admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(4))).all().get();
    check("it grows", admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size() == 4);
    boolean refused = false;
    try {
      admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
    } catch (ExecutionException error) {
      refused = error.getCause() instanceof TopicExistsException;
    }
    check("a second one of its name is refused", refused);
    admin.deleteTopics(List.of(topic)).all().get();
    check("it is removed", !admin.listTopics().names().get().contains(topic));
  }

  static void producing() throws Exception {
    String topic = "java-produce-" + RUN;
    for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
      try (KafkaProducer<String, String> producer = producer("compression.type", codec, "linger.ms", "5")) {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (int i = 0; i < 100; i++)
          sent.add(producer.send(new ProducerRecord<>(topic, 0, "key", codec + i, List.of(new RecordHeader("codec", codec.getBytes())))));
        for (Future<RecordMetadata> one : sent) one.get();
      }
    }
    try (KafkaConsumer<String, String> consumer = consumer()) {
      TopicPartition partition = new TopicPartition(topic, 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      List<String> values = read(consumer, 500);
      check("an idempotent producer, by every compression", values.size() == 500 && values.get(0).equals("none0") && values.get(499).equals("zstd99"));
      check("first and last offsets", consumer.beginningOffsets(List.of(partition)).get(partition) == 0 && consumer.endOffsets(List.of(partition)).get(partition) == 500);
      consumer.seek(partition, 490);
      check("a seek", read(consumer, 10).get(0).equals("zstd90"));
      check("an offset by time", consumer.offsetsForTimes(Map.of(partition, 1L)).get(partition).offset() == 0);
    }
  }

  static void groups(Admin admin) throws Exception {
    for (String protocol : List.of("classic", "consumer")) {
      String topic = "java-group-" + protocol + "-" + RUN;
      String group = "java-" + protocol + "-" + RUN;
      admin.createTopics(List.of(new NewTopic(topic, 4, (short) 1))).all().get();
      try (KafkaProducer<String, String> producer = producer()) {
        for (int i = 0; i < 40; i++) producer.send(new ProducerRecord<>(topic, i % 4, null, "v" + i)).get();
      }
      List<String> settings = new ArrayList<>(List.of("group.id", group, "group.protocol", protocol, "enable.auto.commit", "false"));
      if (protocol.equals("classic"))
        settings.addAll(List.of("partition.assignment.strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor", "heartbeat.interval.ms", "300"));
      try (KafkaConsumer<String, String> one = consumer(settings.toArray(new String[0])); KafkaConsumer<String, String> two = consumer(settings.toArray(new String[0]))) {
        one.subscribe(List.of(topic));
        two.subscribe(List.of(topic));
        Set<String> values = new HashSet<>();
        for (long until = System.currentTimeMillis() + 60_000; System.currentTimeMillis() < until; ) {
          for (KafkaConsumer<String, String> consumer : List.of(one, two))
            for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) values.add(record.value());
          if (values.size() == 40 && one.assignment().size() == 2 && two.assignment().size() == 2) break;
        }
        check("a group (" + protocol + "): two members read all of it, and share", values.size() == 40 && one.assignment().size() == 2 && two.assignment().size() == 2);
        Map<TopicPartition, OffsetAndMetadata> all = new HashMap<>();
        for (TopicPartition partition : one.assignment()) all.put(partition, new OffsetAndMetadata(10, "note"));
        one.commitSync(all);
        check("a group (" + protocol + "): committed", one.committed(one.assignment()).values().stream().allMatch(kept -> kept.offset() == 10 && kept.metadata().equals("note")));
        ConsumerGroupDescription told = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
        check("a group (" + protocol + "): described with its members", told.members().size() == 2 && told.groupState() == GroupState.STABLE);
      }
      check("a group (" + protocol + "): its offsets are told", admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().size() == 2);
      admin.deleteConsumerGroups(List.of(group)).all().get();
      check("a group (" + protocol + "): removed", admin.listGroups().all().get().stream().noneMatch(one -> one.groupId().equals(group)));
    }
  }

  static void transactions() throws Exception {
    String source = "java-in-" + RUN;
    String sink = "java-out-" + RUN;
    try (KafkaProducer<String, String> producer = producer()) {
      for (int i = 0; i < 3; i++) producer.send(new ProducerRecord<>(source, "v" + i)).get();
    }
    try (KafkaProducer<String, String> producer = producer("transactional.id", "java-tx-" + RUN);
        KafkaConsumer<String, String> consumer = consumer("group.id", "java-eos-" + RUN, "enable.auto.commit", "false")) {
      producer.initTransactions();
      consumer.subscribe(List.of(source));
      List<String> taken = read(consumer, 3);
      for (boolean commits : new boolean[] {false, true}) {
        producer.beginTransaction();
        for (String value : taken) producer.send(new ProducerRecord<>(sink, (commits ? "kept " : "lost ") + value));
        producer.sendOffsetsToTransaction(Map.of(new TopicPartition(source, 0), new OffsetAndMetadata(3)), consumer.groupMetadata());
        if (commits) producer.commitTransaction();
        else producer.abortTransaction();
      }
      check("a transaction: its offsets move with it", consumer.committed(Set.of(new TopicPartition(source, 0))).get(new TopicPartition(source, 0)).offset() == 3);
    }
    try (KafkaConsumer<String, String> consumer = consumer("group.id", "java-read-" + RUN, "isolation.level", "read_committed")) {
      consumer.subscribe(List.of(sink));
      check("a transaction: what was committed is read, and nothing else", read(consumer, 3).equals(List.of("kept v0", "kept v1", "kept v2")));
    }
    try (KafkaProducer<String, String> former = producer("transactional.id", "java-fence-" + RUN); KafkaProducer<String, String> next = producer("transactional.id", "java-fence-" + RUN)) {
      former.initTransactions();
      former.beginTransaction();
      former.send(new ProducerRecord<>(sink, "fenced"));
      former.flush();
      next.initTransactions();
      boolean fenced = false;
      try {
        former.commitTransaction();
      } catch (ProducerFencedException | InvalidProducerEpochException error) {
        fenced = true;
      }
      check("a second producer of the same name fences the first", fenced);
    }
  }
}
