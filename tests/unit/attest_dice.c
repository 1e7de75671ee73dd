/*
 * Negative DICE chains: no public suite has any, so each is forged with fresh keys, wrong
 * in one thing, and must be refused by the check that is about it, at the right layer.
 */
#include "kit/tap.h"

#include "../plugins/attest/dice/dice.h"
#include "kit/dice-forge.h"
#include "lib/dcbor.h"

#define NOW 1795000000 /* 2026-11-18 */

/* One thing done to a chain that was good. */
enum op {
	NONE,
	MEMBER,  /* member @a of TcbInfo @b becomes @text                               */
	SWAP,    /* members @a and @b of the first TcbInfo change places                */
	TCBS,    /* TcbInfo @a and @b change places                                     */
	RAW,     /* the extension's value is @text                                      */
	MULTI,   /* under the other OID                                                 */
	BOTH,
	UEID, BASIC, USAGE, EXTRA, SERIAL, SPKI, AKI, ALG, VERSION_IS, BEFORE, AFTER,
	ISSUER, SUBJECT,
	SIGNER,  /* signed by the key of @a                                             */
	KEY,     /* the key of @a                                                       */
	SPOIL, TRAIL,
	DROP,    /* without this certificate                                            */
	SPLICE,  /* without it, and the one above signed and named as if                */
	APPEND,  /* one more certificate on top, with @a TcbInfo                        */
	UNMEASURED,
};

struct step {
	enum op     op;
	unsigned    at; /* certificate                                                  */
	unsigned    a, b;
	const char *text;
};

static void
set_text(struct forge_cert *cert, enum op op, const char *text)
{
	const char **const places[] = {
		[RAW] = &cert->tcb_raw, [UEID] = &cert->ueid, [BASIC] = &cert->basic,
		[USAGE] = &cert->usage, [EXTRA] = &cert->extra, [SERIAL] = &cert->serial,
		[SPKI] = &cert->spki, [AKI] = &cert->aki, [ALG] = &cert->inner_alg,
		[VERSION_IS] = &cert->version, [BEFORE] = &cert->not_before,
		[AFTER] = &cert->not_after, [ISSUER] = &cert->issuer, [SUBJECT] = &cert->subject,
	};

	*places[op] = text;
}

static void
drop(struct forge_chain *chain, unsigned at, bool splice)
{
	if (splice && at + 1 < chain->count) {
		chain->certs[at + 1].issuer = chain->certs[at - 1].subject;
		chain->certs[at + 1].signer = chain->certs[at - 1].key;
	}
	for (size_t i = at; i + 1 < chain->count; i++)
		chain->certs[i] = chain->certs[i + 1];
	chain->count--;
}

static void
apply(struct forge_chain *chain, const struct step *step)
{
	struct forge_cert *cert = &chain->certs[step->at];
	struct forge_tcb   tcb;
	const char        *member;

	switch (step->op) {
	case NONE:
		break;
	case MEMBER:
		cert->tcbs[step->b].members[step->a] = step->text;
		break;
	case SWAP:
		member = cert->tcbs[0].members[step->a];
		cert->tcbs[0].members[step->a] = cert->tcbs[0].members[step->b];
		cert->tcbs[0].members[step->b] = member;
		break;
	case TCBS:
		tcb = cert->tcbs[step->a];
		cert->tcbs[step->a] = cert->tcbs[step->b];
		cert->tcbs[step->b] = tcb;
		break;
	case MULTI:
		cert->multi = !cert->multi;
		break;
	case BOTH:
		cert->both = true;
		break;
	case SIGNER:
		cert->signer = chain->keys[step->a];
		break;
	case KEY:
		cert->key = chain->keys[step->a];
		break;
	case SPOIL:
		cert->spoil = true;
		break;
	case TRAIL:
		cert->trailing = true;
		break;
	case DROP:
	case SPLICE:
		drop(chain, step->at, step->op == SPLICE);
		break;
	case APPEND:
		cert->tcb_count = step->a;
		chain->count++;
		break;
	case UNMEASURED:
		cert->tcb_count = 0;
		break;
	default:
		set_text(cert, step->op, step->text);
		break;
	}
}

