/*
 * A reader and a device that plays its tag, with a field between them that loses, cuts,
 * spoils and doubles APDUs, and lets go of the device.
 */
#ifndef SIM_TAG_AIR_H
#define SIM_TAG_AIR_H

#include "device/tag.h"
#include "plugins/channel/nfc/reader.h"

enum { TAG_AIR_FILE = 300, TAG_AIR_BUF = 65535 };

struct tag_air {
	uint32_t (*draw)(uint32_t below);
	uint32_t harm; /* percent, of each kind                                 */
	bool     met;
	uint32_t name;
	uint64_t apdus, harmed;
	struct reader  reader;
	struct csn_tag tag;
	uint8_t inbox[TAG_AIR_FILE], outbox[TAG_AIR_FILE];
	uint8_t to_tag[TAG_AIR_BUF], to_reader[TAG_AIR_BUF];
};

void tag_air_init(struct tag_air *air, uint32_t (*draw)(uint32_t below), uint32_t harm);
/* An end starts anew, with nothing to say. */
void tag_air_fresh(struct tag_air *air, bool reader);
/* @message is borrowed until the next one; empty: rest. */
void tag_air_say(struct tag_air *air, bool reader, struct csn_bytes message);
bool tag_air_said(const struct tag_air *air, bool reader);
/* One look of the reader: what came of it, empty mostly; valid until the next. */
void tag_air_look(struct tag_air *air, struct csn_bytes *ret_reader, struct csn_bytes *ret_tag);

#endif
