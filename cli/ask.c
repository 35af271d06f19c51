// SPDX-License-Identifier: Apache-2.0
#include "cli/ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/ask_hub.h"
#include "proto/local.h"

static int socket_path(const struct common *c, char *ret_path, size_t size)
{
	int n = snprintf(ret_path, size, "%s/" LOCAL_SOCKET, c->run);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

bool ask_is_local(const struct common *c)
{
	char path[256];
	struct stat st;

	if (c->local || c->hub)
		return c->local;
	return socket_path(c, path, sizeof(path)) == 0 && stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* What went wrong with the socket, and what to do about it. */
static int tell_local(int error, const char *path, uint64_t timeout_ns, char *ret_error, size_t size)
{
	char patience[32];
	struct text t;

	text_init(&t, ret_error, size);
	clock_format_duration(timeout_ns, patience, sizeof(patience));
	switch (-error) {
	case ENOENT:
	case ECONNREFUSED:
	case ENOTDIR:
		text_add(&t, error == -ECONNREFUSED ? "nobody listens on " : "no agent here: there is no ");
		text_add_escaped(&t, path, strlen(path));
		text_add(&t, "\n  Is whyd running? (systemctl status whyd)"
			     "\n  Another folder: --run DIR. A hub instead: --hub HOST:PORT");
		return WHY_EXIT_UNREACHABLE;
	case EACCES:
	case EPERM:
		text_add(&t, "not permitted to ask the agent at ");
		text_add_escaped(&t, path, strlen(path));
		text_add(&t, "\n  Ask as root (sudo why ...) or as a member of the socket's group, or ask a hub: --hub "
			     "HOST:PORT");
		return WHY_EXIT_DENIED;
	case ETIMEDOUT:
		text_addf(&t, "the agent did not answer within %s (", patience);
		text_add_escaped(&t, path, strlen(path));
		text_add(&t, ")\n  Look at it: systemctl status whyd; journalctl -u whyd. More patience: --timeout 30s");
		return WHY_EXIT_UNREACHABLE;
	case EBADMSG:
		text_add(&t, "what answers at ");
		text_add_escaped(&t, path, strlen(path));
		text_add(&t,
			 " is not a whyd that this `why` understands\n  Compare `why --version` with `whyd --version`");
		return WHY_EXIT_UNREACHABLE;
	default:
		text_add(&t, "cannot ask the agent at ");
		text_add_escaped(&t, path, strlen(path));
		text_addf(&t, ": %s\n  Another folder: --run DIR. A hub instead: --hub HOST:PORT", strerror(-error));
		return WHY_EXIT_UNREACHABLE;
	}
}

/* An agent knows one node and does not look at the name: pid 4242 of another one must not be answered with its own. */
static int check_node(const struct query *q, const struct answer *a, char *ret_error, size_t size)
{
	struct text t;

	if (!q->node[0] || !a->node || strcmp(q->node, a->node) == 0)
		return WHY_EXIT_OK;
	text_init(&t, ret_error, size);
	text_add(&t, "this machine's agent watches node ");
	text_add_escaped(&t, a->node, strlen(a->node));
	text_add(&t, ", not ");
	text_add_escaped(&t, q->node, strlen(q->node));
	text_add(&t, "\n  Other nodes are asked about at a hub: --hub HOST:PORT");
	return WHY_EXIT_NOT_FOUND;
}

static int ask_local(const struct common *c, const struct query *q, struct answer **ret_answer, char *ret_error,
		     size_t size)
{
	AUTO(answer_free) struct answer *a = NULL;
	char path[4096];
	int r = socket_path(c, path, sizeof(path));

	if (r == 0)
		r = local_ask(path, q, c->timeout_ns, &a);
	if (r < 0)
		return tell_local(r, path, c->timeout_ns, ret_error, size);
	r = check_node(q, a, ret_error, size);
	if (r == WHY_EXIT_OK)
		*ret_answer = TAKE_PTR(a);
	return r;
}

/* Nobody was named and nobody is here: both places that were tried are told. */
static void tell_neither(const struct common *c, char *ret_error, size_t size)
{
	char path[4096];
	struct text t;

	if (socket_path(c, path, sizeof(path)) < 0)
		return;
	text_init(&t, ret_error, size);
	text_add(&t, "no agent runs here (there is no ");
	text_add_escaped(&t, path, strlen(path));
	text_add(&t, "), and no hub answers at " ASK_DEFAULT_HUB
		     "\n  Start whyd on this machine (systemctl start whyd), or name a hub:"
		     " --hub HOST:PORT, or $WHY_HUB");
}

int ask(const struct common *c, const struct query *q, struct answer **ret_answer, char *ret_error, size_t size)
{
	int status;

	if (ask_is_local(c))
		return ask_local(c, q, ret_answer, ret_error, size);
	status = ask_hub(c, c->hub ? c->hub : ASK_DEFAULT_HUB, q, ret_answer, ret_error, size);
	if (status == WHY_EXIT_UNREACHABLE && !c->hub)
		tell_neither(c, ret_error, size);
	return status;
}

int ask_watch(const struct common *c, const struct query *q, char *cursor,
	      int (*told)(void *arg, const struct finding *f), void *arg, char *ret_error, size_t size)
{
	return ask_hub_watch(c, c->hub ? c->hub : ASK_DEFAULT_HUB, q, cursor, told, arg, ret_error, size);
}