#define COMPRESSED_P256 \
	"3039301306072a8648ce3d020106082a8648ce3d030107032200" \
	"036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
#define OFF_CURVE_P256 \
	"3059301306072a8648ce3d020106082a8648ce3d030107034200" \
	"046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" \
	"6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
#define SECP256K1 \
	"3056301006072a8648ce3d020106052b8104000a034200" \
	"0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798" \
	"483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"

static const struct mutant {
	const char *what, *reason; /* NULL: nothing wrong with it                        */
	int         layer;
	struct step steps[3];
} mutants[] = {
	{ "nothing is wrong", NULL, 0, { { NONE, 0, 0, 0, NULL } } },
	{ "flags of no bit in the shortest form", NULL, 0, { { MEMBER, 3, FLAGS, 0, "870100" } } },
	{ "an SVN above the reference", NULL, 0, { { MEMBER, 3, SVN, 0, "830106" } } },
	{ "a chain that begins below the maker", NULL, 0, { { DROP, 0, 0, 0, NULL } } },

	/* TcbInfo: form */
	{ "model before vendor", "dice.tcb.syntax", 3, { { SWAP, 3, VENDOR, MODEL, NULL } } },
	{ "SVN before version", "dice.tcb.syntax", 3, { { SWAP, 3, VERSION, SVN, NULL } } },
	{ "flags before FWIDs", "dice.tcb.syntax", 3, { { SWAP, 3, FWIDS, FLAGS, NULL } } },
	{ "index before layer", "dice.tcb.syntax", 4, { { SWAP, 4, LAYER, INDEX, NULL } } },
	{ "the order wrong in a MultiTcbInfo", "dice.tcb.syntax", 2, { { SWAP, 2, SVN, LAYER, NULL } } },
	{ "the SVN twice", "dice.tcb.syntax", 3, { { MEMBER, 3, END, 0, "830105" } } },
	{ "the flags twice, none then debug", "dice.tcb.syntax", 3,
	  { { MEMBER, 3, END, 0, "87050010000001" } } },
	{ "an unknown member", "dice.tcb.syntax", 3, { { MEMBER, 3, END, 0, "8c0100" } } },
	{ "no FWID in the list", "dice.tcb.syntax", 3, { { MEMBER, 3, FWIDS, 0, "a600" } } },
	{ "a digest one byte short", "dice.tcb.syntax", 3,
	  { { MEMBER, 3, FWIDS, 0,
	      "a62e302c" OID_SHA256 "041f a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1" } } },
	{ "SHA-384 named over 32 bytes", "dice.tcb.syntax", 3,
	  { { MEMBER, 3, FWIDS, 0, "a62f302d" OID_SHA384 "0420" DIGEST_A } } },
	{ "SHA-1", "dice.tcb.syntax", 3,
	  { { MEMBER, 3, FWIDS, 0,
	      "a61f301d06052b0e03021a0414 a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1" } } },
	{ "the digest before its hash", "dice.tcb.syntax", 3,
	  { { MEMBER, 3, FWIDS, 0, "a62f302d0420" DIGEST_A OID_SHA256 } } },
	{ "the FWID list primitive", "dice.tcb.syntax", 3,
	  { { MEMBER, 3, FWIDS, 0, "862f" FWID_A } } },
	{ "a negative SVN", "dice.tcb.syntax", 3, { { MEMBER, 3, SVN, 0, "8301ff" } } },
	{ "an SVN with a zero in front", "dice.tcb.syntax", 3, { { MEMBER, 3, SVN, 0, "83020005" } } },
	{ "an SVN of 2^64 and more", "dice.tcb.syntax", 3,
	  { { MEMBER, 3, SVN, 0, "8309010000000000000005" } } },
	{ "an empty SVN", "dice.tcb.syntax", 3, { { MEMBER, 3, SVN, 0, "8300" } } },
	{ "a TcbInfo of nothing", "dice.tcb.syntax", 3, { { RAW, 3, 0, 0, "3000" } } },
	{ "bytes behind the TcbInfo", "dice.tcb.syntax", 3, { { RAW, 3, 0, 0, "30038301050500" } } },
	{ "a long length where a short one goes", "dice.tcb.syntax", 3,
	  { { RAW, 3, 0, 0, "308103830105" } } },
	{ "an indefinite length", "dice.tcb.syntax", 3, { { RAW, 3, 0, 0, "30808301050000" } } },
	{ "flags with bits that do not count", "dice.tcb.syntax", 3,
	  { { MEMBER, 3, FLAGS, 0, "87020301" } } },
	{ "flags of five bytes of bits", "dice.tcb.syntax", 3,
	  { { MEMBER, 3, FLAGS, 0, "870600 0000000100" } } },
	{ "flags of no content", "dice.tcb.syntax", 3, { { MEMBER, 3, FLAGS, 0, "8700" } } },
	{ "a debug flag the mask leaves out", "dice.tcb.syntax", 3,
	  { { MEMBER, 3, FLAGS, 0, "87050010000001" }, { MEMBER, 3, END, 0, "8a0500c0000001" } } },
	{ "an empty vendor", "dice.tcb.syntax", 3, { { MEMBER, 3, VENDOR, 0, "8000" } } },
	{ "a zero byte in the vendor", "dice.tcb.syntax", 3, { { MEMBER, 3, VENDOR, 0, "800341004d" } } },
	{ "an empty MultiTcbInfo", "dice.tcb.syntax", 2, { { RAW, 2, 0, 0, "3000" } } },
	{ "a list under the OID of one TcbInfo", "dice.tcb.syntax", 3,
	  { { RAW, 3, 0, 0, "30053003830105" } } },
	{ "one TcbInfo under the OID of a list", "dice.tcb.syntax", 2, { { RAW, 2, 0, 0, "3003830105" } } },
	{ "one and a list in one certificate", "dice.tcb.syntax", 3, { { BOTH, 3, 0, 0, NULL } } },
	{ "RIoT's composite id under the OID of TcbInfo", "dice.tcb.syntax", 3,
	  { { RAW, 3, 0, 0, "3032020101" FWID_A } } },

	/* FWID against references */
	{ "another digest of the hardware", "dice.fwid", 2, { { MEMBER, 2, FWIDS, 0, "a62f" FWID_B } } },
	{ "another digest of the first code", "dice.fwid", 2, { { MEMBER, 2, FWIDS, 1, "a62f" FWID_B } } },
	{ "another digest of the runtime", "dice.fwid", 3, { { MEMBER, 3, FWIDS, 0, "a62f" FWID_B } } },
	{ "another digest of the application", "dice.fwid", 4, { { MEMBER, 4, FWIDS, 0, "a62f" FWID_B } } },
	{ "a good digest and one more beside it", "dice.fwid", 3,
	  { { MEMBER, 3, FWIDS, 0, "a65e" FWID_A FWID_B } } },
	{ "a digest by a hash no reference has", "dice.fwid.alg", 3,
	  { { MEMBER, 3, FWIDS, 0, "a63f303d" OID_SHA384 "0430" DIGEST_A "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1" } } },
	{ "no FWID at all", "dice.fwid.absent", 3, { { MEMBER, 3, FWIDS, 0, NULL } } },
	{ "no FWID in a MultiTcbInfo's second", "dice.fwid.absent", 2, { { MEMBER, 2, FWIDS, 1, NULL } } },

	/* SVN */
	{ "an SVN rolled back in the hardware", "dice.svn", 2, { { MEMBER, 2, SVN, 0, "830104" } } },
	{ "an SVN rolled back in the first code", "dice.svn", 2, { { MEMBER, 2, SVN, 1, "830104" } } },
	{ "an SVN rolled back in the runtime", "dice.svn", 3, { { MEMBER, 3, SVN, 0, "830104" } } },
	{ "an SVN rolled back in the application", "dice.svn", 4, { { MEMBER, 4, SVN, 0, "830104" } } },
	{ "an SVN of zero", "dice.svn", 3, { { MEMBER, 3, SVN, 0, "830100" } } },
	{ "no SVN where a minimum stands", "dice.svn", 3, { { MEMBER, 3, SVN, 0, NULL } } },

	/* environment */
	{ "another vendor", "dice.reference.none", 3, { { MEMBER, 3, VENDOR, 0, "800441434d46" } } },
	{ "another model", "dice.reference.none", 3, { { MEMBER, 3, MODEL, 0, "81025255" } } },
	{ "no vendor", "dice.reference.none", 3, { { MEMBER, 3, VENDOR, 0, NULL } } },
	{ "a layer nobody knows", "dice.reference.none", 4, { { MEMBER, 4, LAYER, 0, "840109" } } },
	{ "an index nobody knows", "dice.reference.none", 3, { { MEMBER, 3, INDEX, 0, "850107" } } },
	{ "no layer where references name one", "dice.reference.none", 4,
	  { { MEMBER, 4, LAYER, 0, NULL } } },

	/* flags */
	{ "the application not configured", "dice.flags", 4, { { MEMBER, 4, FLAGS, 0, "87050080000001" } } },
	{ "the application not secure", "dice.flags", 4, { { MEMBER, 4, FLAGS, 0, "87050040000001" } } },
	{ "the application in recovery", "dice.flags", 4, { { MEMBER, 4, FLAGS, 0, "87050020000001" } } },
	{ "the application in debug", "dice.flags", 4, { { MEMBER, 4, FLAGS, 0, "87050010000001" } } },
	{ "debug in the runtime below", "dice.flags", 3, { { MEMBER, 3, FLAGS, 0, "87020410" } } },
	{ "debug in the first code", "dice.flags", 2, { { MEMBER, 2, FLAGS, 1, "87050010000001" } } },
	{ "debug in the hardware", "dice.flags", 2, { { MEMBER, 2, FLAGS, 0, "87050010000001" } } },
	{ "no flags where policy asks for them", "dice.flags.absent", 3, { { MEMBER, 3, FLAGS, 0, NULL } } },

	/* order and number of layers */
	{ "a MultiTcbInfo in the wrong order", "dice.tcb.order", 2, { { TCBS, 2, 0, 1, NULL } } },
	{ "the same layer and index twice", "dice.tcb.order", 2, { { MEMBER, 2, LAYER, 1, "840100" } } },
	{ "a layer lower than the one below", "dice.tcb.order", 4, { { MEMBER, 4, LAYER, 0, "840101" } } },
	{ "a layer left out", "dice.issuer", 2, { { DROP, 2, 0, 0, NULL } } },
	{ "a layer left out, the next signed as if", "dice.layers", 2, { { SPLICE, 2, 0, 0, NULL } } },
	{ "the application's layer left out", "dice.layers", 2, { { DROP, 4, 0, 0, NULL } } },
	{ "one certificate more, by a leaf", "dice.ca", 4, { { APPEND, 5, 0, 0, NULL } } },
	{ "a bare key above by a CDI that may certify", "dice.layer.unmeasured", 5,
	  { { APPEND, 5, 0, 0, NULL }, { BASIC, 4, 0, 0, CA_ANY }, { USAGE, 4, 0, 0, CERT_SIGN } } },
	{ "a fake layer above by a CDI that may certify", "dice.layers", 2,
	  { { APPEND, 5, 1, 0, NULL }, { BASIC, 4, 0, 0, CA_ANY }, { USAGE, 4, 0, 0, CERT_SIGN } } },
	{ "a layer without a measurement in between", "dice.layer.unmeasured", 3,
	  { { UNMEASURED, 3, 0, 0, NULL } } },
	{ "a leaf without a measurement", "dice.layer.unmeasured", 4, { { UNMEASURED, 4, 0, 0, NULL } } },

	/* UEID */
	{ "another UEID in the runtime", "dice.ueid", 3, { { UEID, 3, 0, 0, UEID_B } } },
	{ "another UEID in the leaf", "dice.ueid", 4, { { UEID, 4, 0, 0, UEID_B } } },
	{ "another UEID in the first code", "dice.ueid", 2, { { UEID, 2, 0, 0, UEID_B } } },
	{ "a UEID one byte longer", "dice.ueid", 4,
	  { { UEID, 4, 0, 0, "3014 0412 01 000102030405060708090a0b0c0d0e0f 00" } } },
	{ "a UEID of three bytes", "dice.ueid.syntax", 4, { { UEID, 4, 0, 0, "30050403010203" } } },
	{ "a bare UEID", "dice.ueid.syntax", 4,
	  { { UEID, 4, 0, 0, "0411 01 000102030405060708090a0b0c0d0e0f" } } },
	{ "bytes behind the UEID", "dice.ueid.syntax", 4, { { UEID, 4, 0, 0, UEID_A "0500" } } },

	/* keys */
	{ "the leaf has the runtime's key", "dice.key.repeated", 4, { { KEY, 4, 3, 0, NULL } } },
	{ "the leaf has the maker's key", "dice.key.repeated", 4, { { KEY, 4, 0, 0, NULL } } },
	{ "the first code has the device's key", "dice.key.repeated", 2,
	  { { KEY, 2, 1, 0, NULL }, { SIGNER, 3, 1, 0, NULL } } },
	{ "a key on a curve of nobody's", "dice.key", 4, { { SPKI, 4, 0, 0, SECP256K1 } } },
	{ "a compressed point", "dice.key", 4, { { SPKI, 4, 0, 0, COMPRESSED_P256 } } },
	{ "a point off the curve", "dice.key", 4, { { SPKI, 4, 0, 0, OFF_CURVE_P256 } } },

	/* names and signatures */
	{ "a subject twice", "dice.subject.repeated", 4, { { SUBJECT, 4, 0, 0, "device" } } },
	{ "a leaf that names itself", "dice.issuer", 4, { { ISSUER, 4, 0, 0, "app" } } },
	{ "the runtime names another issuer", "dice.issuer", 3, { { ISSUER, 3, 0, 0, "fmx" } } },
	{ "the first code names another issuer", "dice.issuer", 2, { { ISSUER, 2, 0, 0, "maker" } } },
	{ "the runtime has another subject", "dice.issuer", 4, { { SUBJECT, 3, 0, 0, "runtimf" } } },
	{ "the device has another subject", "dice.issuer", 2, { { SUBJECT, 1, 0, 0, "Device" } } },
	{ "a leaf signed by a stranger", "dice.signature", 4,
	  { { SIGNER, 4, 6, 0, NULL }, { AKI, 4, 0, 0, "" } } },
	{ "a leaf signed by the layer before the last", "dice.signature", 4,
	  { { SIGNER, 4, 2, 0, NULL }, { AKI, 4, 0, 0, "" } } },
	{ "a leaf signed by itself", "dice.signature", 4,
	  { { SIGNER, 4, 4, 0, NULL }, { AKI, 4, 0, 0, "" } } },
	{ "the runtime signed by the maker", "dice.signature", 3,
	  { { SIGNER, 3, 0, 0, NULL }, { AKI, 3, 0, 0, "" } } },
	{ "one bit of a signature", "dice.signature", 3, { { SPOIL, 3, 0, 0, NULL } } },
	{ "one bit of the maker's signature", "dice.signature", 0, { { SPOIL, 0, 0, 0, NULL } } },
	{ "a key id of another issuer", "dice.keyid", 3,
	  { { AKI, 3, 0, 0, "0102030405060708090a0b0c0d0e0f1011121314" } } },
	{ "a maker of the same name and another key", "dice.anchor", 0,
	  { { KEY, 0, 6, 0, NULL }, { SIGNER, 0, 6, 0, NULL }, { SIGNER, 1, 6, 0, NULL } } },
	{ "a device below another maker", "dice.anchor", 0,
	  { { SIGNER, 1, 6, 0, NULL }, { DROP, 0, 0, 0, NULL } } },

	/* X.509 */
	{ "a layer that is no CA", "dice.ca", 2, { { BASIC, 2, 0, 0, "3000" } } },
	{ "a layer without basicConstraints", "dice.ca", 2, { { BASIC, 2, 0, 0, "" } } },
	{ "a path length that is used up", "dice.pathlen", 1, { { BASIC, 1, 0, 0, CA_1 } } },
	{ "a layer that may only sign", "dice.usage", 2, { { USAGE, 2, 0, 0, SIGN } } },
	{ "a leaf that may only agree on keys", "dice.usage", 4, { { USAGE, 4, 0, 0, "03020308" } } },
	{ "a leaf that is a CA without saying what for", "dice.ca", 4, { { BASIC, 4, 0, 0, CA_ANY } } },
	{ "a critical extension nobody knows", "dice.x509.critical", 2,
	  { { EXTRA, 2, 0, 0, "300c 0603550463 0101ff 0402 0500" } } },
	{ "a critical one in the maker's certificate", "dice.x509.critical", 0,
	  { { EXTRA, 0, 0, 0, "300c 0603550463 0101ff 0402 0500" } } },
	{ "TcbInfo's older OID, critical", "dice.x509.critical", 3,
	  { { EXTRA, 3, 0, 0, "300f 0606678105050402 0101ff 0402 0500" } } },
	{ "an extension twice", "dice.x509.extensions", 3,
	  { { EXTRA, 3, 0, 0, "300e 0603551d13 0101ff 0404 30020500" } } },
	{ "CA: FALSE written out", "dice.x509.basic", 4, { { BASIC, 4, 0, 0, "3003010100" } } },
	{ "a usage with a bit too many", "dice.x509.usage", 4, { { USAGE, 4, 0, 0, "0302 0081" "00" } } },
	{ "an algorithm inside that is not outside", "dice.x509.algorithm", 4,
	  { { ALG, 4, 0, 0, "300a06082a8648ce3d040303" } } },
	{ "SHA-1", "dice.x509.algorithm", 4, { { ALG, 4, 0, 0, "300906072a8648ce3d0401" } } },
	{ "a byte behind a certificate", "dice.x509.syntax", 3, { { TRAIL, 3, 0, 0, NULL } } },
	{ "version 1", "dice.x509.syntax", 3, { { VERSION_IS, 3, 0, 0, "" } } },
	{ "a serial of zero", "dice.x509.syntax", 3, { { SERIAL, 3, 0, 0, "00" } } },
	{ "a negative serial", "dice.x509.syntax", 3, { { SERIAL, 3, 0, 0, "80" } } },
	{ "a serial of 21 bytes", "dice.x509.syntax", 3,
	  { { SERIAL, 3, 0, 0, "0102030405060708090a0b0c0d0e0f101112131415" } } },
	{ "a leaf that has ended", "dice.time", 4, { { AFTER, 4, 0, 0, "20260301000000Z" } } },
	{ "a layer that has not begun", "dice.time", 2, { { BEFORE, 2, 0, 0, "20270101000000Z" } } },
	{ "a time that is none", "dice.x509.syntax", 2, { { BEFORE, 2, 0, 0, "20260230000000Z" } } },

	/* the Open Profile's extension */
	{ "an input in debug mode", "dice.mode", 4,
	  { { EXTRA, 4, 0, 0,
	      "3018 060a2b06010401d679020118 0101ff 0407 3005a6030a0102" },
	    { BASIC, 4, 0, 0, CA_ANY }, { USAGE, 4, 0, 0, CERT_SIGN } } },
	{ "an input in the certificate of a key that signs", "dice.usage", 4,
	  { { EXTRA, 4, 0, 0,
	      "3018 060a2b06010401d679020118 0101ff 0407 3005a6030a0101" } } },
};

