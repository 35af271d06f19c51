// SPDX-License-Identifier: Apache-2.0
#include "hub/rpc_tls.h"

#include <errno.h>
#include <grpc/grpc_security.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#define N_FILES 3

/* What is looked at to see whether a file has changed. */
struct seen {
	struct timespec changed;
	off_t size;
	ino_t inode;
};

struct rpc_tls {
	char *paths[N_FILES]; /* ca, cert, key */
	pthread_mutex_t lock; /* all below */
	struct seen seen[N_FILES];
	struct tls_pems pems;
	bool handed; /* gRPC has what is in force */
	uint64_t reloads, refused;
};

static struct tls_files files_of(const struct rpc_tls *t)
{
	return (struct tls_files){ .ca = t->paths[0], .cert = t->paths[1], .key = t->paths[2] };
}

static void look(const struct rpc_tls *t, struct seen ret_seen[N_FILES])
{
	for (int i = 0; i < N_FILES; i++) {
		struct stat st;

		ret_seen[i] = (struct seen){ 0 };
		if (stat(t->paths[i], &st) == 0) {
			ret_seen[i].changed = st.st_mtim;
			ret_seen[i].size = st.st_size;
			ret_seen[i].inode = st.st_ino;
		}
	}
}

static bool same(const struct seen *a, const struct seen *b)
{
	return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec && a->size == b->size &&
	       a->inode == b->inode;
}

static bool changed(struct rpc_tls *t)
{
	struct seen now[N_FILES];
	bool any = false;

	look(t, now);
	for (int i = 0; i < N_FILES; i++)
		any |= !same(&now[i], &t->seen[i]);
	memcpy(t->seen, now, sizeof(now));
	return any;
}

int rpc_tls_new(const struct tls_files *files, struct rpc_tls **ret_tls, char *ret_why, size_t size)
{
	AUTO(rpc_tls_free) struct rpc_tls *t = calloc(1, sizeof(*t));
	struct tls_files own;
	int r;

	if (!t)
		return -ENOMEM;
	(void)pthread_mutex_init(&t->lock, NULL);
	t->paths[0] = strdup(files->ca ? files->ca : "");
	t->paths[1] = strdup(files->cert ? files->cert : "");
	t->paths[2] = strdup(files->key ? files->key : "");
	if (!t->paths[0] || !t->paths[1] || !t->paths[2])
		return -ENOMEM;
	look(t, t->seen);
	own = files_of(t);
	r = tls_check_files(&own, clock_wall_now(), &t->pems, ret_why, size);
	if (r < 0)
		return r;
	*ret_tls = TAKE_PTR(t);
	return 0;
}

void rpc_tls_free(struct rpc_tls **tls)
{
	struct rpc_tls *t = *tls;

	if (!t)
		return;
	for (int i = 0; i < N_FILES; i++)
		free(t->paths[i]);
	tls_pems_done(&t->pems);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
	*tls = NULL;
}

static void reload(struct rpc_tls *t)
{
	struct tls_pems pems = { 0 };
	struct tls_files files = files_of(t);
	char why[512];

	if (tls_check_files(&files, clock_wall_now(), &pems, why, sizeof(why)) < 0) {
		t->refused++;
		log_warning("new certificates are not fit for use, the last good ones stay in force: %s", why);
		return;
	}
	if (tls_pems_equal(&pems, &t->pems)) {
		tls_pems_done(&pems);
		return;
	}
	tls_pems_done(&t->pems);
	t->pems = pems;
	t->handed = false;
	t->reloads++;
	log_info("certificates read again");
}

static grpc_ssl_certificate_config_reload_status fetch(void *arg, grpc_ssl_server_certificate_config **config)
{
	grpc_ssl_certificate_config_reload_status status = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
	struct rpc_tls *t = arg;

	(void)pthread_mutex_lock(&t->lock);
	if (changed(t))
		reload(t);
	if (!t->handed) {
		grpc_ssl_pem_key_cert_pair pair = { .private_key = t->pems.key, .cert_chain = t->pems.cert };

		*config = grpc_ssl_server_certificate_config_create(t->pems.ca, &pair, 1);
		status = *config ? GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW : GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL;
		t->handed = *config != NULL;
	}
	(void)pthread_mutex_unlock(&t->lock);
	return status;
}

struct grpc_server_credentials *rpc_tls_credentials(struct rpc_tls *t)
{
	grpc_ssl_server_credentials_options *options = grpc_ssl_server_credentials_create_options_using_config_fetcher(
		GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY, fetch, t);

	return options ? grpc_ssl_server_credentials_create_with_options(options) : NULL;
}

uint64_t rpc_tls_reloads(struct rpc_tls *t, uint64_t *ret_refused)
{
	uint64_t reloads;

	(void)pthread_mutex_lock(&t->lock);
	reloads = t->reloads;
	*ret_refused = t->refused;
	(void)pthread_mutex_unlock(&t->lock);
	return reloads;
}

wall_ns_t rpc_tls_expires_at(struct rpc_tls *t)
{
	wall_ns_t at;

	(void)pthread_mutex_lock(&t->lock);
	at = t->pems.cert_expires_at;
	(void)pthread_mutex_unlock(&t->lock);
	return at;
}

int rpc_tls_copy(struct rpc_tls *t, struct tls_pems *ret_pems)
{
	struct tls_pems copy = { 0 };

	(void)pthread_mutex_lock(&t->lock);
	copy.ca = strdup(t->pems.ca);
	copy.cert = strdup(t->pems.cert);
	copy.key = strdup(t->pems.key);
	copy.cert_expires_at = t->pems.cert_expires_at;
	(void)pthread_mutex_unlock(&t->lock);
	if (!copy.ca || !copy.cert || !copy.key) {
		tls_pems_done(&copy);
		return -ENOMEM;
	}
	*ret_pems = copy;
	return 0;
}
