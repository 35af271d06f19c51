// SPDX-License-Identifier: Apache-2.0
/* Bytes as a line of NVIDIA's driver: taken apart, its registers read, its texts inside of the line. */
#include <stdlib.h>
#include <string.h>

#include "collectors/xid_catalogue.h"
#include "collectors/xid_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_apart(const char *text, size_t len)
{
	struct nvlink_message m;
	struct xid_line x;

	if (xid_line_parse(text, len, &x) < 0)
		return;
	if (x.detail < text || x.detail + x.detail_len > text + len)
		abort();
	if (!memchr(x.pci, '\0', sizeof(x.pci)) || !memchr(x.comm, '\0', sizeof(x.comm)) ||
	    !memchr(x.instance, '\0', sizeof(x.instance)))
		abort();
	if (x.has_pid && x.pid == 0)
		abort();
	(void)xid_line_recovery(&x);
	if (xid_line_nvlink(&x, &m))
		(void)nvlink_error_find(x.code, m.unit, m.info, m.status, m.info % 2 ? 570 : m.status % 2 ? 580 : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "NVRM: Xid (PCI:0000:5e:00): ";
	char *text = malloc(size ? size : 1); /* of the exact size: a step too far is seen */

	if (!text)
		return 0;
	memcpy(text, data, size);
	take_apart(text, size);
	free(text);
	text = malloc(size + sizeof(head) - 1);
	if (!text)
		return 0;
	memcpy(text, head, sizeof(head) - 1);
	memcpy(text + sizeof(head) - 1, data, size); /* most random bytes never get past the address */
	take_apart(text, size + sizeof(head) - 1);
	free(text);
	return 0;
}