static struct dice_ref
reference(const char *model, uint64_t layer)
{
	static uint8_t digest[32];

	memset(digest, 0xa1, sizeof digest);
	return (struct dice_ref){
		.vendor = { (const uint8_t *)"ACME", 4 },
		.model = { (const uint8_t *)model, strlen(model) },
		.has_layer = true,
		.layer = layer,
		.has_index = true,
		.has_svn = true,
		.svn_min = true,
		.svn = 5,
		.fwids = { { DICE_SHA256, { digest, sizeof digest } } },
		.fwid_count = 1,
	};
}

static int
judge(const struct forge_chain *forged, struct csn_pubkey *anchor, struct csn_verdict *verdict)
{
	const struct dice_ref refs[] = { reference("HW1", 0), reference("FMC", 1),
		                         reference("RT", 2), reference("APP", 3) };
	struct dice_policy policy = {
		.anchors = anchor,
		.anchor_count = 1,
		.unix_s = NOW,
		.layers_min = 3,
		.layers_max = 3,
	};
	static struct dice_chain chain;

	memset(&chain, 0, sizeof chain);
	int r = dice_read_x509(forged->der, forged->count, &chain, verdict);
	if (r == CSN_OK)
		r = dice_chain_judge(&chain, &policy, verdict);
	if (r == CSN_OK)
		r = dice_appraise(&chain, refs, 4, NOW, verdict);
	dice_chain_done(&chain);
	return r;
}

