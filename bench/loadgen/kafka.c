/* kafka.c - Kafka load generator: requests built beforehand, on raw sockets.  gcc -O2 -o kafka-load kafka.c
   kafka-load --port P --pid SERVERPID --topic T --wl produce|consume|tail|group [--size 100] [--bytes 16384] [--window 64] [--acks -1] [--secs 3] [--rate N] [--members 10] [--upto BYTES] */
#include "common.h"
static char *topic = "bench"; static int batchBytes = 16384, acks = -1, members = 10; static double upto = 1e18;
static u8 *q_; /* where the next field goes */
static void w8(unsigned v){ *q_++ = v; } static void w16(unsigned v){ w8(v >> 8); w8(v); } static void w32(unsigned v){ w16(v >> 16); w16(v); } static void w64(u64 v){ w32(v >> 32); w32(v); }
static void wraw(const void *p, size_t n){ memcpy(q_, p, n); q_ += n; } static void wstr(const char *s){ w16(strlen(s)); wraw(s, strlen(s)); }
static void wvar(int v){ unsigned z = ((unsigned)v << 1) ^ (v >> 31); while(z > 127){ w8(z | 128); z >>= 7; } w8(z); }
static unsigned g16(u8 *p){ return p[0] << 8 | p[1]; } static unsigned g32(u8 *p){ return g16(p) << 16 | g16(p + 2); } static u64 g64(u8 *p){ return (u64)g32(p) << 32 | g32(p + 4); }
static unsigned crcTable[256];
static unsigned crc32c(u8 *p, size_t n){ if(!crcTable[1]) for(int i = 0; i < 256; i++){ unsigned c = i; for(int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0x82f63b78 : c >> 1; crcTable[i] = c; } unsigned c = ~0u; while(n--) c = c >> 8 ^ crcTable[(c ^ *p++) & 255]; return ~c; }
static unsigned correlation;
static u8 *begin(int key, int version){ u8 *at = q_; w32(0); w16(key); w16(version); w32(correlation++); wstr("bench"); return at; }
static void end(u8 *at){ u8 *to = q_; q_ = at; w32(to - at - 4); q_ = to; }

/* A Produce request (version 7) of one batch for partition 0: the same bytes are sent again and again. */
static u8 *request, *batch_, *payload_; static size_t requestSize; static int perBatch;
static void buildProduce(void){
  request = malloc(batchBytes + A.size + 4096); q_ = request; u8 *at = begin(0, 7);
  w16(0xffff); w16(acks); w32(30000); w32(1); wstr(topic); w32(1); w32(0);
  u8 *sized = q_; w32(0); batch_ = q_; q_ += 61;
  for(perBatch = 0;;){
    u8 ahead[24], *keep = q_; q_ = ahead; w8(0); wvar(0); wvar(perBatch); wvar(-1); wvar(A.size); int n = q_ - ahead; q_ = keep;
    if(perBatch && (q_ - batch_) + 3 + n + A.size + 1 > batchBytes) break;
    wvar(n + A.size + 1); wraw(ahead, n); payload_ = q_; memset(q_, 'x', A.size); q_ += A.size; wvar(0); perBatch++;
    if(A.rate) break;
  }
  u8 *last = q_; int size = last - batch_; struct timespec t; clock_gettime(CLOCK_REALTIME, &t); u64 ms = t.tv_sec * 1000ull + t.tv_nsec / 1000000;
  q_ = sized; w32(size); w64(0); w32(size - 12); w32(-1); w8(2); w32(0); w16(0); w32(perBatch - 1); w64(ms); w64(ms); w64(-1ull); w16(-1); w32(-1); w32(perBatch);
  q_ = batch_ + 17; w32(crc32c(batch_ + 21, last - batch_ - 21)); q_ = last; end(at); requestSize = last - request;
}
static u64 sentBatches, ackedBatches, sentRecords, ackedRecords, gotRecords, gotBytes, fetchAt, wraps;
static void sendProduce(conn *c, u64 at){
  if(A.rate){ memcpy(payload_, &at, 8); q_ = batch_ + 17; w32(crc32c(batch_ + 21, request + requestSize - batch_ - 21)); g_ts[sentBatches & (RING - 1)] = at; }
  put(c, request, requestSize); sentBatches++; sentRecords += perBatch; if(!acks){ ackedBatches++; ackedRecords += perBatch; }
}
static size_t onProduced(conn *c, u8 *p, size_t n){
  size_t o = 0; while(o + 4 <= n && o + 4 + g32(p + o) <= n){
    u8 *f = p + o + 12; f += 2 + g16(f); f += 4; unsigned error = g16(f + 4); if(error){ fprintf(stderr, "Produce: error %u\n", error); exit(2); }
    if(A.rate) h_add(&h_ack, g_now - g_ts[ackedBatches & (RING - 1)]);
    ackedBatches++; ackedRecords += perBatch; o += 4 + g32(p + o);
  }
  return o;
}
static void sendFetch(conn *c){
  q_ = room(c, 256); u8 *from = q_, *at = begin(1, 4); w32(-1); w32(500); w32(1); w32(50 << 20); w8(0); w32(1); wstr(topic); w32(1); w32(0); w64(fetchAt); w32(1 << 20); end(at); c->olen += q_ - from;
}
static int fetching = 1;
static size_t onFetched(conn *c, u8 *p, size_t n){
  if(n < 4 || n < 4 + (size_t)g32(p)){ if(n >= 4) while(c->icap < 4 + (size_t)g32(p) + 4096){ c->icap *= 2; c->in = realloc(c->in, c->icap); } return 0; }
  size_t whole = 4 + g32(p); u8 *f = p + 16; f += 2 + g16(f); f += 8; unsigned error = g16(f); if(error){ fprintf(stderr, "Fetch: error %u at %lu\n", error, fetchAt); exit(2); }
  u64 high = g64(f + 2); int aborted = (int)g32(f + 18); f += 22 + (aborted > 0 ? 16 * aborted : 0); int size = (int)g32(f); f += 4; u8 *last = f + size;
  while(f + 61 <= last){
    size_t bytes = 12 + (size_t)g32(f + 8); if(f + bytes > last) break; u64 base = g64(f); unsigned delta = g32(f + 23);
    if(A.rate) { u64 t; memcpy(&t, f + bytes - 1 - A.size, 8); h_add(&h_e2e, g_now - t); }
    if(base + delta >= fetchAt){ gotRecords += base + delta + 1 - fetchAt; fetchAt = base + delta + 1; } gotBytes += bytes; f += bytes;
  }
  if(fetchAt >= high && !strcmp(A.wl, "consume")){ fetchAt = 0; wraps++; }
  if(fetching) sendFetch(c);
  return whole;
}
static void watch(conn *c){ fcntl(c->fd, F_SETFL, O_NONBLOCK); struct epoll_event e = {.events = EPOLLIN, .data.ptr = c}; epoll_ctl(g_ep, EPOLL_CTL_ADD, c->fd, &e); }
static void turn(int waitUs){
  struct epoll_event ev[64]; struct timespec to = {0, waitUs * 1000ll}; int k = epoll_pwait2(g_ep, ev, 64, &to, 0); g_now = now_ns();
  for(int i = 0; i < k; i++){ conn *c = ev[i].data.ptr;
    if(ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)){
      if(c->ilen == c->icap){ c->icap *= 2; c->in = realloc(c->in, c->icap); }
      ssize_t r = read(c->fd, c->in + c->ilen, c->icap - c->ilen); if(r == 0 || (r < 0 && errno != EAGAIN)) die("peer closed");
      if(r > 0){ c->ilen += r; for(size_t u; (u = c->parse(c, c->in, c->ilen)) > 0;){ memmove(c->in, c->in + u, c->ilen - u); c->ilen -= u; } }
    }
    if(c->olen > c->ooff) flush_c(c);
  }
}
static int load(void){
  int producing = strcmp(A.wl, "consume") != 0, consuming = strcmp(A.wl, "produce") != 0; conn *pub = 0, *sub = 0; buildProduce();
  if(producing) watch(pub = mkconn(tcp(A.port), 0, onProduced));
  if(consuming){ watch(sub = mkconn(tcp(A.port), 1, onFetched)); sub->in = realloc(sub->in, sub->icap = 4 << 20); if(producing){ int fd = tcp(A.port); q_ = room(sub, 256); u8 *from = q_, *at = begin(2, 1); w32(-1); w32(1); wstr(topic); w32(1); w32(0); w64(-1ull); end(at); wr(fd, from, q_ - from); u8 head[4]; rdn(fd, head, 4); u8 body[256]; rdn(fd, body, g32(head)); fetchAt = g64(body + g32(head) - 8); close(fd); } sendFetch(sub); flush_c(sub); }
  u64 begun = fetchAt; double c0 = cpu_s(A.pid), b0 = busy_s(); struct rusage r0, r1; getrusage(RUSAGE_SELF, &r0);
  u64 t0 = g_now = now_ns(), stop = t0 + (u64)(A.secs * 1e9), hard = stop + 20000000000ull, next = t0; double iv = A.rate ? 1e9 / A.rate : 0;
  for(;;){
    u64 n = g_now = now_ns(); int over = upto < 1e18 ? sentBatches * (double)batchBytes >= upto : n >= stop; if(n > hard && upto >= 1e18){ fprintf(stderr, "what was sent did not come\n"); return 2; }
    if(over && !producing) break;
    if(over && ackedBatches >= sentBatches && (!consuming || fetchAt >= begun + sentRecords)) break;
    if(producing && !over){
      if(A.rate) for(; next <= n; next = t0 + (u64)(iv * sentBatches)) sendProduce(pub, now_ns());
      else while(sentBatches - ackedBatches < (u64)A.window && pub->olen - pub->ooff < (8u << 20) && (!consuming || sentRecords - gotRecords < (u64)perBatch * A.window * 4)) { sendProduce(pub, n); if(!acks && pub->olen - pub->ooff > (1u << 20)) break; }
      flush_c(pub);
    }
    u64 wait = 20000; if(A.rate && !over){ n = now_ns(); wait = next > n ? (next - n) / 1000 : 0; }
    /* under full load: not woken for each answer, so that the server does not pay for waking us */
    if(!A.rate && producing && !over && batchBytes < 262144){ struct timespec z = {0, 50000}; nanosleep(&z, 0); }
    turn(wait);
  }
  double secs = (now_ns() - t0) / 1e9, cpu = cpu_s(A.pid) - c0, busy = busy_s() - b0; getrusage(RUSAGE_SELF, &r1);
  double own = (r1.ru_utime.tv_sec - r0.ru_utime.tv_sec) + (r1.ru_stime.tv_sec - r0.ru_stime.tv_sec) + (r1.ru_utime.tv_usec - r0.ru_utime.tv_usec) / 1e6 + (r1.ru_stime.tv_usec - r0.ru_stime.tv_usec) / 1e6;
  double records = producing ? ackedRecords : gotRecords, bytes = producing ? (double)ackedBatches * (request + requestSize - batch_) : gotBytes, batches = producing ? ackedBatches : bytes / (request + requestSize - batch_);
  printf("{\"records_s\":%.0f,\"mb_s\":%.2f,\"srv_us_record\":%.4f,\"srv_us_batch\":%.2f,\"srv_cores\":%.2f,\"own_cores\":%.2f,\"foreign\":%.2f,\"records\":%.0f,\"e2e_p50\":%.1f,\"e2e_p99\":%.1f,\"ack_p50\":%.1f,\"ack_p99\":%.1f}\n",
    records / secs, bytes / secs / 1e6, cpu * 1e6 / records, cpu * 1e6 / batches, cpu / secs, own / secs, (busy - cpu - own) / secs, records, h_q(&h_e2e, .5), h_q(&h_e2e, .99), h_q(&h_ack, .5), h_q(&h_ack, .99));
  return 0;
}

