#include "dice.h"

#include <stdio.h>

#include "lib/hex.h"
#include "lib/verdict.h"

static bool
same(struct csn_bytes a, struct csn_bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Something measured: where it stands and what was found. */
struct component {
	unsigned         at;
	struct csn_bytes vendor, model, type, part, version, ueid;
	bool             has_layer, has_index, has_svn;
	uint64_t         layer, index, svn;
	const struct dice_fwid *fwids;
	size_t           fwid_count;
};

/* What every check needs. */
struct all {
	const struct dice_ref *refs;
	size_t                 count;
	int64_t                unix_s;
	struct csn_bytes       ueid;
	struct csn_verdict    *verdict;
};

/* Is @ref about @c?  What the reference does not name is not asked. */
static bool
is_about(const struct dice_ref *ref, const struct component *c)
{
	return (ref->vendor.len == 0 || same(ref->vendor, c->vendor)) &&
	       (ref->model.len == 0 || same(ref->model, c->model)) &&
	       (ref->type.len == 0 || same(ref->type, c->type)) && same(ref->part, c->part) &&
	       (ref->version.len == 0 || same(ref->version, c->version)) &&
	       (ref->ueid.len == 0 || same(ref->ueid, c->ueid)) &&
	       (!ref->has_layer || (c->has_layer && ref->layer == c->layer)) &&
	       (!ref->has_index || (c->has_index && ref->index == c->index));
}

static void
put_hex(char *text, size_t room, struct csn_bytes bytes)
{
	csn_hex_write(bytes.ptr, bytes.len < room / 2 ? bytes.len : (room - 1) / 2, text);
}

/* Every digest found must be wanted, by the same hash; none found is no match. */
static const char *
match_fwids(const struct dice_ref *ref, const struct component *c, struct csn_bytes *ret_bad)
{
	if (ref->fwid_count == 0)
		return NULL;
	if (c->fwid_count == 0)
		return "dice.fwid.absent";
	for (size_t i = 0; i < c->fwid_count; i++) {
		bool alg = false, found = false;
		for (size_t k = 0; k < ref->fwid_count; k++) {
			alg = alg || ref->fwids[k].alg == c->fwids[i].alg;
			found = found || (ref->fwids[k].alg == c->fwids[i].alg &&
			                  same(ref->fwids[k].digest, c->fwids[i].digest));
		}
		*ret_bad = c->fwids[i].digest;
		if (!found)
			return alg ? "dice.fwid" : "dice.fwid.alg";
	}
	return NULL;
}

static bool
svn_good(const struct dice_ref *ref, const struct component *c)
{
	return !ref->has_svn ||
	       (c->has_svn && (ref->svn_min ? c->svn >= ref->svn : c->svn == ref->svn));
}

/*
 * One reference of the environment must hold whole.  The reason is the one of the
 * reference that held furthest: a digest that matches and an SVN that does not is a
 * rollback.
 */
static int
check_component(const struct all *all, const struct component *c)
{
	const char *why = "dice.reference.none";
	char        found[80] = "", wanted[80] = "a reference value of this environment";
	struct csn_bytes bad = CSN_BYTES_NONE;

	for (size_t i = 0; i < all->count; i++) {
		const struct dice_ref *ref = &all->refs[i];
		if (!is_about(ref, c) ||
		    (ref->from != NULL && !csn_corim_valid(ref->from, all->unix_s)))
			continue;
		const char *fwids = match_fwids(ref, c, &bad);
		bool        svn = svn_good(ref, c);
		if (fwids == NULL && svn)
			return CSN_OK;
		if (fwids == NULL) {
			why = "dice.svn";
			snprintf(found, sizeof found, c->has_svn ? "%llu" : "none",
			         (unsigned long long)c->svn);
			snprintf(wanted, sizeof wanted, "%s%llu", ref->svn_min ? "at least " : "",
			         (unsigned long long)ref->svn);
		} else if (strcmp(why, "dice.svn") != 0) {
			why = fwids;
			put_hex(found, sizeof found, bad);
			put_hex(wanted, sizeof wanted, ref->fwids[0].digest);
		}
	}
	return dice_refuse(all->verdict, CSN_CODE_CONTRAINDICATED, why, c->at,
	                   CSN_TRUST_EXECUTABLES, found, wanted);
}

static int
check_tcb(const struct all *all, const struct dice_tcb *tcb, unsigned at)
{
	struct component c = {
		.at = at,
		.vendor = tcb->vendor,
		.model = tcb->model,
		.type = tcb->type,
		.version = tcb->version,
		.ueid = all->ueid,
		.has_layer = tcb->has_layer,
		.has_index = tcb->has_index,
		.has_svn = tcb->has_svn,
		.layer = tcb->layer,
		.index = tcb->index,
		.svn = tcb->svn,
		.fwids = tcb->fwids,
		.fwid_count = tcb->fwid_count,
	};

	return check_component(all, &c);
}

static unsigned
hash_of(size_t len)
{
	return len == 32 ? DICE_SHA256 : len == 48 ? DICE_SHA384 : DICE_SHA512;
}

/* A CDI certificate's hashes; its layer is its place in the chain. */
static int
check_part(const struct all *all, const struct dice_layer *layer, unsigned at,
           const char *part, struct csn_bytes hash)
{
	struct dice_fwid fwid = { hash_of(hash.len), hash };
	struct component c = {
		.at = at,
		.model = layer->component,
		.part = { (const uint8_t *)part, strlen(part) },
		.ueid = all->ueid,
		.has_layer = true,
		.layer = at,
		.has_svn = layer->has_security_version,
		.svn = layer->security_version,
		.fwids = &fwid,
		.fwid_count = hash.len > 0,
	};

	return check_component(all, &c);
}

static bool
any_about_part(const struct all *all, const char *part)
{
	struct csn_bytes name = { (const uint8_t *)part, strlen(part) };

	for (size_t i = 0; i < all->count; i++)
		if (same(all->refs[i].part, name))
			return true;
	return false;
}

/* The code of every layer is asked; configuration and authority when references name any. */
static int
check_input(const struct all *all, const struct dice_layer *layer, unsigned at)
{
	int r = check_part(all, layer, at, "code", layer->code_hash);

	if (r == CSN_OK && any_about_part(all, "config"))
		r = check_part(all, layer, at, "config", layer->config_hash);
	if (r == CSN_OK && any_about_part(all, "authority"))
		r = check_part(all, layer, at, "authority", layer->authority_hash);
	return r;
}

int
dice_appraise(const struct dice_chain *chain, const struct dice_ref *refs, size_t count,
              int64_t unix_s, struct csn_verdict *verdict)
{
	struct all all = { .refs = refs, .count = count, .unix_s = unix_s, .verdict = verdict };
	unsigned   measured = 0;
	int        r = CSN_OK;

	for (unsigned i = 0; i < chain->count; i++)
		if (chain->layers[i].ueid.len != 0)
			all.ueid = chain->layers[i].ueid;
	for (unsigned i = 0; r == CSN_OK && i < chain->count; i++) {
		const struct dice_layer *layer = &chain->layers[i];
		for (size_t k = 0; r == CSN_OK && k < layer->tcb_count; k++, measured++)
			r = check_tcb(&all, &layer->tcb[k], i);
		if (r == CSN_OK && layer->has_input) {
			r = check_input(&all, layer, i);
			measured++;
		}
	}
	if (r == CSN_OK && measured == 0)
		return dice_refuse(verdict, CSN_CODE_CONTRAINDICATED, "dice.layers", 0,
		                   CSN_TRUST_EXECUTABLES, "no measurement", "measured layers");
	if (r == CSN_OK)
		csn_verdict_claim(verdict, CSN_TRUST_EXECUTABLES, CSN_CODE_AFFIRMED);
	return r;
}
