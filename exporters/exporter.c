// SPDX-License-Identifier: Apache-2.0
#include "exporters/exporter.h"

#include "base/cleanup.h"

#define EXPORTER(stem) extern const struct exporter exporter_##stem;
#include "exporters/exporters.def"
#undef EXPORTER

static const struct exporter *const all[] = {
#define EXPORTER(stem) &exporter_##stem,
#include "exporters/exporters.def"
#undef EXPORTER
	NULL,
};

const struct exporter *const *exporters_all(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(all) - 1;
	return all;
}
