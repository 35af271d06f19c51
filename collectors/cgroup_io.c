/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/cgroup_io.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "collectors/fields.h"

/* "254:0" */
static bool take_device(struct fields *line, uint32_t *ret_major, uint32_t *ret_minor)
{
	const char *word, *colon;
	size_t len;

	if (!fields_word(line, &word, &len) || !(colon = memchr(word, ':', len)))
		return false;
	struct fields major = fields_of(word, (size_t)(colon - word));
	struct fields minor = fields_of(colon + 1, len - (size_t)(colon - word) - 1);
	uint64_t a, b;
	if (!fields_u64(&major, &a) || !fields_u64(&minor, &b) || a > UINT32_MAX || b > UINT32_MAX)
		return false;
	*ret_major = (uint32_t)a;
	*ret_minor = (uint32_t)b;
	return true;
}

static void add_limit(struct cgroup_io *io, uint32_t major, uint32_t minor, enum cgroup_io_kind kind, uint64_t per_s)
{
	if (per_s == 0 || io->n == CGROUP_IO_MAX_LIMITS)
		return;
	io->limits[io->n++] = (struct cgroup_io_limit){ .major = major, .minor = minor, .kind = kind, .per_s = per_s };
}

void cgroup_io_take_max(struct cgroup_io *io, const char *text, size_t len)
{
	static const char *const keys[CGROUP_IO_KINDS] = { "rbps", "wbps", "riops", "wiops" };
	struct fields rest = fields_of(text, len), line;
	uint32_t major, minor;
	uint64_t value;

	while (fields_line(&rest, &line)) {
		if (!take_device(&line, &major, &minor))
			continue;
		for (unsigned k = 0; k < CGROUP_IO_KINDS; k++) /* "max" is no number, and no limit */
			if (fields_assigned(line, keys[k], &value))
				add_limit(io, major, minor, (enum cgroup_io_kind)k, value);
	}
}

void cgroup_io_take_v1(struct cgroup_io *io, enum cgroup_io_kind kind, const char *text, size_t len)
{
	struct fields rest = fields_of(text, len), line;
	uint32_t major, minor;
	uint64_t value;

	while (fields_line(&rest, &line))
		if (take_device(&line, &major, &minor) && fields_u64(&line, &value))
			add_limit(io, major, minor, kind, value);
}

void cgroup_io_keep_counts(struct cgroup_io *io, const struct cgroup_io *old)
{
	io->counted_at = old->counted_at;
	io->counted_before = old->counted_before;
	for (size_t i = 0; i < io->n; i++)
		for (size_t k = 0; k < old->n; k++) {
			struct cgroup_io_limit *to = &io->limits[i];
			const struct cgroup_io_limit *from = &old->limits[k];
			if (to->major != from->major || to->minor != from->minor || to->kind != from->kind)
				continue;
			to->counted = from->counted;
			to->again = from->again;
			to->used = from->used;
			to->used_before = from->used_before;
		}
}

void cgroup_io_count_begin(struct cgroup_io *io, mono_ns_t now)
{
	io->counted_before = io->counted_at;
	io->counted_at = now;
	for (size_t i = 0; i < io->n; i++) {
		io->limits[i].used_before = io->limits[i].used;
		io->limits[i].again = io->limits[i].counted;
		io->limits[i].counted = false;
	}
}

static void count(struct cgroup_io *io, uint32_t major, uint32_t minor, enum cgroup_io_kind kind, uint64_t used)
{
	for (size_t i = 0; i < io->n; i++) {
		struct cgroup_io_limit *l = &io->limits[i];
		if (l->major != major || l->minor != minor || l->kind != kind)
			continue;
		l->used = used;
		l->counted = true;
	}
}

void cgroup_io_count_stat(struct cgroup_io *io, const char *text, size_t len)
{
	static const char *const keys[CGROUP_IO_KINDS] = { "rbytes", "wbytes", "rios", "wios" };
	struct fields rest = fields_of(text, len), line;
	uint32_t major, minor;
	uint64_t value;

	while (fields_line(&rest, &line)) {
		if (!take_device(&line, &major, &minor))
			continue;
		for (unsigned k = 0; k < CGROUP_IO_KINDS; k++)
			if (fields_assigned(line, keys[k], &value))
				count(io, major, minor, (enum cgroup_io_kind)k, value);
	}
}

void cgroup_io_count_v1(struct cgroup_io *io, bool ops, const char *text, size_t len)
{
	struct fields rest = fields_of(text, len), line;
	uint32_t major, minor;
	uint64_t value;

	while (fields_line(&rest, &line)) {
		if (!take_device(&line, &major, &minor))
			continue;
		bool read = fields_is(&line, "Read");
		if ((read || fields_is(&line, "Write")) && fields_u64(&line, &value))
			count(io, major, minor,
			      read ? (ops ? CGROUP_IO_READ_OPS : CGROUP_IO_READ_BYTES)
				   : (ops ? CGROUP_IO_WRITE_OPS : CGROUP_IO_WRITE_BYTES),
			      value);
	}
}

bool cgroup_io_has_ops(const struct cgroup_io *io)
{
	for (size_t i = 0; i < io->n; i++)
		if (io->limits[i].kind == CGROUP_IO_READ_OPS || io->limits[i].kind == CGROUP_IO_WRITE_OPS)
			return true;
	return false;
}

bool cgroup_io_tightest(const struct cgroup_io *io, const struct cgroup_io_limit **ret_limit, double *ret_used_ratio)
{
	double wall_s = (double)mono_since(io->counted_before, io->counted_at) / (double)NS_PER_S, best = -1;

	if (!io->counted_before || wall_s <= 0)
		return false;
	for (size_t i = 0; i < io->n; i++) {
		const struct cgroup_io_limit *l = &io->limits[i];
		if (!l->counted || !l->again || l->used < l->used_before)
			continue;
		double ratio = (double)(l->used - l->used_before) / wall_s / (double)l->per_s;
		if (ratio <= best)
			continue;
		best = ratio;
		*ret_limit = l;
	}
	if (best >= 0)
		*ret_used_ratio = best;
	return best >= 0;
}

bool cgroup_io_device(int root_fd, const struct cgroup_io_limit *l, char ret_name[CGROUP_IO_DEVICE])
{
	static const char key[] = "DEVNAME=";
	char path[64], text[512];

	(void)snprintf(path, sizeof(path), "sys/dev/block/%u:%u/uevent", l->major, l->minor);
	if (file_read_at(root_fd, path, text, sizeof(text), NULL) < 0)
		return false;
	const char *name = strstr(text, key);
	if (!name)
		return false;
	name += strlen(key);
	(void)snprintf(ret_name, CGROUP_IO_DEVICE, "%.*s", (int)strcspn(name, "\n"), name);
	return true;
}

void cgroup_io_describe(const struct cgroup_io_limit *l, const char *device, char ret_text[CGROUP_IO_TEXT])
{
	bool read = l->kind == CGROUP_IO_READ_BYTES || l->kind == CGROUP_IO_READ_OPS;
	bool ops = l->kind == CGROUP_IO_READ_OPS || l->kind == CGROUP_IO_WRITE_OPS;
	char number[24];

	(void)snprintf(number, sizeof(number), "%u:%u", l->major, l->minor);
	(void)snprintf(ret_text, CGROUP_IO_TEXT, "%s %.32s: %llu %s a second", read ? "reads from" : "writes to",
		       device ? device : number, (unsigned long long)l->per_s, ops ? "operations" : "bytes");
}
