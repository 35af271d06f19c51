// SPDX-License-Identifier: Apache-2.0
#include "cli/ask_hub.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "proto/call.h"
#include "proto/convert.h"
#include "proto/frame.h"

static const char *const methods[QUERY_KIND_MAX] = {
	[QUERY_EXPLAIN] = FRAME_METHOD_QUERY "Explain",   [QUERY_LIST] = FRAME_METHOD_QUERY "ListFindings",
	[QUERY_TIMELINE] = FRAME_METHOD_QUERY "Timeline", [QUERY_NOT] = FRAME_METHOD_QUERY "Not",
	[QUERY_FLEET] = FRAME_METHOD_QUERY "Fleet",       [QUERY_DOCTOR] = FRAME_METHOD_QUERY "Doctor",
	[QUERY_RULES] = FRAME_METHOD_QUERY "Rules",       [QUERY_METRICS] = FRAME_METHOD_QUERY "Metrics",
};

/* The connection as it is to be made, and the certificates it is made with. */
struct line {
	const char *hub;
	struct tls_pems pems;
	struct call_options options;
	uint32_t deadline_ms;
};

static void line_done(struct line *l)
{
	tls_pems_done(&l->pems);
}

static bool has_port(const char *hub)
{
	const char *colon = strrchr(hub, ':');

	return colon && colon != hub && (colon[1] || strncmp(hub, "unix:", 5) == 0);
}

static int line_init(const struct common *c, const char *hub, struct line *l, char *ret_error, size_t size)
{
	struct tls_files files = { .ca = c->tls_ca, .cert = c->tls_cert, .key = c->tls_key };

	*l = (struct line){ .hub = hub, .options = { .address = hub, .max_message = CALL_MAX_MESSAGE } };
	l->deadline_ms = (uint32_t)MIN_OF(MAX_OF(c->timeout_ns / NS_PER_MS, 1ULL), (uint64_t)INT32_MAX);
	if (!has_port(hub)) {
		snprintf(ret_error, size, "--hub: write HOST:PORT, such as hub.example.org:7443");
		return WHY_EXIT_USAGE;
	}
	if (c->tls_ca || c->tls_cert || c->tls_key) {
		if (tls_check_files(&files, clock_wall_now(), &l->pems, ret_error, size) < 0)
			return WHY_EXIT_USAGE;
		l->options.tls = &l->pems;
	} else if (c->insecure || address_is_loopback(hub)) {
		l->options.insecure = true;
	} else {
		struct text t;

		text_init(&t, ret_error, size);
		text_add_escaped(&t, hub, strnlen(hub, 200));
		text_add(&t, " is not on this machine, so it is asked over TLS: give --tls-ca FILE, and --tls-cert FILE "
			     "--tls-key FILE"
			     " (or $WHY_TLS_CA, $WHY_TLS_CERT, $WHY_TLS_KEY); --insecure speaks plaintext");
		return WHY_EXIT_USAGE;
	}
	return WHY_EXIT_OK;
}

/* What to do about a hub that cannot be reached, as far as the transport's words tell why. */
static void advise(const struct line *l, const char *reason, struct text *t)
{
	if (strcasestr(reason, "handshake") || strcasestr(reason, "certificate")) {
		text_add(t, "\n  Its certificate is not signed by the CA of --tls-ca, or is made for another name;"
			    " or it speaks no TLS at all");
		return;
	}
	text_add(t, "\n  Is whyhub running there, and is the address right? (--hub HOST:PORT, or $WHY_HUB)");
	if (l->options.tls && !l->pems.cert)
		text_add(t, "\n  It was asked without a certificate; a hub of many nodes wants one: "
			    "--tls-cert FILE --tls-key FILE");
	if (!l->options.tls)
		text_add(t, "\n  It was asked in plaintext; a hub that speaks TLS: --tls-ca FILE --tls-cert FILE "
			    "--tls-key FILE");
	text_add(t, "\n  Without a hub, ask this machine's own agent: why --local");
}

