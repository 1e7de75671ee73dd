#include "lib/line.h"

#include "lib/frag.h"

enum kind {
	KIND_DATA    = 1,
	KIND_ACK     = 2,
	KIND_GREET   = 3,
	KIND_SETTLED = 4,
};

enum {
	HEAD      = 9,
	CRC       = 4,
	SLACK_MS  = 200,  /* what two operating systems may add              */
	GREET_MS  = 1000,
	NO_EPOCH  = 1 << 16,
	ACK_BYTES = 32,   /* of held bits in one acknowledgement             */
};

/* ---- bytes --------------------------------------------------------------------- */

size_t
csn_cobs_encode(struct csn_bytes raw, uint8_t *out, size_t cap)
{
	size_t at = 1, code_at = 0;
	uint8_t code = 1;

	if (cap < raw.len + raw.len / 254 + 1)
		return 0;
	for (size_t i = 0; i < raw.len; i++) {
		if (raw.ptr[i] != 0) {
			out[at++] = raw.ptr[i];
			code++;
		}
		if (raw.ptr[i] == 0 || (code == 0xff && i + 1 < raw.len)) {
			out[code_at] = code;
			code = 1;
			code_at = at++;
		}
	}
	out[code_at] = code;
	return at;
}

size_t
csn_cobs_decode(struct csn_bytes coded, uint8_t *out, size_t cap)
{
	size_t at = 0, len = 0;

	while (at < coded.len) {
		const size_t code = coded.ptr[at++];
		if (code == 0 || code - 1 > coded.len - at || code - 1 > cap - len)
			return 0;
		for (size_t i = 1; i < code; i++, at++) {
			if (coded.ptr[at] == 0)
				return 0;
			out[len++] = coded.ptr[at];
		}
		if (code == 0xff || at == coded.len)
			continue;
		if (len == cap)
			return 0;
		out[len++] = 0;
	}
	return len;
}

static void
put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void
put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static uint32_t
get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t
get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

static bool
bit(const uint8_t *bits, size_t i)
{
	return (bits[i / 8] & 0x80 >> i % 8) != 0;
}

static void
set_bit(uint8_t *bits, size_t i)
{
	bits[i / 8] = (uint8_t)(bits[i / 8] | 0x80 >> i % 8);
}

/* ---- making and showing ---------------------------------------------------------- */

int
csn_line_init(struct csn_line *line, const struct csn_line_setup *setup)
{
	if (setup->data_size < CSN_LINE_DATA_MIN || setup->data_size > CSN_LINE_DATA_MAX ||
	    setup->baud == 0 || setup->buf == NULL || setup->cap == 0)
		return CSN_E_INVALID;
	memset(line, 0, sizeof *line);
	line->setup  = *setup;
	line->peer   = NO_EPOCH;
	line->before = NO_EPOCH;
	return CSN_OK;
}

/* The message from its first fragment, under a name of its own. */
static void
say(struct csn_line *line)
{
	struct csn_line_out *out = &line->out;

	memset(out->order, 0, sizeof out->order);
	memset(out->acked, 0, sizeof out->acked);
	out->held = 0;
	out->id = (uint32_t)line->setup.epoch << 16 | ++line->counter;
	out->sending = true;
}

void
csn_line_restart(struct csn_line *line)
{
	line->raw_len  = 0;
	line->lost     = false;
	line->heard    = false;
	line->greet_ms = 0;
	line->ack      = false;
	line->settle   = false;
	if (line->out.message.len > 0)
		say(line);
}

int
csn_line_send(struct csn_line *line, struct csn_bytes message)
{
	const size_t size = line->setup.data_size, total = (message.len + size - 1) / size;

	if (message.len == 0)
		return CSN_E_INVALID;
	if (total > CSN_LINE_FRAGMENTS)
		return CSN_E_TOO_BIG;
	line->out.message = message;
	line->out.total   = (uint32_t)total;
	say(line);
	return CSN_OK;
}

void
csn_line_rest(struct csn_line *line)
{
	line->out.message = CSN_BYTES_NONE;
	line->out.sending = false;
}

bool
csn_line_sent(const struct csn_line *line)
{
	return line->out.message.len > 0 && !line->out.sending;
}

/* ---- going out --------------------------------------------------------------------- */

static size_t
seal(uint8_t *raw, size_t len, uint8_t *out, size_t cap)
{
	put32(raw + len, csn_crc32c((struct csn_bytes){ raw, len }));
	len = csn_cobs_encode((struct csn_bytes){ raw, len + CRC }, out + 1, cap - 2);
	if (len == 0)
		return 0;
	out[0] = 0;
	out[len + 1] = 0;
	return len + 2;
}

static size_t
head(uint8_t *raw, enum kind kind, uint32_t id, uint32_t index, uint32_t total)
{
	raw[0] = (uint8_t)kind;
	put32(raw + 1, id);
	put16(raw + 5, index);
	put16(raw + 7, total);
	return HEAD;
}

