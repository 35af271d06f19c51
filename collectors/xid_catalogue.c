// SPDX-License-Identifier: Apache-2.0
#include "collectors/xid_catalogue.h"

#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"

#define R575 575
#define ANY  UINT64_MAX

static const struct xid_meaning xids[] = {
#define XID(code, name, suspect, advice, severity, meaning) \
	{ code, XID_##suspect, XID_##advice, SEVERITY_##severity, #name, meaning },
#include "collectors/xid_catalogue.def"
#undef XID
};

static const struct sxid_meaning sxids[] = {
#define SXID(code, fatal, advice, meaning) { code, SXID_##fatal, XID_##advice, meaning },
#include "collectors/sxid_catalogue.def"
#undef SXID
};

static const struct nvlink_error nvlink_errors[] = {
#define NVLINK_ERROR(code, unit, before, since, cause, status, advice, reach) \
	{ code, unit, before, since, cause, (status) == ANY, (uint32_t)(status), XID_##advice, NVLINK_##reach },
#include "collectors/nvlink_errors.def"
#undef NVLINK_ERROR
};

const struct xid_meaning *xid_catalogue_find(uint32_t code)
{
	for (size_t i = 0; i < ARRAY_LEN(xids); i++)
		if (xids[i].code == code)
			return &xids[i];
	return NULL;
}

const struct sxid_meaning *sxid_catalogue_find(uint32_t code)
{
	for (size_t i = 0; i < ARRAY_LEN(sxids); i++)
		if (sxids[i].code == code)
			return &sxids[i];
	return NULL;
}

/* The message calls a unit as the table does, or by the first part of that ("NETIR" for NETIR_LINK_DOWN). */
static bool same_unit(const char *said, const char *listed)
{
	size_t n = strlen(said);

	return strncmp(said, listed, n) == 0 && (listed[n] == '\0' || listed[n] == '_');
}

static const struct nvlink_error *find_in_layout(uint32_t code, const char *unit, uint32_t info, uint32_t status,
						 bool since)
{
	const struct nvlink_error *found = NULL;
	uint32_t number = since ? info & 0x7f : info >> 5 & 0x1f, cause = info >> 20 & 0x3f;

	for (size_t i = 0; i < ARRAY_LEN(nvlink_errors); i++) {
		const struct nvlink_error *e = &nvlink_errors[i];
		if (e->code != code || e->cause != cause || (since ? e->unit_since : e->unit_before) != number)
			continue;
		if (!e->any_status && e->status != status)
			continue;
		if (same_unit(unit, e->unit))
			return e;
		found = found ? found : e;
	}
	return found;
}

const struct nvlink_error *nvlink_error_find(uint32_t code, const char *unit, uint32_t info, uint32_t status,
					     unsigned driver)
{
	if (driver != 0)
		return find_in_layout(code, unit, info, status, driver >= R575);
	const struct nvlink_error *e = find_in_layout(code, unit, info, status, true);
	return e ? e : find_in_layout(code, unit, info, status, false);
}

const char *xid_suspect_name(enum xid_suspect s)
{
	static const char *const names[] = { "application", "hardware", "software", "either", "none", "unknown" };

	return (size_t)s < ARRAY_LEN(names) ? names[s] : "?";
}

const char *xid_advice_name(enum xid_advice a)
{
	static const char *const names[] = { "nothing", "restart_app", "reset_gpu", "reboot_node", "restart_vm",
					     "check_seating", "check_cooling", "update_software", "contact_vendor",
					     "drain_p2p", "drain_and_reset", "decode", "driver_says" };

	return (size_t)a < ARRAY_LEN(names) ? names[a] : "?";
}