/* A call that failed, as a sentence and an exit status. */
static int tell(const struct line *l, int error, const struct call_status *status, char *ret_error, size_t size)
{
	const char *reason = error == -EREMOTEIO  ? status->text
			     : error == -EMSGSIZE ? "its answer is too large"
						  : strerror(-error);
	int code = error == -EREMOTEIO ? status->code : CALL_INTERNAL;
	struct text t;

	text_init(&t, ret_error, size);
	text_add(&t, code == CALL_UNAVAILABLE || code == CALL_TIMEOUT ? "cannot reach the hub at " : "the hub at ");
	text_add_escaped(&t, l->hub, strnlen(l->hub, 200));
	if (error == -EREMOTEIO && code != CALL_UNAVAILABLE)
		text_addf(&t, ": %s", call_code_name(code));
	text_add(&t, ": ");
	text_add_escaped(&t, reason, strlen(reason));
	switch (code) {
	case CALL_DENIED:
	case CALL_UNAUTHENTICATED:
		text_add(&t, "\n  Give a certificate that the hub trusts: --tls-ca FILE --tls-cert FILE --tls-key FILE");
		return WHY_EXIT_DENIED;
	case CALL_BAD_ARGUMENT:
		return WHY_EXIT_USAGE;
	case CALL_EXHAUSTED:
		text_add(&t, "\n  Ask again in a moment");
		return WHY_EXIT_UNREACHABLE;
	case CALL_UNIMPLEMENTED:
		text_add(&t, "\n  This hub is older than this `why`, or it is no whyhub");
		return WHY_EXIT_UNREACHABLE;
	default:
		advise(l, reason, &t);
		return WHY_EXIT_UNREACHABLE;
	}
}

static int tell_nonsense(const struct line *l, const char *field, char *ret_error, size_t size)
{
	struct text t;

	text_init(&t, ret_error, size);
	text_add(&t, "the hub at ");
	text_add_escaped(&t, l->hub, strnlen(l->hub, 200));
	text_addf(&t,
		  " answers what this `why` does not understand (%s): compare `why --version` with `whyhub --version`",
		  field ? field : "malformed");
	return WHY_EXIT_UNREACHABLE;
}

/* ---- a timeline comes in pages: lines of all of them become one answer ---- */

struct pages {
	struct answer *answer;
	const char *field;
};

static int append_lines(struct answer *to, const struct answer *from)
{
	for (size_t i = 0; i < from->n_lines; i++) {
		const struct answer_line *l = &from->lines[i];
		struct answer_line *line = answer_add_line(to);

		if (!line)
			return 0; /* `truncated` tells */
		*line = *l;
		line->what = arena_strdup(to->arena, l->what);
		line->subject = arena_strdup(to->arena, l->subject);
		line->status = arena_strdup(to->arena, l->status);
		line->text = arena_strdup(to->arena, l->text);
		line->detail = arena_strdup(to->arena, l->detail);
	}
	to->truncated = to->truncated || from->truncated;
	return 0;
}

static int on_page(void *arg, const uint8_t *data, size_t n)
{
	struct pages *pages = arg;
	AUTO(answer_free) struct answer *page = NULL;
	int r = answer_unpack(data, n, &page, &pages->field);

	if (r < 0)
		return r;
	if (!pages->answer) {
		pages->answer = TAKE_PTR(page);
		return 0;
	}
	return append_lines(pages->answer, page);
}

static int ask_pages(struct line *l, const struct buf *request, struct answer **ret_answer, char *ret_error, size_t size)
{
	struct call_status status = { 0 };
	struct pages pages = { 0 };
	int r = call_stream(&l->options, methods[QUERY_TIMELINE], request->data, request->len, l->deadline_ms, on_page,
			    &pages, &status);
	AUTO(answer_free) struct answer *answer = pages.answer;

	if (r == -EBADMSG || (r == 0 && !answer))
		return tell_nonsense(l, pages.field, ret_error, size);
	if (r < 0)
		return tell(l, r, &status, ret_error, size);
	*ret_answer = TAKE_PTR(answer);
	return WHY_EXIT_OK;
}