static size_t
acknowledge(struct csn_line *line, uint8_t *raw)
{
	const struct csn_line_in *in = &line->in;
	size_t len = head(raw, KIND_ACK, in->id, in->next, in->total), bits = 0;

	line->ack = false;
	memset(raw + len, 0, ACK_BYTES);
	for (size_t i = in->next; i < in->total && i - in->next < ACK_BYTES * 8u; i++)
		if (bit(in->seen, i)) {
			set_bit(raw + len, i - in->next);
			bits = i - in->next + 1;
		}
	return len + (bits + 7) / 8;
}

static uint64_t
frame_ms(const struct csn_line *line)
{
	return (line->setup.data_size + 20) * UINT64_C(10000) / line->setup.baud;
}

/* The first fragment that is due, within the window; total when there is none. */
static uint32_t
due(const struct csn_line *line, uint64_t now_ms, uint32_t *ret_flying, uint64_t *ret_wake)
{
	const struct csn_line_out *out = &line->out;
	uint32_t found = out->total, flying = 0;

	*ret_wake = UINT64_MAX;
	for (uint32_t i = out->held; i < out->total && flying < CSN_LINE_WINDOW; i++) {
		if (bit(out->acked, i))
			continue;
		const bool waits = out->order[i] != 0 && out->due_ms[i] > now_ms;
		if (waits && out->due_ms[i] < *ret_wake)
			*ret_wake = out->due_ms[i];
		if (!waits && found == out->total)
			found = i;
		flying++;
	}
	*ret_flying = flying;
	return found;
}

static size_t
fragment(struct csn_line *line, uint64_t now_ms, uint8_t *raw)
{
	struct csn_line_out *out = &line->out;
	uint32_t flying;
	uint64_t wake;

	const uint32_t i = due(line, now_ms, &flying, &wake);
	if (i == out->total)
		return 0;
	const size_t size = line->setup.data_size, at = i * size;
	const size_t len = out->message.len - at < size ? out->message.len - at : size;
	line->count.repeats += out->order[i] != 0;
	out->order[i] = ++line->order;
	out->due_ms[i] = now_ms + (flying + 2) * frame_ms(line) + SLACK_MS;
	size_t n = head(raw, KIND_DATA, out->id, i, out->total);
	memcpy(raw + n, out->message.ptr + at, len);
	return n + len;
}

size_t
csn_line_output(struct csn_line *line, uint64_t now_ms, uint8_t *out, size_t cap)
{
	uint8_t raw[CSN_LINE_RAW_MAX];
	size_t len = 0;

	if (cap < CSN_LINE_FRAME_MAX)
		return 0;
	if (!line->heard && line->greet_ms <= now_ms) {
		len = head(raw, KIND_GREET, (uint32_t)line->setup.epoch << 16, 0, 0);
		line->greet_ms = now_ms + GREET_MS;
	} else if (line->answer) {
		len = head(raw, KIND_GREET, (uint32_t)line->setup.epoch << 16, 1, 0);
		line->answer = false;
	} else if (line->ack) {
		len = acknowledge(line, raw);
	} else if (line->settle) {
		len = head(raw, KIND_SETTLED, line->out.id, 0, line->out.total);
		line->settle = false;
	} else if (line->out.sending) {
		len = fragment(line, now_ms, raw);
	}
	return len == 0 ? 0 : seal(raw, len, out, cap);
}

uint64_t
csn_line_wake(const struct csn_line *line)
{
	uint32_t flying;
	uint64_t wake = UINT64_MAX;

	if (line->ack || line->answer || line->settle)
		return 0;
	if (line->out.sending && due(line, 0, &flying, &wake) < line->out.total)
		return 0;
	if (!line->heard && line->greet_ms < wake)
		wake = line->greet_ms;
	return wake;
}

bool
csn_line_owes(const struct csn_line *line)
{
	return line->in.used && line->in.over && !line->in.settled;
}

void
csn_line_remind(struct csn_line *line)
{
	line->ack = csn_line_owes(line);
}

/* ---- coming in --------------------------------------------------------------------- */

/* Is @epoch the other end's?  A new one is a new start of it, which has seen nothing. */
static bool
know(struct csn_line *line, uint32_t epoch)
{
	if (epoch == line->setup.epoch || epoch == line->before)
		return false;
	line->heard = true;
	if (epoch == line->peer)
		return true;
	if (line->peer != NO_EPOCH && line->out.message.len > 0)
		say(line);
	line->before  = line->peer;
	line->peer    = epoch;
	line->in.used = false;
	return true;
}

