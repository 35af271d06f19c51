// SPDX-License-Identifier: Apache-2.0
#include "identity/tf_config.h"

#include <string.h>

#include "base/text.h"

#define MAX_DEPTH 8
#define MAX_TASKS 1000000u

struct scan {
	const char *at, *end;
	struct tf_config *config;
	unsigned address_of; /* 1 worker, 2 master, 3 chief */
};

static bool next_is(struct scan *s, char c)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
		s->at++;
	if (s->at >= s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

/* Without escapes, which no name of a task or host has: such a string is read, and is "". False: it has no end. */
static bool read_string(struct scan *s, char *ret_text, size_t size)
{
	const char *start;
	bool plain = true;
	struct text t;

	if (!next_is(s, '"'))
		return false;
	for (start = s->at; s->at < s->end && *s->at != '"'; s->at++) {
		if (*s->at == '\\') {
			plain = false;
			if (++s->at == s->end)
				return false;
		}
	}
	if (s->at == s->end)
		return false;
	text_init(&t, ret_text, size);
	text_add_escaped(&t, start, plain ? (size_t)(s->at - start) : 0);
	if (t.truncated)
		ret_text[0] = '\0';
	s->at++;
	return true;
}

/* Also "3", as some write it. False: no number, or it may go on behind the cut. */
static bool read_number(struct scan *s, uint32_t *ret_number)
{
	const bool quoted = next_is(s, '"');
	uint32_t number = 0;
	size_t digits = 0;

	(void)next_is(s, ' ');
	for (; s->at < s->end && *s->at >= '0' && *s->at <= '9' && digits < 7; s->at++, digits++)
		number = number * 10 + (uint32_t)(*s->at - '0');
	if (digits == 0 || s->at == s->end || number > MAX_TASKS || (quoted && !next_is(s, '"')))
		return false;
	*ret_number = number;
	return true;
}

static bool skip_value(struct scan *s, unsigned depth);

static bool skip_members(struct scan *s, char close, unsigned depth)
{
	char key[16];

	if (next_is(s, close))
		return true;
	do {
		if (close == '}' && (!read_string(s, key, sizeof(key)) || !next_is(s, ':')))
			return false;
		if (!skip_value(s, depth + 1))
			return false;
	} while (next_is(s, ','));
	return next_is(s, close);
}

static bool skip_value(struct scan *s, unsigned depth)
{
	char ignored[16];

	if (depth > MAX_DEPTH)
		return false;
	if (next_is(s, '{'))
		return skip_members(s, '}', depth);
	if (next_is(s, '['))
		return skip_members(s, ']', depth);
	if (s->at < s->end && *s->at == '"')
		return read_string(s, ignored, sizeof(ignored));
	while (s->at < s->end && !strchr(",]} \t\r\n", *s->at)) /* which a NUL ends as well */
		s->at++;
	return s->at < s->end;
}

static bool read_task(struct scan *s)
{
	char key[16], type[sizeof(s->config->type)] = "";
	uint32_t index = 0;
	bool has_index = false;

	if (!next_is(s, '{'))
		return false;
	do {
		if (!read_string(s, key, sizeof(key)) || !next_is(s, ':'))
			return false;
		if (strcmp(key, "type") == 0) {
			if (!read_string(s, type, sizeof(type)))
				return false;
		} else if (strcmp(key, "index") == 0) {
			if (!read_number(s, &index))
				return false;
			has_index = true;
		} else if (!skip_value(s, 2)) {
			return false;
		}
	} while (next_is(s, ','));
	if (type[0] != '\0' && has_index && s->config->type[0] == '\0') {
		(void)text_copy(s->config->type, sizeof(s->config->type), type);
		s->config->index = index;
	}
	return next_is(s, '}');
}

static void offer_address(struct scan *s, const char *type, const char *address)
{
	static const char *const names[] = { "worker", "master", "chief" };

	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(type, names[i]) == 0 && s->address_of < i + 1 && address[0] != '\0') {
			(void)text_copy(s->config->address, sizeof(s->config->address), address);
			s->address_of = i + 1;
		}
	}
}

/* ["host:port", "host:port"]; a number stands for so many. */
static bool read_addresses(struct scan *s, const char *type, uint32_t *ret_n)
{
	char address[sizeof(s->config->address)];
	uint32_t n = 0, more;

	if (!next_is(s, '['))
		return false;
	*ret_n = 0;
	if (next_is(s, ']'))
		return true;
	do {
		more = 1;
		if (next_is(s, '"')) {
			s->at--;
			if (!read_string(s, address, sizeof(address)))
				return false;
			if (n == 0)
				offer_address(s, type, address);
		} else if (!read_number(s, &more)) {
			return false;
		}
		n = n + more > MAX_TASKS ? MAX_TASKS : n + more;
	} while (next_is(s, ','));
	*ret_n = n;
	return next_is(s, ']');
}

static bool read_cluster(struct scan *s)
{
	struct tf_config *config = s->config;
	char type[sizeof(config->types[0].type)];
	uint32_t n;

	if (!next_is(s, '{'))
		return false;
	if (next_is(s, '}'))
		return true;
	do {
		if (!read_string(s, type, sizeof(type)) || !next_is(s, ':') || !read_addresses(s, type, &n))
			return false;
		if (config->n_types < TF_CONFIG_MAX_TYPES && type[0] != '\0') {
			(void)text_copy(config->types[config->n_types].type, sizeof(type), type);
			config->types[config->n_types++].n = n;
		}
	} while (next_is(s, ','));
	config->whole = next_is(s, '}');
	return config->whole;
}

bool tf_config_parse(const char *json, size_t n, struct tf_config *ret_config)
{
	struct tf_config config = { .type = "" };
	struct scan s = { .at = json, .end = json + n, .config = &config };
	char key[16];
	bool reads = next_is(&s, '{');

	while (reads) {
		reads = read_string(&s, key, sizeof(key)) && next_is(&s, ':');
		if (!reads)
			break;
		if (strcmp(key, "cluster") == 0)
			reads = read_cluster(&s);
		else if (strcmp(key, "task") == 0)
			reads = read_task(&s);
		else
			reads = skip_value(&s, 1);
		reads = reads && next_is(&s, ',');
	}
	if (config.type[0] == '\0' && config.address[0] == '\0')
		return false;
	*ret_config = config;
	return true;
}

size_t tf_config_compact(const struct tf_config *config, char *ret_json, size_t size)
{
	static const char *const names[] = { "chief", "master", "worker" };
	const char *holder = NULL;
	struct text t;

	text_init(&t, ret_json, size);
	text_add(&t, "{");
	if (config->type[0] != '\0')
		text_addf(&t, "\"task\":{\"type\":\"%s\",\"index\":%u},", config->type, config->index);
	text_add(&t, "\"cluster\":{");
	for (size_t i = 0; i < 3 && !holder; i++)
		for (size_t j = 0; j < config->n_types && !holder; j++)
			if (strcmp(config->types[j].type, names[i]) == 0 && config->types[j].n > 0)
				holder = names[i];
	for (size_t j = 0; j < config->n_types; j++) {
		const bool has_address = holder && config->address[0] && strcmp(config->types[j].type, holder) == 0;

		text_addf(&t, "%s\"%s\":[", j > 0 ? "," : "", config->types[j].type);
		if (has_address)
			text_addf(&t, "\"%s\"%s", config->address, config->types[j].n > 1 ? "," : "");
		if (config->types[j].n > has_address)
			text_addf(&t, "%u", config->types[j].n - has_address);
		text_add(&t, "]");
	}
	if (config->whole)
		text_add(&t, "}}");
	return t.len;
}
