/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of this program is its own: exporters that are full, broken, not configured, or busy. */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/exporting.h"
#include "base/cleanup.h"
#include "base/log.h"

static struct {
	unsigned batches, findings, pumps, closed;
	uint32_t flush_ms;
	int full, pump_error;
	mono_ns_t pump_again;
	int bell[2];
	struct loop *loop;
} made;

static int open_well(const struct export_env *env UNUSED, void **ret_state)
{
	*ret_state = &made;
	return 0;
}

static int open_unconfigured(const struct export_env *env UNUSED, void **ret_state UNUSED)
{
	return -ENOENT;
}

static int open_broken(const struct export_env *env UNUSED, void **ret_state UNUSED)
{
	return -EADDRINUSE;
}

static int put_batch(void *state UNUSED, const struct batch *b UNUSED)
{
	made.batches++;
	return made.full ? -ENOBUFS : 0;
}

static int put_finding(void *state UNUSED, const struct finding *f UNUSED)
{
	made.findings++;
	return made.full ? -ENOBUFS : 0;
}

static int bell(void *state UNUSED)
{
	return made.bell[0];
}

static int pump(void *state UNUSED, mono_ns_t now, mono_ns_t *ret_next)
{
	char byte;
	(void)!read(made.bell[0], &byte, 1);
	if (++made.pumps == 4)
		loop_exit(made.loop, 0);
	if (made.pump_again)
		*ret_next = now + made.pump_again;
	return made.pump_error;
}

static void stats(void *state UNUSED, void (*say)(void *arg, const char *name, double value, const char *help), void *arg)
{
	say(arg, "pumped_total", made.pumps, "how often it was pumped");
}

static int close_any(void *state, uint32_t flush_ms)
{
	made.closed += state != NULL;
	made.flush_ms = flush_ms;
	return 0;
}

static const struct exporter everything = {
	.name = "everything",
	.help = "takes all",
	.wants = EXPORT_SAMPLES | EXPORT_FINDINGS,
	.open = open_well,
	.put_batch = put_batch,
	.put_finding = put_finding,
	.event_fd = bell,
	.pump = pump,
	.stats = stats,
	.close = close_any,
};
static const struct exporter findings_only = {
	.name = "findings", .help = "takes findings", .wants = EXPORT_FINDINGS, .open = open_well, .put_batch = put_batch,
	.put_finding = put_finding, .close = close_any,
};
static const struct exporter unconfigured = {
	.name = "unconfigured", .help = "is not wanted", .open = open_unconfigured, .close = close_any,
};
static const struct exporter broken = { .name = "broken", .help = "cannot start", .open = open_broken, .close = close_any };

static const struct exporter *const all[] = { &broken, &everything, &unconfigured, &findings_only };

const struct exporter *const *exporters_all(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(all);
	return all;
}

struct fixture {
	struct loop *loop;
	struct export_env env;
	struct exporting *exporting;
	struct graph *graph;
	struct batch *batch;
	struct finding *finding;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	log_set_level(LOG_LEVEL_ERROR);
	memset(&made, 0, sizeof(made));
	assert_ok(pipe2(made.bell, O_CLOEXEC | O_NONBLOCK));
	assert_ok(loop_new(&f->loop));
	made.loop = f->loop;
	assert_ok(graph_new(10, "n", &f->graph));
	assert_ok(batch_new(f->graph, 10, 10, 10, &f->batch));
	assert_ok(finding_new(&f->finding));
	assert_ok(exporting_open(f->loop, &f->env, &f->exporting));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	exporting_close(&f->exporting, 5);
	assert_int_equal(made.closed, 2); /* those that were open, and no other */
	assert_int_equal(made.flush_ms, 5);
	finding_free(&f->finding);
	batch_free(&f->batch);
	graph_free(&f->graph);
	loop_free(&f->loop);
	close(made.bell[0]);
	close(made.bell[1]);
	free(f);
	return 0;
}

static void test_each_gets_what_it_wants(void **state)
{
	struct fixture *f = *state;
	exporting_put_batch(f->exporting, f->batch);
	exporting_put_finding(f->exporting, f->finding);
	assert_int_equal(made.batches, 1);
	assert_int_equal(made.findings, 2);
}

struct visited {
	unsigned n;
	int error;
	uint64_t lost;
};

static void visit(void *arg, const struct exporter *e, int error, uint64_t lost)
{
	struct visited *v = arg;
	v->n++;
	if (e == &everything) {
		v->error = error;
		v->lost = lost;
	}
}

static void test_full_one_loses_and_counts_and_says(void **state)
{
	struct fixture *f = *state;
	struct visited v = {0};
	made.full = 1;
	made.pump_error = -ECONNREFUSED;
	exporting_put_batch(f->exporting, f->batch);
	exporting_put_finding(f->exporting, f->finding);
	exporting_pump(f->exporting, 1);
	exporting_visit(f->exporting, visit, &v);
	assert_int_equal(v.n, 2); /* broken and unconfigured are not there */
	assert_int_equal(v.lost, 2);
	assert_int_equal(v.error, -ECONNREFUSED);
	made.pump_error = 0;
	exporting_pump(f->exporting, 2);
	exporting_visit(f->exporting, visit, &v);
	assert_int_equal(v.error, 0);
}

static void test_pumped_by_its_descriptor_and_by_its_timer(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(made.pumps, 1); /* once when it was opened */
	made.pump_again = NS_PER_MS;
	assert_int_equal(write(made.bell[1], "!", 1), 1);
	assert_int_equal(loop_run(f->loop), 0); /* ends at the fourth: descriptor, timer, timer */
	assert_int_equal(made.pumps, 4);
}

struct said {
	unsigned pumped, lost_everything, lost_findings;
};

static void say(void *arg, const char *subject, const char *name, double value, const char *help)
{
	struct said *s = arg;
	assert_true(help[0]);
	if (strcmp(name, "pumped_total") == 0)
		s->pumped = (unsigned)value;
	else if (strcmp(name, "lost_total") == 0 && strcmp(subject, "everything") == 0)
		s->lost_everything = (unsigned)value;
	else if (strcmp(name, "lost_total") == 0)
		s->lost_findings = (unsigned)value;
}

static void test_stats_carry_the_exporters_name(void **state)
{
	struct fixture *f = *state;
	struct said s = {0};
	made.full = 1;
	exporting_put_batch(f->exporting, f->batch);
	exporting_put_finding(f->exporting, f->finding);
	exporting_stats(f->exporting, say, &s);
	assert_int_equal(s.pumped, 1);
	assert_int_equal(s.lost_everything, 2);
	assert_int_equal(s.lost_findings, 1);
	exporting_stats(NULL, say, &s); /* before there are any */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_gets_what_it_wants, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_one_loses_and_counts_and_says, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pumped_by_its_descriptor_and_by_its_timer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stats_carry_the_exporters_name, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