static int pack(const struct query *q, struct buf *request, char *ret_error, size_t size)
{
	buf_init(request, FRAME_MAX_MESSAGE);
	if (query_pack(q, request) == 0)
		return WHY_EXIT_OK;
	snprintf(ret_error, size, "the question is too large, or not valid UTF-8");
	return WHY_EXIT_USAGE;
}

int ask_hub(const struct common *c, const char *hub, const struct query *q, struct answer **ret_answer, char *ret_error,
	    size_t size)
{
	AUTO(line_done) struct line l = { 0 };
	AUTO_BUF struct buf request = { 0 }, reply = { 0 };
	struct call_status status = { 0 };
	const char *field = NULL;
	int r;

	if (q->kind >= QUERY_KIND_MAX || !methods[q->kind]) {
		snprintf(ret_error, size, "only an agent itself does that: ask on its node with --local");
		return WHY_EXIT_USAGE;
	}
	r = line_init(c, hub, &l, ret_error, size);
	if (r == WHY_EXIT_OK)
		r = pack(q, &request, ret_error, size);
	if (r != WHY_EXIT_OK)
		return r;
	if (q->kind == QUERY_TIMELINE)
		return ask_pages(&l, &request, ret_answer, ret_error, size);
	buf_init(&reply, CALL_MAX_MESSAGE);
	r = call_unary(&l.options, methods[q->kind], request.data, request.len, l.deadline_ms, &reply, &status);
	if (r < 0)
		return tell(&l, r, &status, ret_error, size);
	if (answer_unpack(reply.data, reply.len, ret_answer, &field) < 0)
		return tell_nonsense(&l, field, ret_error, size);
	return WHY_EXIT_OK;
}

/* ---- a watch ---- */

struct watching {
	char *cursor;
	int (*told)(void *arg, const struct finding *f);
	void *arg;
	int stopped;
	const char *field;
};

static int on_watch(void *arg, const uint8_t *data, size_t n)
{
	struct watching *w = arg;
	char cursor[64];
	AUTO(finding_free) struct finding *f = NULL;
	int r = frame_watch_unpack(data, n, cursor, &f, &w->field);

	if (r < 0)
		return r;
	w->stopped = w->told(w->arg, f);
	text_copy(w->cursor, sizeof(cursor), cursor);
	return w->stopped == WHY_EXIT_OK ? 0 : -ECANCELED;
}

int ask_hub_watch(const struct common *c, const char *hub, const struct query *q, char *cursor,
		  int (*told)(void *arg, const struct finding *f), void *arg, char *ret_error, size_t size)
{
	AUTO(line_done) struct line l = { 0 };
	AUTO_BUF struct buf request = { 0 };
	struct watching w = { .cursor = cursor, .told = told, .arg = arg };
	struct call_status status = { 0 };
	struct query from = *q;
	int r = line_init(c, hub, &l, ret_error, size);

	text_copy(from.cursor, sizeof(from.cursor), cursor);
	if (r == WHY_EXIT_OK)
		r = pack(&from, &request, ret_error, size);
	if (r != WHY_EXIT_OK)
		return r;
	r = call_stream(&l.options, FRAME_METHOD_QUERY "WatchFindings", request.data, request.len, 0, on_watch, &w,
			&status);
	if (w.stopped != WHY_EXIT_OK)
		return w.stopped;
	if (r == -EBADMSG)
		return tell_nonsense(&l, w.field, ret_error, size);
	if (r == 0) {
		r = -EREMOTEIO;
		status.code = CALL_UNAVAILABLE;
		text_copy(status.text, sizeof(status.text), "it ended the watch");
	}
	return tell(&l, r, &status, ret_error, size);
}
