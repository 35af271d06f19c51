/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/version.h"
#include "base/args.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/yaml_tree.h"

#define DEFAULT_CONFIG "/etc/why/whyd.yaml"

#define FIELD(name) offsetof(struct settings, name)

static const struct conf_option options[] = {
	{ "hub.address", CONF_TEXT, "", FIELD(hub_address),
	  .help = "HOST:PORT of whyhub; empty: keep findings on this node" },
	{ "hub.tls.ca", CONF_TEXT, "", FIELD(tls_ca), .help = "file with the CA that signed the hub's certificate" },
	{ "hub.tls.cert", CONF_TEXT, "", FIELD(tls_cert),
	  .help = "file with this node's certificate; its name is the node's" },
	{ "hub.tls.key", CONF_TEXT, "", FIELD(tls_key), .help = "file with the key of that certificate" },
	{ "hub.insecure", CONF_BOOL, "false", FIELD(insecure),
	  .help = "speak plaintext to a hub that is not on loopback" },
	{ "node.name", CONF_TEXT, "", FIELD(node),
	  .help = "name of this node; empty: $NODE_NAME, else the host's name" },
	{ "state.dir", CONF_TEXT, "/var/lib/why", FIELD(state_dir), .help = "folder of the spool and the recordings" },
	{ "run.dir", CONF_TEXT, "/run/why", FIELD(run_dir), .help = "folder of the local socket, whyd.sock" },
	{ "rules.dirs", CONF_LIST, "/usr/share/why/rules,/etc/why/rules.d", FIELD(rules), .max = "16",
	  .help = "folders with *.why.yaml, read in this order" },
	{ "metrics.listen", CONF_TEXT, "127.0.0.1:7494", FIELD(metrics_listen),
	  .help = "ADDRESS:PORT of /metrics and health; off: none" },
	{ "webhook.url", CONF_TEXT, "", FIELD(webhook_url),
	  .help = "send each change of a finding there as a CloudEvent" },
	{ "collect.interval", CONF_DURATION, "1s", FIELD(interval_ns), "200ms", "1m",
	  .help = "time between two ticks" },
	{ "collect.disabled", CONF_LIST, "", FIELD(disabled), .max = "64", .help = "names of collectors not to start" },
	{ "collect.max_entities", CONF_U64, "30000", FIELD(max_entities), "1000", "1000000",
	  .help = "entities known at a time (processes, cgroups, peers ...)" },
	{ "collect.ring_kib", CONF_U64, "256", FIELD(ring_kib), "64", "16384",
	  .help = "size of each BPF ring buffer in KiB, a power of two" },
	{ "recorder.max_bytes", CONF_BYTES, "64MiB", FIELD(recorder_bytes), "1MiB", "4GiB",
	  .help = "disk for the flight recorder's last 15 minutes and for each of its kept recordings" },
	{ "spool.max_bytes", CONF_BYTES, "64MiB", FIELD(spool_bytes), "1MiB", "4GiB",
	  .help = "disk for findings the hub has not acknowledged" },
	{ "spool.max_records", CONF_U64, "100000", FIELD(spool_records), "100", "10000000",
	  .help = "changes of findings kept for the hub" },
	{ "log.level", CONF_TEXT, "info", FIELD(log_level), .choices = "error|warning|info|debug",
	  .help = "how much to say on stderr" },
};

/* Command line: a name, and the key it sets, or a field of its own. */
struct flags {
	const char *config, *hub, *node, *state, *run, *root_prefix, *kmsg, *nvml, *metrics, *webhook, *ca, *cert, *key,
		*isolated, *interval, *level;
	struct args_list rules, disable;
	bool insecure, help, version, print_config;
};