static void
test_mutant(const struct mutant *m, struct forge_chain *forged, struct csn_pubkey *anchor)
{
	struct csn_verdict verdict = { .size = sizeof verdict };

	forge_describe(forged);
	for (size_t i = 0; i < 3; i++)
		apply(forged, &m->steps[i]);
	forge_build(forged);
	int  r = judge(forged, anchor, &verdict);
	bool good = m->reason == NULL ?
	                    r == CSN_OK && verdict.judgement == CSN_UNDECIDED &&
	                            verdict.trust[CSN_TRUST_EXECUTABLES] == CSN_CODE_AFFIRMED :
	                    r == CSN_E_REFUSED && verdict.judgement == CSN_REJECTED &&
	                            strcmp(verdict.reason, m->reason) == 0 &&
	                            verdict.reasons[0].layer == m->layer;
	if (!tap_ok(good, "%s", m->what))
		tap_note("got %d %s at %d, wanted %s at %d", r, verdict.reason,
		         verdict.reasons[0].layer, m->reason == NULL ? "none" : m->reason,
		         m->layer);
}

static void
test_mutants(void)
{
	static struct forge_chain forged;
	struct csn_pubkey         anchor = { 0 };
	uint8_t                   spki[200];

	forge_keys(&forged);
	csn_pubkey_from_spki((struct csn_bytes){ spki, forge_spki(forged.keys[0], spki) },
	                     &anchor, NULL);
	for (size_t i = 0; i < sizeof mutants / sizeof *mutants; i++)
		test_mutant(&mutants[i], &forged, &anchor);
	csn_pubkey_done(&anchor);
	forge_done(&forged);
}

