// SPDX-License-Identifier: Apache-2.0
#include "identity/otel_context.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

#define VERSION 2

/* Fields of the messages, and how protobuf writes them. */
enum { CONTEXT_RESOURCE = 1, RESOURCE_ATTRIBUTES = 1, ATTRIBUTE_KEY = 1, ATTRIBUTE_VALUE = 2, VALUE_STRING = 1 };
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct span {
	const unsigned char *at, *end;
};

bool otel_context_is_mapping(const char *path)
{
	static const char *const names[] = { "/memfd:OTEL_CTX", "[anon_shmem:OTEL_CTX]", "[anon:OTEL_CTX]" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = strlen(names[i]);

		if (strncmp(path, names[i], n) == 0 && (path[n] == '\0' || strcmp(path + n, " (deleted)") == 0))
			return true;
	}
	return false;
}

int otel_context_header(const void *bytes, size_t n, struct otel_context *ret_context)
{
	const unsigned char *b = bytes;
	struct otel_context context;
	uint32_t version;

	if (n < OTEL_CONTEXT_HEADER || memcmp(b, "OTEL_CTX", 8) != 0)
		return -EINVAL;
	memcpy(&version, b + 8, sizeof(version)); /* written by a program of this machine: its byte order */
	memcpy(&context.payload_size, b + 12, sizeof(context.payload_size));
	memcpy(&context.published_ns, b + 16, sizeof(context.published_ns));
	memcpy(&context.payload, b + 24, sizeof(context.payload));
	if (version != VERSION)
		return -ENOTSUP;
	if (context.published_ns == 0)
		return -EAGAIN;
	if (context.payload_size == 0 || context.payload_size > OTEL_CONTEXT_MAX_PAYLOAD || context.payload == 0)
		return -EMSGSIZE;
	*ret_context = context;
	return 0;
}

static bool read_varint(struct span *s, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && s->at < s->end; shift += 7) {
		unsigned char byte = *s->at++;

		value |= (uint64_t)(byte & 0x7F) << shift;
		if (!(byte & 0x80)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

/* The next field; of one with bytes they are in ret_bytes, else that is empty. False: not a field. */
static bool next_field(struct span *s, uint64_t *ret_number, struct span *ret_bytes)
{
	uint64_t tag, length = 0;

	if (!read_varint(s, &tag) || tag >> 3 == 0)
		return false;
	*ret_number = tag >> 3;
	*ret_bytes = (struct span){ NULL, NULL };
	switch (tag & 7) {
	case WIRE_VARINT:
		return read_varint(s, &length);
	case WIRE_64:
		length = 8;
		break;
	case WIRE_32:
		length = 4;
		break;
	case WIRE_BYTES:
		if (!read_varint(s, &length))
			return false;
		break;
	default:
		return false;
	}
	if (length > (uint64_t)(s->end - s->at))
		return false;
	if ((tag & 7) == WIRE_BYTES)
		*ret_bytes = (struct span){ s->at, s->at + length };
	s->at += length;
	return true;
}

/* KeyValue: its key is "service.name"? Then ret_name is the text of its value, when that is a text. */
static bool read_attribute(struct span s, struct span *ret_name)
{
	static const char key[] = "service.name";
	struct span bytes, value = { NULL, NULL };
	bool is_name = false;
	uint64_t number;

	while (s.at < s.end) {
		if (!next_field(&s, &number, &bytes))
			return false;
		if (number == ATTRIBUTE_KEY && bytes.at)
			is_name = (size_t)(bytes.end - bytes.at) == sizeof(key) - 1 &&
				  memcmp(bytes.at, key, sizeof(key) - 1) == 0;
		else if (number == ATTRIBUTE_VALUE && bytes.at)
			value = bytes;
	}
	while (is_name && value.at && value.at < value.end) {
		if (!next_field(&value, &number, &bytes))
			return false;
		if (number == VALUE_STRING && bytes.at)
			*ret_name = bytes;
	}
	return true;
}

static bool read_resource(struct span s, struct span *ret_name)
{
	struct span bytes;
	uint64_t number;

	while (s.at < s.end) {
		if (!next_field(&s, &number, &bytes))
			return false;
		if (number == RESOURCE_ATTRIBUTES && bytes.at && !ret_name->at && !read_attribute(bytes, ret_name))
			return false;
	}
	return true;
}

int otel_context_service(const void *payload, size_t n, char *ret_name, size_t size)
{
	struct span s = { payload, (const unsigned char *)payload + n }, bytes, name = { NULL, NULL };
	char escaped[512];
	uint64_t number;
	struct text t;

	if (n > OTEL_CONTEXT_MAX_PAYLOAD)
		return -EBADMSG;
	while (s.at < s.end) {
		if (!next_field(&s, &number, &bytes))
			return -EBADMSG;
		if (number == CONTEXT_RESOURCE && bytes.at && !read_resource(bytes, &name))
			return -EBADMSG;
	}
	if (!name.at || name.at == name.end)
		return -ENOENT;
	text_init(&t, escaped, size < sizeof(escaped) ? size : sizeof(escaped));
	text_add_escaped(&t, (const char *)name.at, (size_t)(name.end - name.at));
	if (t.truncated)
		return -EMSGSIZE;
	memcpy(ret_name, escaped, t.len + 1);
	return 0;
}