static const struct arg_option args[] = {
	{ "config", 'c', "FILE", "configuration file (default " DEFAULT_CONFIG ")", ARG_TEXT,
	  offsetof(struct flags, config) },
	{ "hub", 0, "HOST:PORT", "send findings to this hub", ARG_TEXT, offsetof(struct flags, hub) },
	{ "node", 0, "NAME", "name of this node", ARG_TEXT, offsetof(struct flags, node) },
	{ "state", 0, "DIR", "folder of the spool and the recordings", ARG_TEXT, offsetof(struct flags, state) },
	{ "run", 0, "DIR", "folder of the local socket, whyd.sock", ARG_TEXT, offsetof(struct flags, run) },
	{ "rules", 0, "DIR", "read rules from DIR instead of the default folders (repeatable)", ARG_LIST,
	  offsetof(struct flags, rules) },
	{ "metrics", 0, "ADDR:PORT", "where to serve /metrics and health; off: nowhere", ARG_TEXT,
	  offsetof(struct flags, metrics) },
	{ "webhook", 0, "URL", "send each change of a finding there", ARG_TEXT, offsetof(struct flags, webhook) },
	{ "tls-ca", 0, "FILE", "CA that signed the hub's certificate", ARG_TEXT, offsetof(struct flags, ca) },
	{ "tls-cert", 0, "FILE", "this node's certificate", ARG_TEXT, offsetof(struct flags, cert) },
	{ "tls-key", 0, "FILE", "the certificate's key", ARG_TEXT, offsetof(struct flags, key) },
	{ "insecure", 0, NULL, "allow plaintext to a hub that is not on loopback", ARG_FLAG,
	  offsetof(struct flags, insecure) },
	{ "interval", 0, "TIME", "time between two ticks, such as 1s", ARG_TEXT, offsetof(struct flags, interval) },
	{ "disable", 0, "COLLECTOR", "do not start this collector (repeatable)", ARG_LIST,
	  offsetof(struct flags, disable) },
	{ "root-prefix", 0, "DIR", "read /proc and /sys below DIR: for fixtures; no kernel hooks then", ARG_TEXT,
	  offsetof(struct flags, root_prefix) },
	{ "kmsg", 0, "FILE", "read the kernel log from FILE; what is found so is marked simulated", ARG_TEXT,
	  offsetof(struct flags, kmsg) },
	{ "nvml", 0, "FILE", "NVIDIA's management library is FILE; what it says is marked simulated", ARG_TEXT,
	  offsetof(struct flags, nvml) },
	{ "log-level", 0, "LEVEL", "error, warning, info or debug", ARG_TEXT, offsetof(struct flags, level) },
	{ "print-config", 0, NULL, "print the configuration in force and exit", ARG_FLAG,
	  offsetof(struct flags, print_config) },
	{ "version", 'V', NULL, "print the version and exit", ARG_FLAG, offsetof(struct flags, version) },
	{ "help", 'h', NULL, "print this help and exit", ARG_FLAG, offsetof(struct flags, help) },
	/* The agent starts itself so for collectors that may hang; not for people. */
	{ "isolated", 0, "COLLECTOR", "(internal) be the child that runs one collector", ARG_TEXT,
	  offsetof(struct flags, isolated) },
};

const struct conf_option *settings_options(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(options);
	return options;
}

static void print_help(void)
{
	AUTO_BUF struct buf out;
	buf_init(&out, 64 * 1024);
	(void)buf_add_text(&out, "usage: whyd [OPTION]...\n\nThe agent: collects, finds causes, tells the hub. Options "
				 "override the file.\n\n");
	(void)args_print_help(args, ARRAY_LEN(args) - 1, &out);
	(void)buf_add_text(&out, "\nKeys of the configuration file:\n\n");
	(void)conf_print_help(options, ARRAY_LEN(options), &out);
	fputs((const char *)out.data, stdout);
}

/* Read and apply the file. A missing default file is no error; a missing named one is. */
static int load_file(const char *path, bool named, struct settings *s)
{
	AUTO_FREE char *text = malloc(YAML_TREE_MAX_BYTES + 1);
	if (!text)
		return -ENOMEM;
	size_t len;
	int r = file_read_at(AT_FDCWD, path, text, YAML_TREE_MAX_BYTES + 1, &len);
	if (r == -ENOENT && !named)
		return 0;
	if (r < 0) {
		log_error("%s: cannot read the configuration: %s; going on with the defaults", path, strerror(-r));
		return 0;
	}
	AUTO(diags_free) struct diags *diags = NULL;
	r = diags_new(&diags);
	if (r < 0)
		return r;
	r = conf_load(options, ARRAY_LEN(options), path, text, len, s->arena, diags, s);
	if (diags_total(diags) > 0) {
		AUTO_BUF struct buf out;
		buf_init(&out, 256 * 1024);
		if (diags_print(diags, &out) == 0 && out.data)
			fputs((const char *)out.data, stderr);
	}
	return r == -ENOMEM ? r : 0;
}

