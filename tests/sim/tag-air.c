#include "sim/tag-air.h"

static bool
harmed(struct tag_air *air)
{
	const bool yes = air->draw(100) < air->harm;

	air->harmed += yes;
	return yes;
}

static size_t
spoil(struct tag_air *air, uint8_t *bytes, size_t len)
{
	if (harmed(air))
		len = 1 + air->draw((uint32_t)len);
	if (harmed(air))
		bytes[air->draw((uint32_t)len)] ^= (uint8_t)(1 + air->draw(255));
	return len;
}

static int
transmit(void *arg, struct csn_bytes command, uint8_t *response, size_t *ret_len)
{
	struct tag_air *air = arg;
	uint8_t copy[READER_APDU_MAX];

	air->apdus++;
	if (harmed(air)) /* out of the field, before the command or after it        */
		return -1;
	memcpy(copy, command.ptr, command.len);
	const size_t len = spoil(air, copy, command.len);
	csn_tag_apdu(&air->tag, (struct csn_bytes){ copy, len }, response, ret_len);
	if (harmed(air)) /* a reader that repeats by itself                        */
		csn_tag_apdu(&air->tag, (struct csn_bytes){ copy, len }, response, ret_len);
	if (harmed(air))
		return -1;
	*ret_len = spoil(air, response, *ret_len);
	return 0;
}

void
tag_air_fresh(struct tag_air *air, bool reader)
{
	const struct csn_tag_setup setup = { air->inbox, air->outbox, TAG_AIR_FILE, air->to_tag,
		                             TAG_AIR_BUF, 255, 255 };

	air->met = false;
	if (!reader) {
		(void)csn_tag_init(&air->tag, &setup);
		return;
	}
	memset(&air->reader, 0, sizeof air->reader);
	air->reader.transmit = transmit;
	air->reader.arg = air;
	air->reader.chunk = 255;
	air->reader.in = (struct csn_t4t_in){ .buf = air->to_reader, .cap = TAG_AIR_BUF };
}

void
tag_air_init(struct tag_air *air, uint32_t (*draw)(uint32_t below), uint32_t harm)
{
	memset(air, 0, sizeof *air);
	air->draw = draw;
	air->harm = harm;
	tag_air_fresh(air, true);
	tag_air_fresh(air, false);
}

void
tag_air_say(struct tag_air *air, bool reader, struct csn_bytes message)
{
	const uint32_t name = ++air->name << 8 | air->draw(256);

	if (reader)
		reader_send(&air->reader, message, name);
	else
		csn_tag_send(&air->tag, message, name);
}

bool
tag_air_said(const struct tag_air *air, bool reader)
{
	return reader ? reader_sent(&air->reader) : csn_tag_sent(&air->tag);
}

void
tag_air_look(struct tag_air *air, struct csn_bytes *ret_reader, struct csn_bytes *ret_tag)
{
	int r = READER_GONE;

	*ret_reader = *ret_tag = CSN_BYTES_NONE;
	if (!air->met)
		air->met = reader_meet(&air->reader) >= 0;
	if (air->met)
		r = reader_step(&air->reader, ret_reader);
	if (r < 0) {
		air->met = false;
		csn_tag_leave(&air->tag);
	}
	*ret_tag = csn_tag_take(&air->tag);
}