static void
note_held(struct csn_line_out *out, uint32_t index, struct csn_bytes bits)
{
	uint32_t newest = 0;

	for (uint32_t i = 0; i < out->total; i++) {
		const size_t at = i - index;
		const bool held = i < index || (at / 8 < bits.len && bit(bits.ptr, at));
		if (!held || out->order[i] == 0)
			continue;
		set_bit(out->acked, i);
		if (out->order[i] > newest)
			newest = out->order[i];
	}
	while (out->held < out->total && bit(out->acked, out->held))
		out->held++;
	out->sending = out->held < out->total;
	/* A line keeps the order: what was sent before one that came is lost. */
	for (uint32_t i = out->held; i < out->total; i++)
		if (!bit(out->acked, i) && out->order[i] != 0 && out->order[i] < newest)
			out->due_ms[i] = 0;
}

static void
on_ack(struct csn_line *line, const uint8_t *raw, size_t len)
{
	struct csn_line_out *out = &line->out;
	const uint32_t index = get16(raw + 5);

	if (get32(raw + 1) != out->id || get16(raw + 7) != out->total || index > out->total)
		return;
	line->heard = true;
	if (out->sending)
		note_held(out, index, (struct csn_bytes){ raw + HEAD, len - HEAD });
	line->settle |= !out->sending && index == out->total;
}

static void
on_settled(struct csn_line_in *in, const uint8_t *raw)
{
	in->settled |= in->used && in->over && get32(raw + 1) == in->id &&
		       get16(raw + 7) == in->total;
}

/* Does the fragment belong to a message that is older than the one coming in? */
static bool
is_old(const struct csn_line_in *in, uint32_t id)
{
	return in->used && id >> 16 == in->id >> 16 && (int16_t)(id - in->id) < 0;
}

static bool
fits(const struct csn_line *line, uint32_t index, uint32_t total, size_t len)
{
	const struct csn_line_in *in = &line->in;
	const bool last = index + 1 == total;

	if (total == 0 || total > CSN_LINE_FRAGMENTS || index >= total || len == 0 ||
	    len > CSN_LINE_DATA_MAX || total != in->total)
		return false;
	if (last && total > 1)
		return in->size != 0 && len <= in->size &&
		       (total - 1) * in->size + len <= line->setup.cap;
	return (in->size == 0 || in->size == len) && (total - 1) * len + 1 <= line->setup.cap &&
	       (total > 1 || len <= line->setup.cap);
}

static void
on_data(struct csn_line *line, const uint8_t *raw, size_t len, struct csn_bytes *ret_message)
{
	struct csn_line_in *in = &line->in;
	const uint32_t id = get32(raw + 1), index = get16(raw + 5), total = get16(raw + 7);

	if (is_old(in, id))
		return;
	if (!in->used || in->id != id)
		*in = (struct csn_line_in){ .used = true, .id = id, .total = total };
	if (!fits(line, index, total, len - HEAD)) {
		line->count.bad++;
		return;
	}
	line->ack = true;
	if (in->over || bit(in->seen, index))
		return;
	if (in->size == 0)
		in->size = len - HEAD;
	if (index + 1 == total)
		in->last_len = len - HEAD;
	memcpy(line->setup.buf + index * in->size, raw + HEAD, len - HEAD);
	set_bit(in->seen, index);
	in->held++;
	while (in->next < in->total && bit(in->seen, in->next))
		in->next++;
	if (in->held < in->total)
		return;
	in->over = true;
	line->count.messages++;
	*ret_message = (struct csn_bytes){ line->setup.buf,
					   (total - 1) * in->size + in->last_len };
}

static void
on_frame(struct csn_line *line, struct csn_bytes *ret_message)
{
	uint8_t *raw = line->raw;
	size_t len = csn_cobs_decode((struct csn_bytes){ raw, line->raw_len }, raw,
				     sizeof line->raw);

	if (len < HEAD + CRC ||
	    csn_crc32c((struct csn_bytes){ raw, len - CRC }) != get32(raw + len - CRC)) {
		line->count.bad++;
		return;
	}
	len -= CRC;
	line->count.frames++;
	const uint32_t epoch = get32(raw + 1) >> 16;
	if (raw[0] == KIND_ACK)
		on_ack(line, raw, len);
	else if (raw[0] == KIND_GREET)
		line->answer |= know(line, epoch) && get16(raw + 5) == 0;
	else if (raw[0] == KIND_DATA && know(line, epoch))
		on_data(line, raw, len, ret_message);
	else if (raw[0] == KIND_SETTLED && know(line, epoch))
		on_settled(&line->in, raw);
}

void
csn_line_input(struct csn_line *line, struct csn_bytes bytes, size_t *ret_used,
               struct csn_bytes *ret_message)
{
	size_t at = 0;

	*ret_message = CSN_BYTES_NONE;
	while (at < bytes.len && ret_message->len == 0) {
		const uint8_t byte = bytes.ptr[at++];
		if (byte != 0) {
			line->lost |= line->raw_len == sizeof line->raw;
			if (!line->lost)
				line->raw[line->raw_len++] = byte;
			continue;
		}
		if (line->lost)
			line->count.bad++;
		else if (line->raw_len > 0)
			on_frame(line, ret_message);
		line->raw_len = 0;
		line->lost = false;
	}
	*ret_used = at;
}
