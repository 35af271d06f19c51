// SPDX-License-Identifier: Apache-2.0
#include "collectors/xid_line.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "collectors/xid_catalogue.h"

/* What is left of the line. */
struct rest {
	const char *at, *end;
};

static bool take(struct rest *r, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
		return false;
	r->at += n;
	return true;
}

static void skip_blanks(struct rest *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t'))
		r->at++;
}

static const char *find(const struct rest *r, const char *word)
{
	return r->at < r->end ? memmem(r->at, (size_t)(r->end - r->at), word, strlen(word)) : NULL;
}

static int digit_of(char c, unsigned base)
{
	int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ?
		c - 'A' + 10 : 99;

	return v < (int)base ? v : -1;
}

/* At least one digit, fits 32 bits. */
static bool take_number(struct rest *r, unsigned base, uint32_t *ret_value)
{
	struct rest t = *r;
	uint64_t value = 0;

	for (; t.at < t.end && digit_of(*t.at, base) >= 0; t.at++) {
		value = value * base + (unsigned)digit_of(*t.at, base);
		if (value > UINT32_MAX)
			return false;
	}
	if (t.at == r->at)
		return false;
	*r = t;
	*ret_value = (uint32_t)value;
	return true;
}

static bool take_hex(struct rest *r, uint32_t *ret_value)
{
	struct rest t = *r;

	if (!take(&t, "0x") && !take(&t, "0X"))
		return false;
	if (!take_number(&t, 16, ret_value))
		return false;
	*r = t;
	return true;
}

/* [domain:]bus:device[.function], hexadecimal, as the kernel writes it into sysfs. */
static bool take_address(struct rest *r, char *ret_pci, size_t size)
{
	struct rest t = *r;
	uint32_t part[3], function = 0;
	size_t n = 0;

	do {
		if (n == 3 || !take_number(&t, 16, &part[n]))
			return false;
		n++;
	} while (take(&t, ":") && t.at < t.end && digit_of(*t.at, 16) >= 0);
	if (t.at > r->at && t.at[-1] == ':')
		t.at--; /* the colon that ends the address belongs to what follows */
	if (n < 2 || part[n - 1] > 0x1f || part[n - 2] > 0xff)
		return false;
	if (take(&t, ".") && (!take_number(&t, 16, &function) || function > 7))
		return false;
	snprintf(ret_pci, size, "%04x:%02x:%02x.%x", n == 3 ? part[0] : 0, part[n - 2], part[n - 1], function);
	*r = t;
	return true;
}

/* "[ 12.345678] ", "[T123] ", "host kernel: " in front: of logs that were copied. */
static void skip_prefix(struct rest *r)
{
	for (unsigned i = 0; i < 3 && r->at < r->end && *r->at == '['; i++) {
		const char *close = memchr(r->at, ']', MIN_OF((size_t)(r->end - r->at), (size_t)32));
		if (!close)
			return;
		r->at = close + 1;
		skip_blanks(r);
	}
	(void)take(r, "kernel: ");
	skip_blanks(r);
}

static void copy_to(char *ret_text, size_t size, const char *from, size_t n)
{
	n = MIN_OF(n, size - 1);
	memcpy(ret_text, from, n);
	ret_text[n] = '\0';
}

/* ---- parts of an Xid ---- */

/* ", pid=7, name=python3, ..."; a pid that is quoted or no number is none. */
static void take_process(struct rest *r, struct xid_line *x)
{
	struct rest t = *r;

	if (!take(&t, "pid="))
		return;
	bool quoted = take(&t, "'");
	x->has_pid = take_number(&t, 10, &x->pid) && x->pid > 0;
	if (quoted || !x->has_pid) {
		const char *comma = find(&t, ",");
		x->has_pid = x->has_pid && comma && (!quoted || *t.at == '\'');
		t.at = comma ? comma : t.end;
	}
	(void)take(&t, ",");
	skip_blanks(&t);
	*r = t;
	if (!take(&t, "name="))
		return;
	const char *comma = find(&t, ", ");
	const char *end = comma ? comma : t.end;
	if (comma == NULL && end > t.at && end[-1] == ',')
		end--;
	copy_to(x->comm, sizeof(x->comm), t.at, (size_t)(end - t.at));
	if (strcmp(x->comm, "<unknown>") == 0 || strcmp(x->comm, "'<unknown>'") == 0)
		x->comm[0] = '\0';
	t.at = comma ? comma + 2 : t.end;
	*r = t;
}

