// franz-go: producing, a group, transactions, administration.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var run = fmt.Sprintf("%x", time.Now().UnixNano())

func check(what string, holds bool) {
	if !holds {
		fmt.Println("WRONG:", what)
		os.Exit(1)
	}
	fmt.Println("ok:", what)
}

func must(what string, err error) {
	if err != nil {
		fmt.Println("WRONG:", what, err)
		os.Exit(1)
	}
}

func client(options ...kgo.Opt) *kgo.Client {
	made, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(os.Getenv("KAFKA"))}, options...)...)
	must("a client", err)
	return made
}

func read(ctx context.Context, from *kgo.Client, count int) []string {
	var values []string
	for len(values) < count && ctx.Err() == nil {
		from.PollFetches(ctx).EachRecord(func(record *kgo.Record) { values = append(values, string(record.Value)) })
	}
	return values
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	plain := client()
	defer plain.Close()
	admin := kadm.NewClient(plain)
	topic := "go-" + run
	_, err := admin.CreateTopic(ctx, 2, 1, nil, topic)
	must("a topic is made", err)
	_, err = admin.CreateTopic(ctx, 2, 1, nil, topic)
	check("a second one of its name is refused", errors.Is(err, kerr.TopicAlreadyExists))

	codecs := []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}
	for i, codec := range codecs {
		producer := client(kgo.ProducerBatchCompression(codec))
		for k := 0; k < 20; k++ {
			record := &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte(fmt.Sprintf("%d-%d", i, k)), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("v")}}}
			must("a record is produced", producer.ProduceSync(ctx, record).FirstErr())
		}
		producer.Close()
	}
	reader := client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	check("an idempotent producer, by every compression, read again", len(read(ctx, reader, 100)) == 100)
	reader.Close()

	group := "go-group-" + run
	member := client(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.Balancers(kgo.CooperativeStickyBalancer()))
	check("a group reads all of it", len(read(ctx, member, 100)) == 100)
	must("committed", member.CommitUncommittedOffsets(ctx))
	member.Close()
	offsets, err := admin.FetchOffsets(ctx, group)
	must("offsets of a group", err)
	var sum int64
	offsets.Each(func(one kadm.OffsetResponse) { sum += one.At })
	check("committed", sum == 100)
	lag, err := admin.Lag(ctx, group)
	must("lag", err)
	check("its lag is told", lag[group].Lag.Total() == 0)

	sink := "go-out-" + run
	_, err = admin.CreateTopic(ctx, 1, 1, nil, sink)
	must("a topic is made", err)
	producer := client(kgo.TransactionalID("go-tx-"+run), kgo.DefaultProduceTopic(sink))
	for _, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		must("a transaction begins", producer.BeginTransaction())
		for i := 0; i < 3; i++ {
			must("a record is produced", producer.ProduceSync(ctx, kgo.StringRecord(fmt.Sprintf("%v %d", end, i))).FirstErr())
		}
		must("a transaction ends", producer.EndTransaction(ctx, end))
	}
	producer.Close()
	committed := client(kgo.ConsumeTopics(sink), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	values := read(ctx, committed, 3)
	check("a transaction: what was committed is read, and nothing else", len(values) == 3 && values[0] == fmt.Sprintf("%v 0", kgo.TryCommit))
	committed.Close()

	described, err := admin.DescribeGroups(ctx, group)
	must("groups are described", err)
	check("groups are described", described[group].State == "Empty")
	_, err = admin.DeleteGroup(ctx, group)
	must("a group is removed", err)
	_, err = admin.DeleteTopics(ctx, topic, sink)
	must("topics are removed", err)
	topics, err := admin.ListTopics(ctx)
	must("topics are listed", err)
	check("groups and topics are removed", !topics.Has(topic))
}
