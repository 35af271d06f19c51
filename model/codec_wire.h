/* SPDX-License-Identifier: Apache-2.0 */
/* codec_wire.h - the numbers of the recording format: shared by codec_write.c and codec_read.c.
 *
 * Room: model, and there only those two files.  Owns: nothing.  Thread: any.  Clock: none.
 * Bounds: CODEC_MAX_FRAME a frame, WIRE_MAX_RECORD a record.
 *
 * All numbers are little-endian, a text is u16 length and its bytes. Frame: u32 length and u32 crc32 of what
 * follows; u8 type. Header: u32 magic, u16 version, texts node and boot id, u64 wall, u64 mono.
 * Tick and graph: u8 part, u64 now, u64 wall, then records to the end of the frame, each with its tag first.
 * Numbers of kinds of entity, edge and severity are those of the enums: these may only be added to at their end.
 */
#ifndef WHY_MODEL_CODEC_WIRE_H
#define WHY_MODEL_CODEC_WIRE_H

#define WIRE_HEAD       8 /* length and crc32 */
#define WIRE_MAGIC      0x31594857u /* "WHY1" */
#define WIRE_MAX_RECORD 16384 /* an event with ten texts and a message */

enum wire_frame { WIRE_HEADER = 1, WIRE_TICK = 2, WIRE_GRAPH = 3 };

enum wire_part { WIRE_PART_FIRST = 1, WIRE_PART_LAST = 2 }; /* bits: a tick may need several frames */

enum wire_tag {
	WIRE_METRIC = 1,    /* u16 number, text name, u8 n, n texts: names of its fields */
	WIRE_HOME = 2,      /* u32 entity: the writer's own node */
	WIRE_ENTITY = 3,    /* u32 entity, u8 kind, text key */
	WIRE_ATTR = 4,      /* u32 entity, text name, u8 present, text value */
	WIRE_LINK = 5,      /* u8 edge, u32 from, u32 to */
	WIRE_UNLINK = 6,    /* the same */
	WIRE_GONE = 7,      /* u32 entity, u64 at */
	WIRE_SAMPLE = 8,    /* u16 metric, u32 entity, f64 value; taken at the tick's `now` */
	WIRE_SAMPLE_AT = 9, /* the same, then u64 at */
	WIRE_EVENT = 10,    /* u16 metric, u32 entity, u64 at, u8 severity, u32 code, u8 flags, text message,
			     * u8 n, n values */
};

enum wire_event_flag { WIRE_EVENT_SIMULATED = 1, WIRE_EVENT_MESSAGE = 2 };
enum wire_value { WIRE_VALUE_NONE = 0, WIRE_VALUE_TEXT = 1, WIRE_VALUE_NUMBER = 2 };

#endif
