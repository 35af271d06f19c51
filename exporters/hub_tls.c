// SPDX-License-Identifier: Apache-2.0
#include "exporters/hub_tls.h"

#include <sys/stat.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/text.h"

#define LOOK_NS (30 * NS_PER_S)

/* Loopback needs no TLS, but takes it when certificates are given. */
bool hub_tls_is_used(const struct export_env *env)
{
	bool given = (env->tls_ca && *env->tls_ca) || (env->tls_cert && *env->tls_cert) || (env->tls_key && *env->tls_key);

	return !env->insecure && (given || !address_is_loopback(env->hub_address));
}

static void stamp_file(uint64_t *stamp, const char *path)
{
	struct stat st;
	uint64_t part[5] = {*stamp};

	if (path && stat(path, &st) == 0) {
		part[1] = (uint64_t)st.st_ino;
		part[2] = (uint64_t)st.st_size;
		part[3] = (uint64_t)st.st_mtim.tv_sec;
		part[4] = (uint64_t)st.st_mtim.tv_nsec;
	}
	*stamp = text_hash(part, sizeof(part));
}

static uint64_t stamp_of(const struct export_env *env)
{
	uint64_t stamp = 0;

	stamp_file(&stamp, env->tls_ca);
	stamp_file(&stamp, env->tls_cert);
	stamp_file(&stamp, env->tls_key);
	return stamp;
}

static int check(const struct export_env *env, struct tls_pems *ret_pems, char *ret_why, size_t size)
{
	AUTO(tls_pems_done) struct tls_pems pems = {0};
	struct tls_files files = {env->tls_ca, env->tls_cert, env->tls_key};
	int r = tls_check_files(&files, clock_wall_now(), &pems, ret_why, size);

	if (r == 0 && pems.cert)
		r = tls_check_node(pems.cert, env->node, ret_why, size);
	if (r < 0)
		return r;
	*ret_pems = pems;
	pems = (struct tls_pems){0};
	return 0;
}

int hub_tls_load(struct hub_tls *t, const struct export_env *env, mono_ns_t now, char *ret_why, size_t size)
{
	/* First the stamp: files that change while they are read are seen as changed. */
	uint64_t stamp = stamp_of(env);
	struct tls_pems pems;
	int r = check(env, &pems, ret_why, size);

	if (r < 0)
		return r;
	tls_pems_done(&t->pems);
	t->pems = pems;
	t->stamp = stamp;
	t->look_at = now + LOOK_NS;
	return 0;
}

int hub_tls_renewed(struct hub_tls *t, const struct export_env *env, mono_ns_t now, bool *ret_renewed, char *ret_why,
		    size_t size)
{
	AUTO(tls_pems_done) struct tls_pems fresh = {0};
	uint64_t stamp;
	int r;

	*ret_renewed = false;
	if (now < t->look_at)
		return 0;
	t->look_at = now + LOOK_NS;
	stamp = stamp_of(env);
	if (stamp == t->stamp)
		return 0;
	t->stamp = stamp;
	r = check(env, &fresh, ret_why, size);
	if (r < 0)
		return r;
	*ret_renewed = !tls_pems_equal(&fresh, &t->pems);
	return 0;
}

void hub_tls_done(struct hub_tls *t)
{
	tls_pems_done(&t->pems);
}
