/* What was reported about a session, and how its texts are read. */
#include "core/policy/int.h"

#include "lib/dcbor.h"
#include "lib/hex.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
policy_printable(const char *text, size_t room, size_t least)
{
	size_t len = strnlen(text, room);

	if (len < least || len == room)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return true;
}

static struct csn_fact *
fact_row(const struct facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->count; i++)
		if (strcmp(facts->rows[i].name, name) == 0)
			return (struct csn_fact *)&facts->rows[i];
	return NULL;
}

int
facts_set(struct facts *facts, const char *name, const char *value)
{
	struct csn_fact row = { .name = "" };

	if (name == NULL || value == NULL || !policy_printable(name, sizeof row.name, 1) ||
	    !policy_printable(value, sizeof row.value, 0))
		return CSN_E_INVALID;
	struct csn_fact *at = fact_row(facts, name);
	if (at == NULL) {
		if (facts->count == POLICY_FACTS_MAX)
			return CSN_E_TOO_BIG;
		at = &facts->rows[facts->count++];
	}
	memcpy(row.name, name, strlen(name));
	memcpy(row.value, value, strlen(value));
	*at = row;
	return CSN_OK;
}

const char *
facts_get(const struct facts *facts, const char *name)
{
	const struct csn_fact *row = fact_row(facts, name);

	return row != NULL ? row->value : NULL;
}

bool
facts_id(const struct facts *facts, const char *name, uint8_t ret_id[16])
{
	const char *hex = facts_get(facts, name);

	return hex != NULL && csn_hex_read((struct csn_bytes){ (const uint8_t *)hex, strlen(hex) },
	                                   CSN_HEX_LOWER, ret_id, 16);
}

bool
policy_list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at != NULL; at = strchr(at, ',')) {
		at += *at == ',';
		if (len > 0 && strncmp(at, word, len) == 0 &&
		    (at[len] == ',' || at[len] == '\0'))
			return true;
		if (*at == '\0')
			break;
	}
	return false;
}

bool
policy_number(const char *text, int64_t *ret_value)
{
	size_t digits = strspn(text, "0123456789");
	int64_t value = 0;

	if (digits == 0 || digits > 18 || text[digits] != '\0')
		return false;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (text[i] - '0');
	*ret_value = value;
	return true;
}

int
facts_add(struct facts *facts, const char *name, const char *word)
{
	const char *held = facts_get(facts, name);
	char text[sizeof facts->rows[0].value];

	if (held == NULL || held[0] == '\0')
		return facts_set(facts, name, word);
	if (policy_list_has(held, word))
		return CSN_OK;
	if (snprintf(text, sizeof text, "%s,%s", held, word) >= (int)sizeof text)
		return CSN_E_TOO_BIG;
	return facts_set(facts, name, text);
}

static int
by_name(const void *a, const void *b)
{
	const struct csn_fact *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int
facts_hash(const struct facts *facts, uint8_t ret_hash[32])
{
	struct facts *sorted = malloc(sizeof *sorted);
	size_t room = 16 + sizeof facts->rows;
	uint8_t *bytes = malloc(room);
	struct csn_dcbor_out out;
	struct csn_bytes done = { NULL, 0 };
	int r = CSN_E_NOMEM;

	if (sorted == NULL || bytes == NULL)
		goto end;
	*sorted = *facts;
	qsort(sorted->rows, sorted->count, sizeof *sorted->rows, by_name);
	csn_dcbor_out_init(&out, bytes, room);
	csn_dcbor_put_array(&out, 2 * sorted->count);
	for (size_t i = 0; i < sorted->count; i++) {
		csn_dcbor_put_text(&out, sorted->rows[i].name);
		csn_dcbor_put_text(&out, sorted->rows[i].value);
	}
	r = csn_dcbor_out_end(&out, &done);
	if (r == CSN_OK &&
	    EVP_Digest(done.ptr, done.len, ret_hash, NULL, EVP_sha256(), NULL) != 1)
		r = CSN_E_INTERNAL;
end:
	free(sorted);
	free(bytes);
	return r;
}
