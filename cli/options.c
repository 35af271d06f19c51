// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

#define DEFAULT_TIMEOUT_NS (10 * NS_PER_S)

/* As args_parse fills it; texts that are more than a text are read afterwards. */
struct flags {
	struct common common;
	const char *output, *min_confidence;
};

#define FIELD(name)  offsetof(struct flags, name)
#define COMMON(name) offsetof(struct flags, common.name)

static const struct arg_option table[] = {
	{ "hub", 0, "HOST:PORT", "ask this hub (default: $WHY_HUB, else this machine's agent, else 127.0.0.1:7443)",
	  ARG_TEXT, COMMON(hub) },
	{ "local", 'l', NULL, "ask this machine's agent", ARG_FLAG, COMMON(local) },
	{ "run", 0, "DIR", "folder of the agent's socket (default: $WHY_RUN, else /run/why)", ARG_TEXT, COMMON(run) },
	{ "since", 's', "TIME", "also what was resolved within this time, such as 1h", ARG_DURATION, COMMON(since_ns) },
	{ "output", 'o', "FORMAT", "text, json or jsonl; sarif for `rules check`", ARG_TEXT, FIELD(output) },
	{ "watch", 'w', NULL, "ask again every second and show what changes", ARG_FLAG, COMMON(watch) },
	{ "all", 'a', NULL, "leave nothing out: resolved findings, rules on trial, long lists", ARG_FLAG, COMMON(all) },
	{ "evidence", 'e', NULL, "every evidence with its reading, source and time", ARG_FLAG, COMMON(evidence) },
	{ "min-confidence", 0, "RATIO", "leave out causes below this confidence, 0 to 1", ARG_TEXT,
	  FIELD(min_confidence) },
	{ "cause", 0, "RULE", "findings of this rule only (findings, list)", ARG_TEXT, COMMON(cause) },
	{ "job", 0, "JOB", "findings about this job or its ranks only (findings, list)", ARG_TEXT, COMMON(job) },
	{ "pod", 0, "POD", "findings about this pod only (findings, list)", ARG_TEXT, COMMON(pod) },
	{ "rank", 0, "RANK", "findings about this rank only, JOB:N (findings, list)", ARG_TEXT, COMMON(rank) },
	{ "node", 'n', "NODE", "findings of this node only; the node of a pod, process ...", ARG_TEXT, COMMON(node) },
	{ "rules", 0, "DIR", "rules to use, a folder or a file (replay; repeatable)", ARG_LIST, COMMON(rules) },
	{ "against", 0, "RECORDING", "what these rules would change about a recording (rules check)", ARG_TEXT,
	  COMMON(against) },
	{ "coverage", 0, NULL, "which evidence was seen true and false by no test (rules test)", ARG_FLAG,
	  COMMON(coverage) },
	{ "tls-ca", 0, "FILE", "CA that signed the hub's certificate (default: $WHY_TLS_CA)", ARG_TEXT, COMMON(tls_ca) },
	{ "tls-cert", 0, "FILE", "own certificate (default: $WHY_TLS_CERT)", ARG_TEXT, COMMON(tls_cert) },
	{ "tls-key", 0, "FILE", "the certificate's key (default: $WHY_TLS_KEY)", ARG_TEXT, COMMON(tls_key) },
	{ "insecure", 0, NULL, "speak plaintext to a hub that is not on this machine", ARG_FLAG, COMMON(insecure) },
	{ "timeout", 0, "TIME", "give up after this time (default 10s)", ARG_DURATION, COMMON(timeout_ns) },
	{ "no-color", 0, NULL, "no colours, as with $NO_COLOR", ARG_FLAG, COMMON(no_color) },
	{ "version", 'V', NULL, "print the version and exit", ARG_FLAG, COMMON(version) },
	{ "help", 'h', NULL, "print help and exit", ARG_FLAG, COMMON(help) },
};

const struct arg_option *options_table(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(table);
	return table;
}