static int set_key(struct settings *s, const char *key, const char *value, int *ret_status)
{
	char error[256];
	int r = value ? conf_set(options, ARRAY_LEN(options), key, value, s->arena, error, sizeof(error), s) : 0;
	if (r == 0 || r == -ENOMEM)
		return r;
	fprintf(stderr, "whyd: %s\n", error);
	*ret_status = 64;
	return 1;
}

static int set_list(struct settings *s, const struct args_list *given, struct conf_list *field)
{
	if (given->n == 0)
		return 0;
	const char **items = arena_alloc_array(s->arena, given->n, sizeof(*items));
	if (!items)
		return -ENOMEM;
	memcpy(items, given->items, given->n * sizeof(*items));
	*field = (struct conf_list){ items, given->n };
	return 0;
}

static int apply_flags(struct settings *s, const struct flags *f, int *ret_status)
{
	const struct {
		const char *key, *value;
	} texts[] = {
		{ "hub.address", f->hub },        { "node.name", f->node },
		{ "state.dir", f->state },        { "run.dir", f->run },
		{ "metrics.listen", f->metrics }, { "webhook.url", f->webhook },
		{ "hub.tls.ca", f->ca },          { "hub.tls.cert", f->cert },
		{ "hub.tls.key", f->key },        { "collect.interval", f->interval },
		{ "log.level", f->level },        { "hub.insecure", f->insecure ? "true" : NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		int r = set_key(s, texts[i].key, texts[i].value, ret_status);
		if (r != 0)
			return r;
	}
	s->root_prefix = f->root_prefix ? f->root_prefix : "/";
	s->kmsg = f->kmsg ? f->kmsg : "";
	s->nvml = f->nvml ? f->nvml : "";
	s->isolated = f->isolated;
	int r = set_list(s, &f->rules, &s->rules);
	return r < 0 ? r : set_list(s, &f->disable, &s->disabled);
}

/* A DaemonSet hands the Kubernetes name in as NODE_NAME; a host name is the second best. */
static int name_node(struct settings *s)
{
	if (s->node[0])
		return 0;
	const char *given = getenv("NODE_NAME");
	char host[256] = "";
	if (!given || !given[0]) {
		if (gethostname(host, sizeof(host) - 1) < 0 || !host[0])
			return -EINVAL;
		given = host;
	}
	s->node = arena_strdup(s->arena, given);
	return s->node ? 0 : -ENOMEM;
}

static int print_config(const struct settings *s)
{
	AUTO_BUF struct buf out;
	buf_init(&out, 64 * 1024);
	int r = conf_print_yaml(options, ARRAY_LEN(options), s, &out);
	if (r == 0)
		fputs((const char *)out.data, stdout);
	return r;
}

int settings_load(int argc, char *const *argv, struct settings *ret_settings, int *ret_status)
{
	struct flags flags = {0};
	char error[256];
	if (args_parse(args, ARRAY_LEN(args), argc, argv, NULL, error, sizeof(error), &flags) < 0) {
		fprintf(stderr, "whyd: %s\nwhyd: see whyd --help\n", error);
		*ret_status = 64;
		return 1;
	}
	*ret_status = 0;
	if (flags.help || flags.version) {
		if (flags.help)
			print_help();
		else
			puts("whyd " WHY_VERSION);
		return 1;
	}
	struct settings s = {0};
	int r = arena_new(1 << 20, &s.arena);
	if (r == 0)
		r = conf_defaults(options, ARRAY_LEN(options), s.arena, &s);
	s.config = flags.config ? flags.config : DEFAULT_CONFIG;
	if (r == 0)
		r = load_file(s.config, flags.config != NULL, &s);
	if (r == 0)
		r = apply_flags(&s, &flags, ret_status);
	if (r == 0)
		r = name_node(&s);
	if (r == 0 && flags.print_config)
		r = print_config(&s) == 0 ? 1 : -EIO;
	if (r != 0) {
		settings_done(&s);
		return r;
	}
	*ret_settings = s;
	return 0;
}

void settings_done(struct settings *s)
{
	arena_free(&s->arena);
}