/* The number behind a word: "GPC 2", "(GPC: 2,", "Link 03"; -1 none. */
static int number_behind(const struct xid_line *x, const char *word)
{
	struct rest r = { x->detail, x->detail + x->detail_len };
	uint32_t value;

	for (const char *at; (at = find(&r, word)); r.at = at + 1) {
		struct rest t = { at + strlen(word), r.end };
		bool whole = at == x->detail || !isalnum((unsigned char)at[-1]);
		(void)take(&t, ":");
		skip_blanks(&t);
		if (whole && take_number(&t, 10, &value) && value <= 4096)
			return (int)value;
	}
	return -1;
}

static int set_detail(struct xid_line *x, const struct rest *r)
{
	struct rest t = *r;

	skip_blanks(&t);
	while (t.end > t.at && isspace((unsigned char)t.end[-1]))
		t.end--;
	x->detail = t.at;
	x->detail_len = (size_t)(t.end - t.at);
	return 0;
}

static int parse_head(struct rest *r, struct xid_line *x)
{
	(void)take(r, "PCI:");
	if (!take_address(r, x->pci, sizeof(x->pci)))
		return -EBADMSG;
	skip_blanks(r);
	const char *close = find(r, ")");
	if (!close || close - r->at > 64)
		return -EBADMSG;
	copy_to(x->instance, sizeof(x->instance), r->at, (size_t)(close - r->at));
	r->at = close + 1;
	if (!take(r, ":"))
		return -EBADMSG;
	skip_blanks(r);
	if (!take_number(r, 10, &x->code))
		return -EBADMSG;
	if (r->at < r->end && !take(r, ",") && *r->at != ' ' && *r->at != '\r')
		return -EBADMSG;
	skip_blanks(r);
	return 0;
}

static int parse_xid(struct rest *r, struct xid_line *x)
{
	int e = parse_head(r, x);

	if (e < 0)
		return e;
	x->kind = XID_LINE_XID;
	take_process(r, x);
	(void)set_detail(x, r);
	if (x->code == 13) {
		x->gpc = number_behind(x, "GPC");
		x->tpc = number_behind(x, "TPC");
		x->sm = number_behind(x, "SM");
	}
	if (x->code == 74 || (x->code >= 144 && x->code <= 150))
		x->link = number_behind(x, x->code == 74 ? "link" : "Link");
	return 0;
}

static int parse_sxid(struct rest *r, struct xid_line *x)
{
	int e = parse_head(r, x);

	if (e < 0)
		return e;
	x->kind = XID_LINE_SXID;
	x->says_nonfatal = take(r, "Non-fatal") || take(r, "Non-Fatal") || take(r, "Nonfatal");
	x->says_fatal = !x->says_nonfatal && take(r, "Fatal");
	(void)take(r, ",");
	(void)set_detail(x, r);
	x->link = number_behind(x, "Link");
	return 0;
}

/* ---- other lines ---- */

static int parse_fell(struct rest *r, struct xid_line *x)
{
	if (!take_address(r, x->pci, sizeof(x->pci)) || !find(r, "GPU has fallen off the bus"))
		return -EBADMSG;
	(void)take(r, ":");
	x->kind = XID_LINE_XID;
	x->code = 79;
	return set_detail(x, r);
}

static int parse_named(struct rest *r, struct xid_line *x)
{
	(void)take(r, "PCI:");
	if (!take_address(r, x->pci, sizeof(x->pci)))
		return -EBADMSG;
	bool whole = find(r, "fallen off the bus and is not responding") != NULL; /* three lines in one record */
	x->kind = whole ? XID_LINE_XID : XID_LINE_NAMED;
	x->code = whole ? 79 : 0;
	return set_detail(x, r);
}

static int parse_uuid(struct rest *r, struct xid_line *x)
{
	(void)take(r, "PCI:");
	if (!take_address(r, x->pci, sizeof(x->pci)) || !take(r, ": "))
		return -EBADMSG;
	x->kind = XID_LINE_UUID;
	return set_detail(x, r);
}

