// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/args.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/version.h"
#include "base/yaml_tree.h"

#define DEFAULT_CONFIG "/etc/why/whyhub.yaml"
#define EXIT_USAGE     64
#define EXIT_CONFIG    78

#define FIELD(name) offsetof(struct hub_settings, name)

static const struct conf_option options[] = {
	{ "listen", CONF_TEXT, "127.0.0.1:7443", FIELD(listen), .help = "where agents and `why` connect (gRPC)" },
	{ "http.listen", CONF_TEXT, "127.0.0.1:7480", FIELD(http),
	  .help = "web page, API, /metrics and health; off: nowhere" },
	{ "http.open", CONF_BOOL, "false", FIELD(http_open),
	  .help = "serve findings in the open off loopback too: nobody checks who asks" },
	{ "store", CONF_TEXT, "sqlite:/var/lib/why/hub.db", FIELD(store),
	  .help = "where findings are kept, sqlite:PATH" },
	{ "tls.cert", CONF_TEXT, "", FIELD(tls_cert), .help = "file with the hub's certificate" },
	{ "tls.key", CONF_TEXT, "", FIELD(tls_key), .help = "file with its key" },
	{ "tls.ca", CONF_TEXT, "", FIELD(tls_ca),
	  .help = "file with the CA that signs agents' and people's certificates" },
	{ "insecure", CONF_BOOL, "false", FIELD(insecure),
	  .help = "speak plaintext off loopback: anybody may send findings" },
	{ "retain.age", CONF_DURATION, "720h", FIELD(retain_age_ns), "1h", "87600h",
	  .help = "how long resolved findings are kept" },
	{ "retain.bytes", CONF_BYTES, "4GiB", FIELD(retain_bytes), "1MiB", "1024GiB",
	  .help = "how large the store may grow" },
	{ "max_agents", CONF_U64, "8192", FIELD(max_agents), "1", "20000", .help = "agents connected at once" },
	{ "max_memory", CONF_BYTES, "1536MiB", FIELD(max_memory_bytes), "64MiB", "256GiB",
	  .help = "memory above which the hub ends, to be started anew by its supervisor" },
	{ "queue.records", CONF_U64, "50000", FIELD(queue_records), "1000", "10000000",
	  .help = "records that wait to be stored" },
	{ "queue.bytes", CONF_BYTES, "256MiB", FIELD(queue_bytes), "8MiB", "16GiB",
	  .help = "bytes that wait to be stored" },
	{ "log.level", CONF_TEXT, "info", FIELD(log_level), .choices = "error|warning|info|debug",
	  .help = "how much to say on stderr" },
};

struct flags {
	const char *config, *listen, *http, *store, *cert, *key, *ca, *days, *bytes, *agents, *memory, *level;
	bool insecure, http_open, help, version, print_config;
};

static const struct arg_option args[] = {
	{ "listen", 0, "ADDR:PORT", "where agents and `why` connect (default 127.0.0.1:7443)", ARG_TEXT,
	  offsetof(struct flags, listen) },
	{ "http", 0, "ADDR:PORT", "web page, API, /metrics, health (default 127.0.0.1:7480); off: nowhere", ARG_TEXT,
	  offsetof(struct flags, http) },
	{ "store", 0, "URL", "where findings are kept: sqlite:PATH", ARG_TEXT, offsetof(struct flags, store) },
	{ "tls-cert", 0, "FILE", "the hub's certificate", ARG_TEXT, offsetof(struct flags, cert) },
	{ "tls-key", 0, "FILE", "the certificate's key", ARG_TEXT, offsetof(struct flags, key) },
	{ "tls-ca", 0, "FILE", "CA that signs agents' and people's certificates", ARG_TEXT,
	  offsetof(struct flags, ca) },
	{ "insecure", 0, NULL, "allow plaintext off loopback", ARG_FLAG, offsetof(struct flags, insecure) },
	{ "http-open", 0, NULL, "serve findings over HTTP off loopback too, to whoever asks", ARG_FLAG,
	  offsetof(struct flags, http_open) },
	{ "config", 'c', "FILE", "configuration file (default " DEFAULT_CONFIG ")", ARG_TEXT,
	  offsetof(struct flags, config) },
	{ "retain-days", 0, "N", "days that resolved findings are kept (default 30)", ARG_TEXT,
	  offsetof(struct flags, days) },
	{ "retain-bytes", 0, "BYTES", "how large the store may grow (default 4GiB)", ARG_TEXT,
	  offsetof(struct flags, bytes) },
	{ "max-agents", 0, "N", "agents connected at once (default 8192)", ARG_TEXT, offsetof(struct flags, agents) },
	{ "max-memory", 0, "BYTES", "end, to be started anew, above this (default 1536MiB)", ARG_TEXT,
	  offsetof(struct flags, memory) },
	{ "log-level", 0, "LEVEL", "error, warning, info or debug", ARG_TEXT, offsetof(struct flags, level) },
	{ "print-config", 0, NULL, "print the configuration in force and exit", ARG_FLAG,
	  offsetof(struct flags, print_config) },
	{ "version", 'V', NULL, "print the version and exit", ARG_FLAG, offsetof(struct flags, version) },
	{ "help", 'h', NULL, "print this help and exit", ARG_FLAG, offsetof(struct flags, help) },
};

const struct conf_option *hub_settings_options(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(options);
	return options;
}