static int parse_output(const char *word, enum output *ret_output, char *ret_error, size_t size)
{
	static const char *const names[] = {
		[OUTPUT_TEXT] = "text", [OUTPUT_JSON] = "json", [OUTPUT_JSONL] = "jsonl", [OUTPUT_SARIF] = "sarif"
	};
	struct text error;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i], word) == 0) {
			*ret_output = (enum output)i;
			return WHY_EXIT_OK;
		}
	}
	text_init(&error, ret_error, size);
	text_add(&error, "--output: there is no format '");
	text_add_escaped(&error, word, strnlen(word, 64));
	text_add(&error, "'; write text, json or jsonl");
	return WHY_EXIT_USAGE;
}

static int parse_confidence(const char *word, double *ret_ratio, char *ret_error, size_t size)
{
	double ratio;

	if (text_parse_double(word, &ratio) == 0 && ratio >= 0 && ratio <= 1) {
		*ret_ratio = ratio;
		return WHY_EXIT_OK;
	}
	snprintf(ret_error, size, "--min-confidence: write a number from 0 to 1, such as 0.8");
	return WHY_EXIT_USAGE;
}

/* The value of the environment where the command line says nothing; empty is not set. */
static const char *or_env(const char *value, const char *name, const char *otherwise)
{
	const char *env = value ? NULL : getenv(name);

	return value ? value : env && env[0] ? env : otherwise;
}

static int check(struct common *c, char *ret_error, size_t size)
{
	if (c->local && c->hub) {
		snprintf(ret_error, size, "--hub and --local exclude each other: ask the hub, or this machine's agent");
		return WHY_EXIT_USAGE;
	}
	if (c->timeout_ns == 0) {
		snprintf(ret_error, size, "--timeout: 0 gives nobody time to answer; write a duration like 10s");
		return WHY_EXIT_USAGE;
	}
	if (!c->local)
		c->hub = or_env(c->hub, "WHY_HUB", NULL);
	c->run = or_env(c->run, "WHY_RUN", OPTIONS_DEFAULT_RUN);
	c->tls_ca = or_env(c->tls_ca, "WHY_TLS_CA", NULL);
	c->tls_cert = or_env(c->tls_cert, "WHY_TLS_CERT", NULL);
	c->tls_key = or_env(c->tls_key, "WHY_TLS_KEY", NULL);
	return WHY_EXIT_OK;
}

int options_parse(int argc, char *const *argv, struct common *ret_common, struct args_words *ret_words, char *ret_error,
		  size_t size)
{
	struct flags flags = { .common.timeout_ns = DEFAULT_TIMEOUT_NS };
	const char *output;
	int status = WHY_EXIT_OK;

	ret_error[0] = '\0';
	if (args_parse(table, ARRAY_LEN(table), argc, argv, ret_words, ret_error, size, &flags) < 0)
		return WHY_EXIT_USAGE;
	output = or_env(flags.output, "WHY_OUTPUT", NULL);
	if (output)
		status = parse_output(output, &flags.common.output, ret_error, size);
	if (status == WHY_EXIT_OK && flags.min_confidence)
		status = parse_confidence(flags.min_confidence, &flags.common.min_confidence, ret_error, size);
	if (status == WHY_EXIT_OK)
		status = check(&flags.common, ret_error, size);
	if (status == WHY_EXIT_OK)
		*ret_common = flags.common;
	return status;
}

static bool takes(const struct command *command, const char *option)
{
	char padded[32];

	snprintf(padded, sizeof(padded), " %s ", option);
	return command->own && strstr(command->own, padded);
}

const char *options_misplaced(const struct common *c, const struct command *command)
{
	const struct {
		const char *name;
		bool given;
	} own[] = {
		{ "--cause", c->cause },       { "--node", c->node },
		{ "--job", c->job },           { "--pod", c->pod },
		{ "--rank", c->rank },
		{ "--rules", c->rules.n > 0 }, { "--coverage", c->coverage },
		{ "--against", c->against },
		{ "--watch", c->watch },       { "--since", c->since_ns > 0 },
		{ "--evidence", c->evidence }, { "--output sarif", c->output == OUTPUT_SARIF },
	};

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (own[i].given && !takes(command, own[i].name))
			return own[i].name;
	return NULL;
}
