// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_stats.h"

#include "base/version.h"

static void say(struct buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
	(void)buf_addf(out, "# HELP whyhub_%s %s\n# TYPE whyhub_%s %s\nwhyhub_%s %llu\n", name, help, name, type, name,
		       (unsigned long long)value);
}

static void counter(struct buf *out, const char *name, const char *help, uint64_t value)
{
	say(out, name, "counter", help, value);
}

static void gauge(struct buf *out, const char *name, const char *help, uint64_t value)
{
	say(out, name, "gauge", help, value);
}

static void say_writer(struct writer *w, struct buf *out)
{
	struct writer_stats s;

	writer_stats(w, &s);
	counter(out, "findings_stored_total", "Changes of findings stored.", s.stored);
	counter(out, "findings_known_total", "Changes that were stored before, or older than what is stored.", s.known);
	counter(out, "findings_foreign_total", "Changes refused: the finding belongs to another node.", s.foreign);
	counter(out, "findings_deleted_total", "Rows deleted by retention.", s.deleted);
	counter(out, "commits_total", "Commits to the store.", s.commits);
	counter(out, "store_failures_total", "Commits that failed.", s.failures);
	gauge(out, "store_failing", "1 while the store refuses findings.", s.last_error != 0);
	gauge(out, "queue_records", "Records waiting to be stored.", s.queued_records);
	gauge(out, "queue_bytes", "Bytes waiting to be stored.", s.queued_bytes);
	counter(out, "queue_full_total", "Batches that had to wait because the queue was full.", s.refused_puts);
	counter(out, "notes_dropped_total", "Notes about nodes that were dropped.", s.dropped_notes);
}

static void say_agents(struct agents *a, struct buf *out)
{
	struct agents_stats s;

	agents_stats(a, &s);
	gauge(out, "agents_connected", "Agents connected.", s.connected);
	counter(out, "agents_hellos_total", "Agents that have connected.", s.hellos);
	counter(out, "agents_replaced_total", "Streams replaced by a newer one of the same node.", s.replaced);
	counter(out, "agents_refused_identity_total", "Agents refused: not the node of their certificate.",
		s.refused_identity);
	counter(out, "agents_refused_protocol_total", "Agents refused: malformed or misplaced messages.",
		s.refused_protocol);
	counter(out, "batches_total", "Batches received.", s.batches);
	counter(out, "records_total", "Records received that were well-formed.", s.records);
	counter(out, "records_bad_total", "Records left out: malformed, or of another node.", s.bad_records);
	counter(out, "heartbeats_total", "Heartbeats received.", s.heartbeats);
	gauge(out, "agents_waiting", "Agents not read because the queue is full.", s.waiting);
	counter(out, "asks_total", "Questions sent to nodes.", s.asked);
	counter(out, "asks_unanswered_total", "Questions that a node did not answer.", s.unanswered);
}

static void say_rpc(struct rpc_server *server, struct buf *out)
{
	struct rpc_stats s;

	rpc_server_stats(server, &s);
	gauge(out, "streams_open", "gRPC streams open.", s.open);
	counter(out, "streams_total", "gRPC streams opened.", s.opened);
	counter(out, "streams_refused_total", "gRPC streams refused.", s.refused);
	counter(out, "streams_stuck_total", "gRPC streams cut because the peer took nothing.", s.stuck);
	counter(out, "messages_received_total", "gRPC messages received.", s.messages);
	counter(out, "messages_received_bytes_total", "Bytes of gRPC messages received.", s.bytes);
}

static void say_rest(const struct hub_stats *s, struct buf *out)
{
	struct questions_stats q;
	uint64_t refused;

	if (s->questions) {
		questions_stats(s->questions, &q);
		counter(out, "questions_total", "Questions asked over gRPC.", q.asked);
		counter(out, "questions_refused_total", "Questions refused because there were too many.", q.refused);
	}
	if (s->watch)
		gauge(out, "watchers", "Watchers of findings.", watch_count(s->watch));
	if (s->probe)
		counter(out, "self_probe_failures_total", "Health checks of the hub by itself that failed.",
			self_probe_failures(s->probe));
	if (s->tls) {
		counter(out, "tls_reloads_total", "Certificates read again.", rpc_tls_reloads(s->tls, &refused));
		counter(out, "tls_reloads_refused_total", "Changed certificates that were not fit for use.", refused);
		gauge(out, "tls_expires_timestamp_seconds", "When the hub's certificate expires.",
		      rpc_tls_expires_at(s->tls) / NS_PER_S);
	}
}

void hub_stats_print(const struct hub_stats *s, const struct store_reader *reader, struct buf *out)
{
	struct store_totals totals;

	(void)buf_addf(out,
		       "# HELP whyhub_build_info The version.\n# TYPE whyhub_build_info "
		       "gauge\nwhyhub_build_info{version=\"%s\"} 1\n",
		       WHY_VERSION);
	if (reader->class->totals(reader->state, &totals) == 0) {
		gauge(out, "findings", "Findings stored.", totals.findings);
		gauge(out, "findings_open", "Open findings stored.", totals.open);
		gauge(out, "nodes", "Nodes known.", totals.nodes);
		gauge(out, "store_bytes", "Size of the store.", totals.bytes);
	}
	if (s->writer)
		say_writer(s->writer, out);
	if (s->agents)
		say_agents(s->agents, out);
	if (s->server)
		say_rpc(s->server, out);
	say_rest(s, out);
}
