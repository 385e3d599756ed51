/* What a program with RabbitMQ's Java client does. One line for each thing that is as it should be. */
import com.rabbitmq.client.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.concurrent.*;

public class Checks {
  static final String RUN = Long.toString(System.nanoTime(), 36);

  static void check(String what, boolean holds) {
    if (!holds) {
      System.out.println("WRONG: " + what);
      System.exit(1);
    }
    System.out.println("ok: " + what);
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  public static void main(String[] args) throws Exception {
    ConnectionFactory factory = new ConnectionFactory();
    factory.setUri(System.getenv("AMQP"));
    try (Connection connection = factory.newConnection("java"); Channel channel = connection.createChannel()) {
      String queue = "java-" + RUN;
      channel.queueDeclare(queue, true, false, false, Map.of("x-max-priority", 5));
      channel.confirmSelect();
      AMQP.BasicProperties properties = new AMQP.BasicProperties.Builder().deliveryMode(2).contentType("text/plain").messageId("m1").headers(Map.of("h", 7)).build();
      for (int i = 0; i < 100; i++) channel.basicPublish("", queue, true, properties, bytes("m" + i));
      channel.waitForConfirmsOrDie(10_000);
      check("a hundred publishes are confirmed", channel.messageCount(queue) == 100);
      BlockingQueue<Delivery> taken = new LinkedBlockingQueue<>();
      channel.basicQos(10);
      String tag = channel.basicConsume(queue, false, (consumer, delivery) -> taken.add(delivery), consumer -> {});
      for (int i = 0; i < 100; i++) {
        Delivery delivery = taken.poll(10, TimeUnit.SECONDS);
        if (delivery == null || !new String(delivery.getBody(), StandardCharsets.UTF_8).equals("m" + i)) check("delivery " + i + " in its order", false);
        if (i == 0) check("properties and headers", delivery.getProperties().getMessageId().equals("m1") && delivery.getProperties().getHeaders().get("h").equals(7));
        channel.basicAck(delivery.getEnvelope().getDeliveryTag(), false);
      }
      check("a hundred deliveries in order, acknowledged", true);
      channel.basicCancel(tag);
      String exchange = "java-topic-" + RUN;
      channel.exchangeDeclare(exchange, BuiltinExchangeType.TOPIC, true);
      channel.queueBind(queue, exchange, "orders.#");
      channel.basicPublish(exchange, "orders.created.eu", properties, bytes("bound"));
      channel.waitForConfirmsOrDie(10_000);
      GetResponse got = channel.basicGet(queue, false);
      check("a binding by a pattern", got != null && new String(got.getBody(), StandardCharsets.UTF_8).equals("bound"));
      channel.basicNack(got.getEnvelope().getDeliveryTag(), false, true);
      got = channel.basicGet(queue, true);
      check("what is given back comes again, and says so", got != null && got.getEnvelope().isRedeliver());
      BlockingQueue<Integer> returned = new LinkedBlockingQueue<>();
      channel.addReturnListener(message -> returned.add(message.getReplyCode()));
      channel.basicPublish(exchange, "nowhere", true, properties, bytes("lost"));
      check("what reaches nobody is returned", Objects.equals(returned.poll(10, TimeUnit.SECONDS), 312));
      try (Channel transactional = connection.createChannel()) {
        transactional.txSelect();
        transactional.basicPublish("", queue, properties, bytes("rolled back"));
        transactional.txRollback();
        transactional.basicPublish("", queue, properties, bytes("committed"));
        transactional.txCommit();
      }
      got = channel.basicGet(queue, true);
      check("a transaction", got != null && new String(got.getBody(), StandardCharsets.UTF_8).equals("committed") && got.getMessageCount() == 0);
      try (Channel wrong = connection.createChannel()) {
        wrong.queueDeclarePassive("none-" + RUN);
        check("a queue that is not there is not found", false);
      } catch (java.io.IOException error) {
        check("a queue that is not there is not found", ((ShutdownSignalException) error.getCause()).getReason().toString().contains("404"));
      } catch (AlreadyClosedException error) {
        check("a queue that is not there is not found", true);
      }
      channel.queueDelete(queue);
      channel.exchangeDelete(exchange);
    }
    System.exit(0);
  }
}