/* Members of the classic protocol, each on its own connection: all begin at once, and all is done when each has its share in one generation. */
typedef struct { conn *c; char id[128], leader[128]; u8 *asked; int state, generation; u64 beatAt; char (*others)[128]; int count; } member; enum { JOIN = 11, SYNC = 14, BEAT = 12, IDLE = 0 };
static member *all; static char *group_ = "bench-group";
static void wnull(void){ w16(0xffff); }
static void join(member *m){ q_ = room(m->c, 1024); u8 *from = q_, *at = begin(JOIN, 5); wstr(group_); w32(45000); w32(60000); wstr(m->id); wnull(); wstr("consumer"); w32(1); wstr("range"); w32(8); w64(0); end(at); m->c->olen += q_ - from; m->state = JOIN; }
static void sync_(member *m){ q_ = room(m->c, 65536); u8 *from = q_, *at = begin(SYNC, 3); wstr(group_); w32(m->generation); wstr(m->id); wnull(); w32(m->count); for(int i = 0; i < m->count; i++){ wstr(m->others[i]); w32(8); w64(i); } end(at); m->c->olen += q_ - from; m->state = SYNC; }
static void beat(member *m){ q_ = room(m->c, 512); u8 *from = q_, *at = begin(BEAT, 3); wstr(group_); w32(m->generation); wstr(m->id); wnull(); end(at); m->c->olen += q_ - from; m->state = BEAT; m->beatAt = g_now + 3000000000ull; }
static u8 *rstr(u8 *p, char *to){ unsigned n = g16(p); if(n == 0xffff){ *to = 0; return p + 2; } memcpy(to, p + 2, n); to[n] = 0; return p + 2 + n; }
static size_t onMember(conn *c, u8 *p, size_t n){
  if(n < 4 || n < 4 + (size_t)g32(p)) return 0; size_t whole = 4 + g32(p); member *m = &all[c->id]; u8 *f = p + 12; unsigned error = g16(f); f += 2;
  if(m->state == JOIN){
    char protocol[128], id[128]; m->generation = g32(f); f = rstr(f + 4, protocol); f = rstr(f, m->leader); f = rstr(f, id);
    if(error == 79){ strcpy(m->id, id); join(m); return whole; } if(error == 14 || error == 15 || error == 16 || error == 27){ join(m); return whole; } if(error){ fprintf(stderr, "JoinGroup: error %u\n", error); exit(2); }
    strcpy(m->id, id); m->count = g32(f); f += 4; for(int i = 0; i < m->count; i++){ f = rstr(f, m->others[i]); f += 2; f += 4 + g32(f); } sync_(m);
  } else if(m->state == SYNC){ if(error == 27) join(m); else if(error){ fprintf(stderr, "SyncGroup: error %u\n", error); exit(2); } else { m->state = IDLE; m->beatAt = g_now + 3000000000ull; } }
  else { if(error == 27) join(m); else if(error){ fprintf(stderr, "Heartbeat: error %u\n", error); exit(2); } else m->state = IDLE; }
  return whole;
}
static void settled(int fd, int tries){ for(; tries; tries--){ u8 b[512]; q_ = b; u8 *at = begin(10, 1); wstr(group_); w8(0); end(at); wr(fd, b, q_ - b); u8 head[4]; rdn(fd, head, 4); u8 body[1024]; rdn(fd, body, g32(head)); if(g16(body + 8) == 0) return; struct timespec z = {0, 50000000}; nanosleep(&z, 0); } die("no coordinator"); }
static int joining(void){
  all = calloc(members, sizeof *all); int fd = tcp(A.port); settled(fd, 400); double c0 = cpu_s(A.pid);
  for(int i = 0; i < members; i++){ all[i].others = calloc(members + 1, 128); watch(all[i].c = mkconn(tcp(A.port), i, onMember)); }
  u64 t0 = g_now = now_ns(); for(int i = 0; i < members; i++){ join(&all[i]); flush_c(all[i].c); }
  for(int done = 0; done < members;){
    for(int i = 0; i < members; i++) if(all[i].state == IDLE && all[i].beatAt < g_now){ beat(&all[i]); flush_c(all[i].c); }
    turn(2000); done = 0; for(int i = 0; i < members; i++){ flush_c(all[i].c); done += all[i].state == IDLE && all[i].generation == all[0].generation; }
    if(now_ns() - t0 > 60000000000ull) die("the group does not settle");
  }
  printf("{\"ms\":%.2f,\"cpu_ms\":%.1f,\"generation\":%d}\n", (now_ns() - t0) / 1e6, (cpu_s(A.pid) - c0) * 1e3, all[0].generation);
  return 0;
}
int main(int c, char **v){
  for(int i = 1; i + 1 < c; i += 2){ char *k = v[i] + 2; if(!strcmp(k, "topic")) topic = v[i + 1]; if(!strcmp(k, "group")) group_ = v[i + 1]; if(!strcmp(k, "bytes")) batchBytes = atoi(v[i + 1]); if(!strcmp(k, "acks")) acks = atoi(v[i + 1]); if(!strcmp(k, "members")) members = atoi(v[i + 1]); if(!strcmp(k, "upto")) upto = atof(v[i + 1]); }
  args(c, v); g_ep = epoll_create1(0); return strcmp(A.wl, "group") ? load() : joining();
}