static int parse_version(struct rest *r, struct xid_line *x)
{
	static const char module[] = "Kernel Module";
	const char *at = find(r, module);

	if (!at)
		return -EBADMSG;
	r->at = at + sizeof(module) - 1;
	skip_blanks(r);
	if (take(r, "for "))
		while (r->at < r->end && *r->at != ' ')
			r->at++;
	skip_blanks(r);
	const char *end = r->at;
	while (end < r->end && (isdigit((unsigned char)*end) || *end == '.'))
		end++;
	if (end == r->at)
		return -EBADMSG;
	r->end = end;
	x->kind = XID_LINE_LOADED;
	return set_detail(x, r);
}

static int parse_nvrm(struct rest *r, struct xid_line *x)
{
	if (take(r, "Xid ("))
		return parse_xid(r, x);
	if (take(r, "GPU at "))
		return parse_uuid(r, x);
	if (take(r, "The NVIDIA GPU "))
		return parse_named(r, x);
	if (take(r, "loading NVIDIA ") || take(r, "version: NVIDIA "))
		return parse_version(r, x);
	x->kind = XID_LINE_SERIAL;
	if (take(r, "GPU Board Serial Number:"))
		return set_detail(x, r);
	x->kind = XID_LINE_FELL;
	if (take(r, "fallen off the bus and is not responding"))
		return set_detail(x, r);
	x->kind = XID_LINE_MISMATCH;
	if (take(r, "API mismatch:"))
		return set_detail(x, r);
	return take(r, "GPU ") ? parse_fell(r, x) : -EBADMSG;
}

int xid_line_parse(const char *line, size_t len, struct xid_line *ret_line)
{
	struct rest r = { line, line + len };
	struct xid_line x = { .detail = line, .link = -1, .gpc = -1, .tpc = -1, .sm = -1 };
	int e = -EBADMSG;
	uint32_t number;

	skip_prefix(&r);
	if (take(&r, "NVRM: ") || take(&r, "NVRM ")) { /* the latter in /proc/driver/nvidia/version */
		e = parse_nvrm(&r, &x);
	} else if (take(&r, "nvidia-nvswitch")) {
		if (take_number(&r, 10, &number) && take(&r, ": SXid ("))
			e = parse_sxid(&r, &x);
	} else if (take(&r, "nvidia-nvlink: Unregistered")) {
		x.kind = XID_LINE_UNLOADED;
		e = set_detail(&x, &r);
	}
	if (e == 0)
		*ret_line = x;
	return e;
}

/* ---- inside of messages ---- */

bool xid_line_nvlink(const struct xid_line *x, struct nvlink_message *ret_message)
{
	struct rest r = { x->detail, x->detail + x->detail_len };
	struct nvlink_message m = { .link = x->link };

	if (x->kind != XID_LINE_XID || x->code < 144 || x->code > 150)
		return false;
	const char *blank = find(&r, " ");
	if (!blank || blank == r.at)
		return false;
	copy_to(m.unit, sizeof(m.unit), r.at, (size_t)(blank - r.at));
	r.at = blank;
	skip_blanks(&r);
	m.fatal = take(&r, "Fatal");
	const char *open = find(&r, "(0x");
	if (!open)
		return false;
	r.at = open + 1;
	if (!take_hex(&r, &m.info))
		return false;
	skip_blanks(&r);
	if (!take_hex(&r, &m.status))
		return false;
	*ret_message = m;
	return true;
}

int xid_line_recovery(const struct xid_line *x)
{
	static const struct {
		const char *said;
		enum xid_advice advice;
	} actions[] = { /* longer ones first */
		{ "(Drain and Reset", XID_DRAIN_AND_RESET },
		{ "(Drain P2P", XID_DRAIN_P2P },
		{ "(Node Reboot", XID_REBOOT_NODE },
		{ "(GPU Reset", XID_RESET_GPU },
		{ "(None", XID_NOTHING },
	};
	struct rest r = { x->detail, x->detail + x->detail_len };
	const char *to = find(&r, " to ");

	if (x->kind != XID_LINE_XID || x->code != 154 || !to)
		return -EBADMSG;
	r.at = to;
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (find(&r, actions[i].said))
			return actions[i].advice;
	return -EBADMSG;
}
