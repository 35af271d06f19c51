// SPDX-License-Identifier: Apache-2.0
#include "proto/health.h"

#include <errno.h>

#include "proto/health.pb-c.h"
#include "proto/pack.h"
#include "proto/unpack.h"

int health_pack_request(const char *service, struct buf *out)
{
	AUTO_PACK struct pack p;
	Grpc__Health__V1__HealthCheckRequest m = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
	int r = pack_begin(&p);

	if (r < 0)
		return r;
	m.service = pack_text(&p, service, TEXT_MAX_SHORT);
	return pack_message(&p, &m.base, out);
}

int health_request_unpack(const uint8_t *data, size_t n, char ret_service[256])
{
	AUTO_UNPACK struct unpack u;
	const Grpc__Health__V1__HealthCheckRequest *m;
	int r = unpack_begin(&u, n);

	if (r < 0)
		return r;
	m = unpack_message(&u, &grpc__health__v1__health_check_request__descriptor, data, n);
	if (m)
		unpack_text_into(&u, "service", m->service, ret_service, 256);
	return unpack_result(&u, NULL);
}

int health_pack_reply(enum health health, struct buf *out)
{
	struct pack p = {0};
	Grpc__Health__V1__HealthCheckResponse m = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

	m.status = (Grpc__Health__V1__HealthCheckResponse__ServingStatus)health;
	return pack_message(&p, &m.base, out);
}

int health_reply_unpack(const uint8_t *data, size_t n, enum health *ret_health)
{
	AUTO_UNPACK struct unpack u;
	const Grpc__Health__V1__HealthCheckResponse *m;
	unsigned health = 0;
	int r = unpack_begin(&u, n);

	if (r < 0)
		return r;
	m = unpack_message(&u, &grpc__health__v1__health_check_response__descriptor, data, n);
	if (m)
		health = unpack_enum(&u, "status", (int)((unsigned)m->status + 1u), HEALTH_SERVICE_UNKNOWN + 1);
	if (!u.error)
		*ret_health = (enum health)health;
	return unpack_result(&u, NULL);
}