static void print_help(void)
{
	AUTO_BUF struct buf out;

	buf_init(&out, 64 * 1024);
	(void)buf_add_text(
		&out,
		"usage: whyhub [OPTION]...\n\nThe hub: takes findings from agents, keeps them, answers questions. "
		"Options override the file.\n\n");
	(void)args_print_help(args, ARRAY_LEN(args), &out);
	(void)buf_add_text(&out, "\nKeys of the configuration file:\n\n");
	(void)conf_print_help(options, ARRAY_LEN(options), &out);
	(void)fputs((const char *)out.data, stdout);
}

static void print_config(const struct hub_settings *s)
{
	AUTO_BUF struct buf out;

	buf_init(&out, 64 * 1024);
	if (conf_print_yaml(options, ARRAY_LEN(options), s, &out) == 0)
		(void)fputs((const char *)out.data, stdout);
}

/* -EINVAL: said on stderr. A hub that takes half of its configuration would listen where nobody wanted it to. */
static int load_file(const char *path, bool named, struct hub_settings *s)
{
	AUTO_FREE char *text = malloc(YAML_TREE_MAX_BYTES + 1);
	AUTO(diags_free) struct diags *diags = NULL;
	AUTO_BUF struct buf out;
	size_t len;
	int r;

	buf_init(&out, 256 * 1024);
	if (!text)
		return -ENOMEM;
	r = file_read_at(AT_FDCWD, path, text, YAML_TREE_MAX_BYTES + 1, &len);
	if (r == -ENOENT && !named)
		return 0;
	if (r < 0) {
		(void)fprintf(stderr, "whyhub: %s: cannot read the configuration: %s\n", path, strerror(-r));
		return -EINVAL;
	}
	r = diags_new(&diags);
	if (r < 0)
		return r;
	r = conf_load(options, ARRAY_LEN(options), path, text, len, s->arena, diags, s);
	if (diags_print(diags, &out) == 0 && out.data)
		(void)fputs((const char *)out.data, stderr);
	return r == -ENOMEM ? r : r < 0 ? -EINVAL : 0;
}

static int set_key(struct hub_settings *s, const char *key, const char *value)
{
	char error[256];
	int r = value ? conf_set(options, ARRAY_LEN(options), key, value, s->arena, error, sizeof(error), s) : 0;

	if (r < 0 && r != -ENOMEM) {
		(void)fprintf(stderr, "whyhub: %s\n", error);
		return -EINVAL;
	}
	return r;
}

static int apply_flags(const struct flags *f, struct hub_settings *s)
{
	char hours[32] = "";
	const struct {
		const char *key, *value;
	} set[] = {
		{ "listen", f->listen },
		{ "http.listen", f->http },
		{ "store", f->store },
		{ "tls.cert", f->cert },
		{ "tls.key", f->key },
		{ "tls.ca", f->ca },
		{ "insecure", f->insecure ? "true" : NULL },
		{ "http.open", f->http_open ? "true" : NULL },
		{ "retain.age", f->days ? hours : NULL },
		{ "retain.bytes", f->bytes },
		{ "max_agents", f->agents },
		{ "max_memory", f->memory },
		{ "log.level", f->level },
	};
	int r = 0;

	if (f->days)
		(void)snprintf(hours, sizeof(hours), "%.20sd", f->days);
	for (size_t i = 0; i < ARRAY_LEN(set) && r == 0; i++)
		r = set_key(s, set[i].key, set[i].value);
	return r;
}

const char *hub_settings_refusal(const struct hub_settings *s)
{
	bool tls = *s->tls_cert || *s->tls_key || *s->tls_ca;

	if (tls && !(*s->tls_cert && *s->tls_key && *s->tls_ca))
		return "--tls-cert, --tls-key and --tls-ca go together: clients are asked for certificates, so all "
		       "three are needed";
	if (!tls && !s->insecure && !address_is_loopback(s->listen))
		return "refusing to listen off loopback without TLS: give --tls-cert, --tls-key and --tls-ca (mutual "
		       "TLS), listen on 127.0.0.1, or "
		       "say --insecure if anybody who reaches this address may send and read findings";
	return NULL;
}

void hub_settings_done(struct hub_settings *s)
{
	arena_free(&s->arena);
}

static int read_all(const struct flags *f, struct hub_settings *s)
{
	const char *refusal;
	int r = conf_defaults(options, ARRAY_LEN(options), s->arena, s);

	if (r == 0)
		r = load_file(f->config ? f->config : DEFAULT_CONFIG, f->config != NULL, s);
	if (r == 0)
		r = apply_flags(f, s);
	refusal = r == 0 && !f->print_config ? hub_settings_refusal(s) : NULL;
	if (refusal) {
		(void)fprintf(stderr, "whyhub: %s\n", refusal);
		r = -EINVAL;
	}
	return r;
}

int hub_settings_read(int argc, char *const *argv, struct hub_settings *ret, int *ret_status)
{
	struct flags f = { 0 };
	char error[256];
	int r;

	*ret = (struct hub_settings){ 0 };
	*ret_status = 0;
	r = arena_new(1024 * 1024, &ret->arena);
	if (r < 0)
		return r;
	if (args_parse(args, ARRAY_LEN(args), argc, argv, NULL, error, sizeof(error), &f) < 0) {
		(void)fprintf(stderr, "whyhub: %s\n", error);
		*ret_status = EXIT_USAGE;
		return 1;
	}
	if (f.help)
		print_help();
	else if (f.version)
		(void)printf("whyhub %s\n", WHY_VERSION);
	if (f.help || f.version)
		return 1;
	r = read_all(&f, ret);
	if (r == -EINVAL) {
		*ret_status = EXIT_CONFIG;
		return 1;
	}
	if (r == 0 && f.print_config) {
		print_config(ret);
		return 1;
	}
	return r;
}
