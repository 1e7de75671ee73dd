/*
 * The fixed facts of ISO/IEC 18004 that reader and writer need: sizes, blocks, which
 * module means what, masks, format and version words.
 */
#ifndef CHANNEL_QR_SPEC_H
#define CHANNEL_QR_SPEC_H

#include "qr.h"

enum {
	QR_VERSION_MAX   = 40,
	QR_MODULES_MAX   = QR_SIDE_MAX * QR_SIDE_MAX,
	QR_CODEWORDS_MAX = 3706,
	QR_BLOCKS_MAX    = 81,
	QR_ALIGN_MAX     = 7,  /* alignment patterns along one side */
	QR_FORMAT_BITS   = 15,
	QR_VERSION_BITS  = 18,
	QR_MASKS         = 8,
};

struct qr_blocks {
	unsigned count;      /* of blocks */
	unsigned long_count; /* of these, with one more byte of data; they come last */
	unsigned data;       /* bytes of data in a short block */
	unsigned ecc;        /* bytes of correction in every block */
	unsigned total;      /* bytes of the whole code */
};

enum qr_module { /* what a module is, as far as the version alone tells */
	QR_MODULE_DATA,
	QR_MODULE_FORMAT,
	QR_MODULE_LIGHT,
	QR_MODULE_DARK,
};

struct qr_layout {
	unsigned version; /* 0: not made yet */
	unsigned side;
	unsigned bits;                       /* modules in @order */
	uint8_t  kind[QR_MODULES_MAX];       /* enum qr_module, row by row */
	uint16_t order[QR_CODEWORDS_MAX * 8]; /* data modules as they are read */
	uint8_t  masks[QR_CODEWORDS_MAX * 8]; /* of each of these, bit m: mask m inverts it */
};

/* Modules a side; 0 when there is no such version. */
unsigned qr_side(unsigned version);

/* false: no such version or level. */
bool qr_blocks(unsigned version, enum qr_level level, struct qr_blocks *ret_blocks);

/* Centres of the alignment patterns along a side, ascending; returns how many. */
unsigned qr_alignments(unsigned version, unsigned ret_centre[QR_ALIGN_MAX]);

/* Is there an alignment pattern at row @i, column @j of those centres (of @n)? */
bool qr_has_alignment(unsigned n, unsigned i, unsigned j);

/* @version must be 1 to 40. */
void qr_layout_make(unsigned version, struct qr_layout *ret_layout);

/* Does @mask invert this module? */
bool qr_mask(unsigned mask, unsigned row, unsigned column);

/* The 15 bits, mask pattern applied, for level x mask; the 18 bits for versions from 7. */
uint32_t qr_format_word(enum qr_level level, unsigned mask);
uint32_t qr_version_word(unsigned version);

/* Module index of bit @bit (0: least) of copy 0 or 1. */
unsigned qr_format_place(unsigned side, unsigned copy, unsigned bit);
unsigned qr_version_place(unsigned side, unsigned copy, unsigned bit);

#endif
