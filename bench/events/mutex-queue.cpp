// What C++ programs have before they look for something better: a std::queue behind a mutex and a condition variable.
// usage: mutex-queue bytes|text one|many PRODUCERS CONSUMERS EVENTS     prints events per second
// "many": producers bring, and consumers take, up to 64 under one lock.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <queue>
#include <string>
#include <thread>
#include <vector>

struct Bytes {
  int64_t id;
  unsigned char rest[56];
};

struct Text {
  int64_t id;
  std::string type;
  std::string data;
};

static const char *const kText = "{\"user\":12345,\"name\":\"alice\",\"ok\":true}";
static const size_t kTogether = 64;

template <class T> T make(int64_t id);

template <> Bytes make<Bytes>(int64_t id) {
  Bytes event;
  event.id = id;
  memset(event.rest, static_cast<int>(id), sizeof event.rest);
  return event;
}

template <> Text make<Text>(int64_t id) { return Text{id, "event", std::string(kText, 38)}; }

static uint64_t look(const Bytes &event) { return event.rest[7]; }
static uint64_t look(const Text &event) { return event.data.size(); }

template <class T> class Queue {
public:
  void put(T event) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      events_.push(std::move(event));
    }
    ready_.notify_one();
  }

  void put(std::vector<T> &events) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      for (T &event : events) events_.push(std::move(event));
    }
    events.clear();
    ready_.notify_one();
  }

  bool take(T &event) {
    std::unique_lock<std::mutex> lock(mutex_);
    ready_.wait(lock, [&] { return !events_.empty() || over_; });
    if (events_.empty()) return false;
    event = std::move(events_.front());
    events_.pop();
    return true;
  }

  bool take(std::vector<T> &events) {
    events.clear();
    std::unique_lock<std::mutex> lock(mutex_);
    ready_.wait(lock, [&] { return !events_.empty() || over_; });
    while (!events_.empty() && events.size() < kTogether) {
      events.push_back(std::move(events_.front()));
      events_.pop();
    }
    if (!events_.empty()) ready_.notify_one();
    return !events.empty();
  }

  void end() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      over_ = true;
    }
    ready_.notify_all();
  }

private:
  std::queue<T> events_;
  std::mutex mutex_;
  std::condition_variable ready_;
  bool over_ = false;
};

template <class T> void produce(Queue<T> &queue, bool many, int64_t first, int64_t end) {
  std::vector<T> events;
  for (int64_t id = first; id < end; id++) {
    if (!many) {
      queue.put(make<T>(id));
      continue;
    }
    events.push_back(make<T>(id));
    if (events.size() == kTogether) queue.put(events);
  }
  if (!events.empty()) queue.put(events);
}

template <class T> void consume(Queue<T> &queue, bool many, uint64_t &seen, int64_t &count) {
  if (many) {
    std::vector<T> events;
    while (queue.take(events)) {
      for (const T &event : events) seen += look(event);
      count += static_cast<int64_t>(events.size());
    }
    return;
  }
  T event;
  while (queue.take(event)) {
    seen += look(event);
    count++;
  }
}

struct alignas(128) Tally {
  uint64_t seen = 0;
  int64_t count = 0;
};

template <class T> int run(bool many, int producers, int consumers, int64_t events) {
  Queue<T> queue;
  std::vector<Tally> tallies(static_cast<size_t>(consumers));
  std::vector<std::thread> taking, putting;
  for (Tally &tally : tallies)
    taking.emplace_back([&queue, &tally, many] {
      Tally own;
      consume(queue, many, own.seen, own.count);
      tally = own;
    });
  const auto began = std::chrono::steady_clock::now();
  const int64_t each = events / producers;
  for (int p = 0; p < producers; p++) putting.emplace_back([&queue, many, each, p] { produce(queue, many, p * each, (p + 1) * each); });
  for (std::thread &thread : putting) thread.join();
  queue.end();
  for (std::thread &thread : taking) thread.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  int64_t count = 0;
  uint64_t seen = 0;
  for (const Tally &tally : tallies) {
    count += tally.count;
    seen += tally.seen;
  }
  if (count != each * producers) {
    fprintf(stderr, "%lld events went in and %lld came out\n", static_cast<long long>(each * producers), static_cast<long long>(count));
    return 1;
  }
  fprintf(stderr, "looked at %llu\n", static_cast<unsigned long long>(seen));
  printf("%.0f\n", static_cast<double>(count) / took.count());
  return 0;
}

int main(int count, char **arguments) {
  if (count != 6) {
    fprintf(stderr, "usage: mutex-queue bytes|text one|many PRODUCERS CONSUMERS EVENTS\n");
    return 2;
  }
  const bool many = std::string(arguments[2]) == "many";
  const int producers = atoi(arguments[3]), consumers = atoi(arguments[4]);
  const int64_t events = atoll(arguments[5]);
  return std::string(arguments[1]) == "text" ? run<Text>(many, producers, consumers, events)
                                             : run<Bytes>(many, producers, consumers, events);
}