/* A reference counts while the CoRIM it came from is valid, whenever it was loaded. */
static void
test_validity(void)
{
	struct csn_corim         corim = { .not_before = NOW - 10, .not_after = NOW + 10 };
	struct dice_tcb          tcb = { .vendor = { (const uint8_t *)"ACME", 4 }, .has_svn = true,
		                         .svn = 5 };
	struct dice_ref          ref = { .vendor = tcb.vendor, .has_svn = true, .svn = 5,
		                         .from = &corim };
	static struct dice_chain chain;
	static const struct {
		const char *what;
		int64_t     at;
		int         want;
	} cases[] = {
		{ "a reference valid now", NOW, CSN_OK },
		{ "a reference whose CoRIM ended since it was loaded", NOW + 11, CSN_E_REFUSED },
		{ "a reference whose CoRIM has not begun", NOW - 11, CSN_E_REFUSED },
	};

	chain.form = DICE_X509;
	chain.count = 1;
	chain.layers[0].tcb_count = 1;
	chain.layers[0].tcb[0] = tcb;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct csn_verdict verdict = { .size = sizeof verdict };
		int r = dice_appraise(&chain, &ref, 1, cases[i].at, &verdict);
		tap_ok(r == cases[i].want &&
		               (r == CSN_OK || strcmp(verdict.reason, "dice.reference.none") == 0),
		       "%s", cases[i].what);
	}
}

int
main(void)
{
	test_validity();
	test_mutants();
	return tap_done();
}
